"""Mail over real servers: what people write comes in, and what is answered arrives and threads."""

from collections.abc import Iterator

import pytest

from tests.e2e.post import Desk, Office, Post, open_office, text_of


@pytest.fixture(scope="module")
def office(post: Post, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with open_office(folder, post, Desk("support"), Desk("quiet", bot=False)) as opened:
        yield opened


ADA = "ada@example.test"


def test_a_mail_is_received_and_answered_in_its_thread(office: Office, post: Post) -> None:
    first = post.writes(f"Ada <{ADA}>", "support@example.test", "Where is it?", Subject="My order")

    [message] = office.received("support")
    [answer] = post.until(ADA)

    assert message["external_id"] == first
    assert text_of(answer) == "Where is it?"
    print(answer.as_string())
    print(message)
    print(office.channel("support"))
