"""What an IMAP server says is read the same wherever the network cuts it, and nonsense is told."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.wire.imap_framing import (
    HELD_BYTES_MAX,
    LINE_BYTES_MAX,
    Framing,
    Malformed,
    Piece,
    Response,
    Streamed,
)
from omni_actors.wire.imap_replies import (
    Able,
    Asked,
    Event,
    Exists,
    Expunged,
    Fetched,
    Folder,
    Found,
    Other,
    Status,
    Told,
    internal_date,
    ranges_of,
    reply_of,
    runs_of,
    unix_time,
)
from omni_actors.wire.imap_spaces import Space, Spaces
from omni_actors.wire.imap_values import DEPTH_MAX, Atom, values_of


def read(*chunks: bytes) -> list[Event]:
    """What is read of these chunks; neighbouring pieces of a mail joined."""
    framing = Framing()
    events: list[Event] = []
    for chunk in chunks:
        for each in framing.feed(chunk):
            event = reply_of(each) if isinstance(each, Response) else each
            before = events[-1] if events else None
            if isinstance(event, Piece) and isinstance(before, Piece):
                events[-1] = Piece(before.data + event.data)
            else:
                events.append(event)
    return events


ONE = range(1, 2)
SAID: dict[str, tuple[bytes, list[Event]]] = {
    "an answer": (b"A1 OK done\r\n", [Told("A1", Status.OK, text="done")]),
    "an answer without a text": (b"A1 OK\r\n", [Told("A1", Status.OK)]),
    "a line that ends in LF alone": (b"A1 OK done\n", [Told("A1", Status.OK, text="done")]),
    "a code": (
        b"A12 NO [TRYCREATE] No such folder\r\n",
        [Told("A12", Status.NO, "TRYCREATE", text="No such folder")],
    ),
    "a code with an argument": (
        b"* ok [uidvalidity 99] UIDs valid\r\n",
        [Told(None, Status.OK, "UIDVALIDITY", "99", "UIDs valid")],
    ),
    "brackets that are text": (
        b"* OK The service is ready. [UwBJAA==]\r\n",
        [Told(None, Status.OK, text="The service is ready. [UwBJAA==]")],
    ),
    "a text that looks like a literal": (
        b"* OK see {5}\r\nA1 NO not {3}\r\n",
        [Told(None, Status.OK, text="see {5}"), Told("A1", Status.NO, text="not {3}")],
    ),
    "a text in Latin-1, with a control": (
        b"* BYE d\xe9connect\x1b[31m\r\n",
        [Told(None, Status.BYE, text="d\N{REPLACEMENT CHARACTER}connect [31m")],
    ),
    "a go-ahead": (b"+ idling\r\n+\r\n+ \r\n", [Asked("idling"), Asked(""), Asked("")]),
    "capabilities": (
        b"* CAPABILITY IMAP4rev1 idle AUTH=PLAIN\r\n",
        [Able(frozenset({"IMAP4REV1", "IDLE", "AUTH=PLAIN"}))],
    ),
    "counts": (b"* 23 EXISTS\r\n* 4 EXPUNGE\r\n", [Exists(23), Expunged(4)]),
    "what nobody needs": (
        b"* 5 RECENT\r\n* FLAGS (\\Seen)\r\n* ID NIL\r\n",
        [Other("RECENT"), Other("FLAGS"), Other("ID")],
    ),
    "a literal in what nobody needs": (
        b'* ID ("name" {4}\r\na)\r\n)\r\n* 1 EXISTS\r\n',
        [Other("ID"), Exists(1)],
    ),
    "a search": (
        b"* SEARCH 5 2 3 9\r\n",
        [Found((range(2, 4), range(5, 6), range(9, 10)))],
    ),
    "a search that finds nothing": (b"* SEARCH\r\n* SEARCH \r\n", [Found(()), Found(())]),
    "a search with a MODSEQ": (b"* SEARCH 1 (MODSEQ 917)\r\n", [Found((ONE,))]),
    "an extended search": (
        b'* ESEARCH (TAG "A3") UID ALL 7:5,1,9\r\n',
        [Found((ONE, range(5, 8), range(9, 10)))],
    ),
    "an extended search with more": (
        b'* ESEARCH (TAG "ALL") UID COUNT 1 MIN 1 ALL 1\r\n',
        [Found((ONE,))],
    ),
    "an extended search that finds nothing": (b'* ESEARCH (TAG "A3") UID\r\n', [Found(())]),
    "a folder": (
        b'* LIST (\\HasNoChildren \\Sent) "/" "[Gmail]/Gesendet &- Co"\r\n',
        [Folder("[Gmail]/Gesendet & Co", "/", frozenset({"\\hasnochildren", "\\sent"}))],
    ),
    "a folder as an atom": (
        b"* LIST () NIL [Gmail]/x\r\n",
        [Folder("[Gmail]/x", None, frozenset())],
    ),
    "a folder as a literal": (
        b'* LIST () "." {5}\r\na"\\{b\r\n',
        [Folder('a"\\{b', ".", frozenset())],
    ),
    "a folder with a quote": (b'* LIST () "\\\\" "a\\"b"\r\n', [Folder('a"b', "\\", frozenset())]),
    "a server whose folders have one root": (
        b'* NAMESPACE (("" "/")) NIL NIL\r\n',
        [Spaces((Space("", "/"),))],
    ),
    "a server with folders below the inbox, and others": (
        b'* NAMESPACE (("INBOX." ".")) (("&2Dzfdw-." NIL "X" ("a"))) (("#a" "/")("b" "/"))\r\n',
        [
            Spaces(
                (Space("INBOX.", "."),),
                (Space("\U0001f377.", None), Space("#a", "/"), Space("b", "/")),
            )
        ],
    ),
    "a server without any": (b"* NAMESPACE NIL NIL NIL\r\n", [Spaces()]),
    "a folder that is called NIL": (b'* LIST () "/" NIL\r\n', [Folder("NIL", "/", frozenset())]),
    "flags of a mail": (
        b"* 12 FETCH (FLAGS (\\Seen $Junk) UID 4 X-NEW NIL)\r\n",
        [Fetched(12, {"FLAGS": (b"\\Seen", b"$Junk"), "UID": b"4", "X-NEW": None})],
    ),
    "a header as a literal": (
        b"* 1 FETCH (UID 7 BODY[HEADER]<0> {6}\r\nA: b\r\n FLAGS ())\r\n",
        [Fetched(1, {"UID": b"7", "BODY[HEADER]<0>": b"A: b\r\n", "FLAGS": ()})],
    ),
    "a header of some fields": (
        b'* 1 FETCH (BODY[HEADER.FIELDS (TO "CC")] {2}\r\n\r\n)\r\n',
        [Fetched(1, {'BODY[HEADER.FIELDS (TO "CC")]': b"\r\n"})],
    ),
    "a mail as a literal": (
        b"* 1 FETCH (BODY[] {9}\r\nA1 OK x\r\n UID 7)\r\nA1 OK x\r\n",
        [
            Piece(b"A1 OK x\r\n"),
            Fetched(1, {"BODY[]": Streamed(9), "UID": b"7"}),
            Told("A1", Status.OK, text="x"),
        ],
    ),
    "an empty mail": (
        b"* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n",
        [Fetched(1, {"UID": b"7", "BODY[]": Streamed(0)})],
    ),
    "a mail as a string": (
        b'* 1 FETCH (UID 7 BODY[] "a \\"b\\"")\r\n',
        [Fetched(1, {"UID": b"7", "BODY[]": b'a "b"'})],
    ),
    "a mail that is gone": (
        b"* 1 FETCH (UID 7 BODY[] NIL)\r\n",
        [Fetched(1, {"UID": b"7", "BODY[]": None})],
    ),
    "a mail that is nil but for its quotes": (
        b'* 1 FETCH (BODY[] "NIL")\r\n',
        [Fetched(1, {"BODY[]": b"NIL"})],
    ),
}


@pytest.mark.parametrize(("said", "events"), SAID.values(), ids=SAID.keys())
def test_what_a_server_says_is_read_however_it_is_cut(said: bytes, events: list[Event]) -> None:
    assert read(said) == events
    assert read(*(said[at : at + 1] for at in range(len(said)))) == events
    for at in range(len(said)):
        assert read(said[:at], said[at:]) == events


@given(st.data())
def test_a_whole_session_is_read_the_same_however_it_is_cut(data: st.DataObject) -> None:
    said = data.draw(st.lists(st.sampled_from([text for text, _ in SAID.values()])).map(b"".join))
    cuts = data.draw(st.lists(st.integers(0, len(said)), max_size=30).map(sorted))

    chunks = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]

    assert read(*chunks) == read(said)


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_any_mail_comes_through_as_it_is(mail: bytes, cut: int) -> None:
    said = b"* 1 FETCH (UID 7 BODY[] {%d}\r\n%b)\r\nA1 OK x\r\n" % (len(mail), mail)

    events = read(*(said[at : at + cut] for at in range(0, len(said), cut)))

    pieces = [event.data for event in events if isinstance(event, Piece)]
    assert b"".join(pieces) == mail
    assert events[-2:] == [
        Fetched(1, {"UID": b"7", "BODY[]": Streamed(len(mail))}),
        Told("A1", Status.OK, text="x"),
    ]


def test_a_mail_is_passed_on_and_not_held() -> None:
    framing = Framing()
    framing.feed(b"* 1 FETCH (UID 7 BODY[] {%d}\r\n" % (1 << 40))

    assert framing.feed(b"x" * 65536) == [Piece(b"x" * 65536)]
    assert not framing.between


NONSENSE: dict[str, bytes] = {
    "a line without a tag": b"\r\n",
    "another protocol": b"220 smtp ready\r\n",
    "a web server": b"HTTP/1.1 400 Bad Request\r\n",
    "an untagged nothing": b"* \r\n",
    "a FETCH that is no list": b"* 1 FETCH UID 7\r\n",
    "a FETCH of odd length": b"* 1 FETCH (UID)\r\n",
    "a FETCH with a nameless value": b'* 1 FETCH ("UID" 7)\r\n',
    "a FETCH with two mails": b"* 1 FETCH (BODY[] {1}\r\na BODY[] {1}\r\nb)\r\n",
    "a list that is not closed": b"* 1 FETCH (UID 7\r\n",
    "a list that was not opened": b"* 1 FETCH (UID 7))\r\n",
    "a string that is not closed": b'* LIST () "/" "a\r\n',
    "lists in lists": b"* 1 FETCH (FLAGS " + b"(" * 1000 + b")" * 1000 + b")\r\n",
    "a search for words": b"* SEARCH one\r\n",
    "a number that is none": b"* SEARCH 4294967296\r\n",
    "a search that finds everything": b'* ESEARCH (TAG "A1") UID ALL 1:4294967295\r\n',
    "a folder without a name": b'* LIST () "/"\r\n',
    "a line without an end": b"* SEARCH" + b" 1" * LINE_BYTES_MAX,
    "a huge header": b"* 1 FETCH (BODY[HEADER] {%d}\r\n" % (HELD_BYTES_MAX + 1),
    "many literals": b"* 1 FETCH (" + b"X {0}\r\n " * 2000,
    "a literal of another kind": b"* 1 FETCH (UID {99999999999999999999}\r\n",
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_told(said: bytes) -> None:
    with pytest.raises(Malformed):
        read(said)


@given(st.lists(st.binary(max_size=40)))
def test_noise_is_read_or_told_and_nothing_else(chunks: Sequence[bytes]) -> None:
    lines = [b"* " + chunk + b"\r\n" for chunk in chunks]
    with suppress(Malformed):
        read(*chunks, *lines)


@pytest.mark.parametrize("brackets", [b"[", b"(", b'"\\"" ', b"[]"])
def test_a_line_of_brackets_takes_no_time(brackets: bytes) -> None:
    line = b"* 1 FETCH (X " + brackets * (LINE_BYTES_MAX // len(brackets) - 10) + b")\r\n"
    with suppress(Malformed):
        read(line)


def test_values_in_lists_keep_their_kind() -> None:
    values = values_of([b'(NIL "NIL" (a (b)) ())'])

    assert values == [(None, b"NIL", (b"a", (b"b",)), ())]
    assert isinstance(values[0], tuple)
    assert not isinstance(values[0][1], Atom)
    assert values_of([b"(" * DEPTH_MAX + b")" * DEPTH_MAX])


@given(st.lists(st.integers(1, 40)))
def test_numbers_become_the_ranges_that_hold_them_and_nothing_else(numbers: list[int]) -> None:
    runs = runs_of(numbers)

    assert [number for run in runs for number in run] == sorted(set(numbers))
    assert all(before.stop < after.start for before, after in pairwise(runs))
    assert ranges_of(range(number, number + 1) for number in numbers) == runs


DATES = {
    "17-Jul-1996 02:44:25 -0700": 837596665,
    " 1-Jan-2026 00:00:00 +0000": 1767225600,
    "01-jan-2026 05:30:00 +0530": 1767225600,
    "31-Feb-2026 00:00:00 +0000": 0,
    "01-Foo-2026 00:00:00 +0000": 0,
    "01-Jan-0001 00:00:00 +2300": 0,
    "yesterday": 0,
}


@pytest.mark.parametrize(("text", "at"), DATES.items())
def test_a_date_is_a_moment(text: str, at: int) -> None:
    assert unix_time(text.encode()) == at


@given(st.integers(0, 4_000_000_000))
def test_a_moment_is_written_so_that_it_is_read_again(at: int) -> None:
    assert unix_time(internal_date(at).encode()) == at
