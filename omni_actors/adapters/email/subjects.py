"""Subjects, and what programs of many languages put before them."""

import re
from typing import Final

from omni_actors.adapters.email.headers import shown

PREFIXES_MAX: Final = 50

# What stands before an answer, and before what is passed on.
REPLIES: Final = (
    *("re", "r", "aw", "antw", "antwort", "sv", "vs", "svar", "odp", "odg", "ynt", "rv", "res"),
    *("ré", "réf", "réponse", "rif", "bls", "balas", "ats", "atb", "vá"),
    *("отв", "ответ", "на", "відп", "відповідь", "απ", "σχετ", "απάντηση", "תגובה", "תשובה", "השב"),
    *(
        "رد",
        "پاسخ",
        "回复",
        "回覆",
        "答复",
        "答覆",
        "返信",
        "회신",
        "답장",
        "trả lời",
        "ตอบ",
        "ตอบกลับ",
    ),
)
FORWARDS: Final = (
    *("fw", "fwd", "wg", "weitergeleitet", "tr", "rv", "i", "enc", "vb", "vl", "vs", "doorst"),
    *("videre", "pd", "přep", "továbbítás", "ilt", "trs", "trans", "redir", "prosl"),
    *("пересл", "переслано", "пер", "πρθ", "הועבר", "إعادة توجيه", "转发", "轉寄", "轉發", "転送"),
    *("전달", "chuyển tiếp", "ส่งต่อ", "encaminhado", "reenviado", "rép-transf"),
)
# In one language this, in another that: an answer, unless a mail says that it answers nothing.
BOTH: Final = frozenset(REPLIES) & frozenset(FORWARDS)


def _prefix(words: tuple[str, ...]) -> "re.Pattern[str]":
    longest_first = "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))
    return re.compile(
        rf"(?:{longest_first})(?:\[\d{{1,3}}\]|\(\d{{1,3}}\)|\^\d{{1,3}})?[ \t\u00a0]?[:：]",
        re.IGNORECASE,
    )


_REPLY: Final = _prefix(REPLIES)
_FORWARD: Final = _prefix(FORWARDS)
_SURE_FORWARD: Final = _prefix(tuple(word for word in FORWARDS if word not in BOTH))
_ANY: Final = _prefix(REPLIES + FORWARDS)
_TAG: Final = re.compile(r"\[[^\[\]]{1,60}\]\s*")


def bare(subject: str) -> str:
    """A subject without the prefixes of answers."""
    return _without(_REPLY, shown(subject))


def folded(subject: str) -> str:
    """A subject as it counts when two are compared: without anything that programs, lists and desks
    put before it."""
    whole = shown(subject)
    rest = _without(_ANY, whole)
    for _ in range(PREFIXES_MAX):
        tag = _TAG.match(rest)
        if tag is None:
            break
        rest = _without(_ANY, rest[tag.end() :])
    return " ".join((rest or whole).casefold().split())


def _without(prefix: "re.Pattern[str]", subject: str) -> str:
    rest = subject
    for _ in range(PREFIXES_MAX):
        found = prefix.match(rest)
        if found is None:
            break
        rest = rest[found.end() :].lstrip()
    return rest


def is_reply(subject: str) -> bool:
    """Whether a subject is that of an answer."""
    return _REPLY.match(shown(subject)) is not None


def is_forward(subject: str, *, answers: bool) -> bool:
    """Whether a subject is that of a mail that passes another one on; `answers`: it says that it
    answers one, so that what may be either is an answer."""
    return (_SURE_FORWARD if answers else _FORWARD).match(shown(subject)) is not None
