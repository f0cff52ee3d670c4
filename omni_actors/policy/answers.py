"""Which option an answer in words means: by the quoted question, the label or the number."""

import re
from collections.abc import Sequence

from attrs import frozen

from omni_actors.model.content import ChoiceResponse, Content, Option, Text, Via

NUMBER = re.compile(r"\W*(\d{1,3})\W*")
TEXT_MAX = 200


@frozen
class OpenQuestion:
    """A question that still waits; `numbered` when its options were shown with numbers."""

    message_id: str
    options: tuple[Option, ...]
    numbered: bool
    external_ids: tuple[str, ...] = ()


@frozen
class Answer:
    """The option that was meant, of which question, and how it was said."""

    question_id: str
    option: Option
    via: Via


def match(
    content: Content, reply_to: str | None, questions: Sequence[OpenQuestion]
) -> Answer | None:
    """The answer that `content` gives to one of the open questions, the newest standing last.

    A quoted question (`reply_to` is one of its external ids) is the only one considered.
    """
    asked = [question for question in questions if reply_to in question.external_ids]
    quoted = bool(reply_to and asked)
    for question in reversed(asked if quoted else questions):
        answer = answered(content, question, quoted=quoted)
        if answer:
            return answer
    return None


def answered(content: Content, question: OpenQuestion, *, quoted: bool) -> Answer | None:
    """What `content` says to one question."""
    match content:
        case ChoiceResponse(option_id=option_id):
            options = [option for option in question.options if option.id == option_id]
            return Answer(question.message_id, options[0], Via.NATIVE) if options else None
        case Text(text=text) if len(text) <= TEXT_MAX:
            return in_words(text, question, quoted=quoted)
        case _:
            return None


def in_words(text: str, question: OpenQuestion, *, quoted: bool) -> Answer | None:
    """A label always counts; a bare number only where numbers were shown or the question quoted."""
    labelled = [option for option in question.options if folded(option.title) == folded(text)]
    if len(labelled) == 1:
        return Answer(question.message_id, labelled[0], Via.LABEL)
    number = NUMBER.fullmatch(text)
    if number and (question.numbered or quoted):
        index = int(number[1]) - 1
        if 0 <= index < len(question.options):
            via = Via.NUMBER if question.numbered else Via.QUOTE
            return Answer(question.message_id, question.options[index], via)
    return None


def folded(text: str) -> str:
    """Text without the differences that people do not mean."""
    return " ".join(text.casefold().split()).strip(" .!?")
