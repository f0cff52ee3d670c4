"""JSON as types: what a document may hold once it is decoded."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

# A real type and no text: where classes are taken apart, their fields' types are looked at.
Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
JsonObject: TypeAlias = Mapping[str, Json]
