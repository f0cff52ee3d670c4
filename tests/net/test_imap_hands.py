"""Calls on folders: how many sessions of an account there are at once."""

import trio
from attrs import define
from trio.testing import wait_all_tasks_blocked

from omni_actors.model.failure import SendFailure
from omni_actors.net.account import Account
from omni_actors.net.imap_hands import SESSIONS_PER_CHANNEL, FolderHands
from omni_actors.net.imap_link import Outgoing
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import FindCall, MailServer, Tls
from omni_actors.wire.mail import Mail


@define
class Door:
    """A mail server that counts who comes, and says goodbye when nobody more does."""

    here: int = 0
    most: int = 0
    all: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.all += 1
        self.here += 1
        self.most = max(self.most, self.here)
        await wait_all_tasks_blocked(0.02)
        await stream.send_all(b"* BYE come again\r\n")
        self.here -= 1


async def never(_: Mail) -> Outgoing:
    raise AssertionError("nothing is kept here")


async def test_a_burst_of_mails_does_not_use_up_the_sessions_of_an_account() -> None:
    door, hands = Door(), FolderHands(never, trio.current_time)
    account = Account("mail", "secret", hosts=frozenset({"127.0.0.1"}))

    async def find(server: MailServer) -> None:
        try:
            await hands.make(FindCall(server, "Sent", "<a@b.c>"), account, Trace())
        except SendFailure:
            return

    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, door.serve, [listener])
        server = MailServer("127.0.0.1", port, "ada@example.org", Tls.PLAIN)
        async with trio.open_nursery() as calls:
            for _ in range(3 * SESSIONS_PER_CHANNEL):
                calls.start_soon(find, server)
        nursery.cancel_scope.cancel()

    assert (door.most, door.all) == (SESSIONS_PER_CHANNEL, 3 * SESSIONS_PER_CHANNEL)
