"""The protocol without I/O: what we say, when we wait, and what we know of the folder."""

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from omni_actors.wire import imap_commands as commands
from omni_actors.wire.calls import Login, MailServer
from omni_actors.wire.imap import SEARCH_BYTES_MAX, Imap
from omni_actors.wire.imap_commands import Coming, Command, Literal
from omni_actors.wire.imap_framing import LINE_BYTES_MAX, Malformed
from omni_actors.wire.imap_replies import Asked, Found, Status, Told
from omni_actors.wire.sasl import Sasl, sasl_of

SPELLED: dict[str, tuple[Command, bytes]] = {
    "a login": (commands.login("a@b", 'p"w\\'), b'LOGIN "a@b" "p\\"w\\\\"'),
    "an authentication": (commands.authenticate("PLAIN", None), b"AUTHENTICATE PLAIN"),
    "an authentication at once": (
        commands.authenticate("PLAIN", b"eA=="),
        b"AUTHENTICATE PLAIN eA==",
    ),
    "an authentication with nothing": (commands.authenticate("X", b""), b"AUTHENTICATE X ="),
    "a greeting of ours": (
        commands.introduce(name="x", version="1"),
        b'ID ("name" "x" "version" "1")',
    ),
    "a select": (commands.select("inbox", writable=True), b"SELECT INBOX"),
    "an examine": (commands.select("Entwürfe & x", writable=False), b'EXAMINE "Entw&APw-rfe &- x"'),
    "a search": (commands.search_from(7, extended=False), b"UID SEARCH UID 7:*"),
    "an extended search": (
        commands.search_from(7, extended=True),
        b"UID SEARCH RETURN (ALL) UID 7:*",
    ),
    "a search for a mail": (
        commands.search_message_id('<a"b@c>'),
        b'UID SEARCH HEADER Message-ID "<a\\"b@c>"',
    ),
    "a fetch": (commands.fetch([5, 3, 1, 2, 9], b"FLAGS"), b"UID FETCH 1:3,5,9 (UID FLAGS)"),
    "a move": (commands.move([7], "a b"), b'UID MOVE 7 "a b"'),
    "a mark": (commands.mark_deleted([1, 2]), b"UID STORE 1:2 +FLAGS.SILENT (\\Deleted)"),
    "an expunge": (commands.expunge([1, 3]), b"UID EXPUNGE 1,3"),
    "a list of folders": (commands.list_folders(uses=False), b'LIST "" "*"'),
    "their uses": (commands.list_folders(uses=True), b'LIST "" "*" RETURN (SPECIAL-USE)'),
}


@pytest.mark.parametrize(("command", "said"), SPELLED.values(), ids=SPELLED.keys())
def test_a_command_is_spelled(command: Command, said: bytes) -> None:
    imap = Imap()

    imap.begin(command)

    assert imap.taken() == b"A1 " + said + b"\r\n"


@pytest.mark.parametrize("message_id", ["", "a b", "<ä@b>", "a\r\nb", "x" * 901])
def test_what_is_no_message_id_is_not_searched_for(message_id: str) -> None:
    with pytest.raises(ValueError, match="Message-ID"):
        commands.search_message_id(message_id)


def test_a_literal_waits_for_the_server() -> None:
    imap = Imap()
    imap.begin(commands.login("ä", "p\r\nw"))

    assert imap.taken() == b"A1 LOGIN {2}\r\n"
    assert imap.receive(b"+ go\r\n") == []
    assert imap.taken() == "ä {4}\r\n".encode()
    assert imap.receive(b"+ \r\n") == []
    assert imap.taken() == b"p\r\nw\r\n"


@pytest.mark.parametrize(
    ("able", "size", "waits"),
    [("LITERAL+", 5000, False), ("LITERAL-", 4096, False), ("LITERAL-", 4097, True)],
)
def test_a_literal_waits_for_nobody_where_it_may(able: str, size: int, *, waits: bool) -> None:
    imap = Imap(frozenset({able}))

    imap.begin(Command("X", (Literal(b"x" * size), b"y")))

    said = imap.taken()
    assert said.endswith(b"}\r\n" if waits else b"xx y\r\n")
    assert (b"+}" in said) is not waits


def test_a_mail_waits_for_the_server_even_where_a_literal_need_not() -> None:
    imap = Imap(frozenset({"LITERAL+"}))
    imap.begin(commands.append("Sent", 5, ["\\Seen"], 1767225600))

    said = imap.taken()
    asked = imap.receive(b"+ go\r\n")
    between = imap.taken()
    imap.came()

    assert said == b'A1 APPEND "Sent" (\\Seen) "01-Jan-2026 00:00:00 +0000" {5}\r\n'
    assert asked == [Asked("go")]
    assert (between, imap.taken()) == (b"", b"\r\n")


def test_a_literal_that_is_refused_is_not_said() -> None:
    imap = Imap()
    imap.begin(Command("APPEND", (b"x", Coming(5))))
    imap.taken()

    told = imap.receive(b"A1 NO [TRYCREATE] no such folder\r\n")

    assert told == [Told("A1", Status.NO, "TRYCREATE", text="no such folder")]
    imap.begin(commands.NOOP)
    assert imap.taken() == b"A2 NOOP\r\n"


def test_one_command_at_a_time() -> None:
    imap = Imap()
    imap.begin(commands.IDLE)

    with pytest.raises(RuntimeError, match="NOOP while IDLE"):
        imap.begin(commands.NOOP)


