"""Query strings, read strictly: UTF-8, a bounded number of parameters, no repairs."""

from urllib.parse import parse_qsl

from omni_actors.api.problems import Problem
from omni_actors.gateway.facade import Code

PARAMETERS_MAX = 50


def pairs_of(raw: bytes) -> list[tuple[str, str]]:
    """The parameters of a query string in order. Raises Problem when it cannot be read."""
    try:
        return parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except ValueError:
        raise Problem(
            Code.INVALID, f"the query is not UTF-8, or has more than {PARAMETERS_MAX} parameters"
        ) from None
