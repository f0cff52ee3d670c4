"""How mailboxes are read: when again after a failure, which mails are news, what is given up."""

from typing import Final

AGAIN_MIN_S: Final = 1.0
AGAIN_MAX_S: Final = 300.0
LOOK_EVERY_S: Final = 300.0  # for news of which the server tells nothing
FILE_MIN_S: Final = 300.0
FILE_MAX_S: Final = 86400.0
STEADY_S: Final = 60.0
HISTORY_S: Final = 3 * 86400.0
ATTEMPTS_MAX: Final = 3
LOSSES_MAX: Final = 10


def again_s(strikes: int, jitter: float) -> float:
    """Seconds until a server is tried again, after so many failures in a row (1 at least); with a
    `jitter` of 0 to 1 anywhere up to a bound that doubles with each."""
    bound = min(AGAIN_MAX_S, AGAIN_MIN_S * 2.0 ** min(strikes, 16))
    return max(AGAIN_MIN_S, bound * jitter)


def file_again_s(refusals: int) -> float:
    """Seconds until a folder is tried again to which a server has moved no mails so often: its
    owner must give it room or the right to, which takes people a while."""
    return min(FILE_MAX_S, FILE_MIN_S * 2.0 ** min(refusals - 1, 16))


def was_steady(lasted_s: float) -> bool:
    """Whether a session lasted so long that its end is no sign of trouble: servers end each one
    some time. One that opens and ends at once, again and again, is tried later and later."""
    return lasted_s >= STEADY_S


def is_history(came_at: float, opened_at: float) -> bool:
    """Whether a mail was long there when its mailbox was read for the first time. Nobody waits for
    an answer to it any more. 0: nobody knows when it came."""
    return 0 < came_at < opened_at - HISTORY_S


def is_given_up(attempts: int, losses: int) -> bool:
    """Whether a mail that cannot be read is left: the gateway ended with it in hand, or its server
    refused it, `attempts` times; or the connection was lost over it so often."""
    return attempts > ATTEMPTS_MAX or losses >= LOSSES_MAX