def test_a_long_line_is_taken_only_of_a_search() -> None:
    found = b"* SEARCH" + b" 4294967295" * (LINE_BYTES_MAX // 11 + 1) + b"\r\n"
    searching, listing = Imap(), Imap()
    searching.begin(commands.search_from(1, extended=False))
    listing.begin(commands.list_folders(uses=False))

    assert searching.receive(found) == [Found((range(2**32 - 1, 2**32),))]
    with pytest.raises(Malformed):
        listing.receive(found)
    searching.receive(b"1" * SEARCH_BYTES_MAX)
    with pytest.raises(Malformed):
        searching.receive(b"1")


UNASKED = {
    "another tag": (commands.NOOP, b"A2 OK done\r\n"),
    "a tag twice": (commands.NOOP, b"A1 OK done\r\nA1 OK done\r\n"),
    "a tag without a command": (None, b"A1 OK done\r\n"),
    "a go-ahead for a command that has all": (commands.NOOP, b"+ go\r\n"),
    "a go-ahead without a command": (None, b"+ go\r\n"),
}


@pytest.mark.parametrize(("command", "said"), UNASKED.values(), ids=UNASKED.keys())
def test_an_answer_that_nobody_asked_for_is_told(command: Command | None, said: bytes) -> None:
    imap = Imap()
    if command is not None:
        imap.begin(command)

    with pytest.raises(Malformed):
        imap.receive(said)


class Conversation(RuleBasedStateMachine):
    """A server that says what it may, and a model of what we then know."""

    def __init__(self) -> None:
        super().__init__()
        self.imap = Imap()
        self.tag = 0
        self.running = False
        self.exists = 0
        self.grown = False
        self.able: frozenset[str] = frozenset()

    @precondition(lambda self: not self.running)
    @rule(command=st.sampled_from([commands.NOOP, commands.IDLE, commands.CAPABILITY]))
    def we_say(self, command: Command) -> None:
        self.tag += 1
        self.running = True
        self.imap.begin(command)
        assert self.imap.taken() == f"A{self.tag} {command.verb}\r\n".encode()

    @precondition(lambda self: self.running)
    @rule(status=st.sampled_from(["OK", "NO", "BAD"]))
    def it_answers(self, status: str) -> None:
        told = self.imap.receive(f"A{self.tag} {status} so\r\n".encode())
        assert told == [Told(f"A{self.tag}", Status(status), text="so")]
        self.running = False

    @rule(count=st.integers(0, 5))
    def it_has_mails(self, count: int) -> None:
        self.imap.receive(b"* %d EXISTS\r\n" % count)
        self.grown = self.grown or count > self.exists
        self.exists = count

    @precondition(lambda self: self.exists)
    @rule()
    def it_loses_one(self) -> None:
        self.imap.receive(b"* 1 EXPUNGE\r\n")
        self.exists -= 1

    @rule(able=st.frozensets(st.sampled_from(["IDLE", "MOVE", "UIDPLUS"])))
    def it_tells_what_it_can(self, able: Sequence[str]) -> None:
        self.imap.receive(f"* CAPABILITY {' '.join(able)}\r\n".encode())
        self.able = frozenset(able)

    @rule(able=st.frozensets(st.sampled_from(["IDLE", "MOVE"]), min_size=1))
    def it_tells_so_in_a_code(self, able: Sequence[str]) -> None:
        self.imap.receive(f"* OK [CAPABILITY {' '.join(able)}] so\r\n".encode())
        self.able = frozenset(able)

    @rule()
    def we_look(self) -> None:
        self.imap.looked()
        self.grown = False

    @rule()
    def we_open_a_folder(self) -> None:
        self.imap.selected()
        self.exists, self.grown = 0, False

    @invariant()
    def we_know_what_it_said(self) -> None:
        assert self.imap.exists == self.exists
        assert self.imap.grown == self.grown
        assert self.imap.capabilities == self.able
        assert self.imap.clean is not self.running


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=20, stateful_step_count=20)

PASSWORD = MailServer("h", 993, "a=,@b")
OAUTH = MailServer("h", 993, "a=,@b", login=Login.OAUTH)
SASL: dict[str, tuple[MailServer, str, Sasl | None]] = {
    "a password, plainly": (PASSWORD, "LOGIN PLAIN", Sasl("PLAIN", ("\0a=,@b\0ü".encode(),))),
    "a password, asked for": (
        PASSWORD,
        "LOGIN",
        Sasl("LOGIN", (b"a=,@b", "ü".encode()), initial=False),
    ),
    "a password where only tokens go": (PASSWORD, "XOAUTH2", None),
    "a token, as Google and Microsoft want it": (
        OAUTH,
        "PLAIN OAUTHBEARER XOAUTH2",
        Sasl("XOAUTH2", ("user=a=,@b\x01auth=Bearer ü\x01\x01".encode(),), farewell=b""),
    ),
    "a token, as the standard wants it": (
        OAUTH,
        "OAUTHBEARER",
        Sasl(
            "OAUTHBEARER",
            ("n,a=a=3D=2C@b,\x01host=h\x01port=993\x01auth=Bearer ü\x01\x01".encode(),),
            farewell=b"\x01",
        ),
    ),
    "a token where only passwords go": (OAUTH, "PLAIN LOGIN", None),
}


@pytest.mark.parametrize(("server", "offered", "sasl"), SASL.values(), ids=SASL.keys())
def test_the_best_mechanism_is_taken(server: MailServer, offered: str, sasl: Sasl | None) -> None:
    assert sasl_of(server, "ü", offered.split()) == sasl
    assert "ü" not in repr(sasl)
