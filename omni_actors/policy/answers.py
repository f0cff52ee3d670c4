"""Which option an answer means: by its id, its mark, its label, or the question it quotes."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from omni_actors.model.content import ChoiceResponse, Content, Email, Option, Text, Via
from omni_actors.policy.flattening import described
from omni_actors.policy.marks import line_in, mark_in, marks_of, plain

# The longest line of a question that the API takes; what is longer is no answer but a message.
TEXT_MAX: Final = 2200


@frozen
class OpenQuestion:
    """A question that still waits; `numbered` when its options were shown with marks."""

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

    `reply_to` is the external id of the message that `content` quotes.
    """
    asked, quoted = considered(reply_to, questions)
    for question in reversed(asked):
        answer = answered(content, question, quoted=quoted)
        if answer:
            return answer
    return None


def considered(
    reply_to: str | None, questions: Sequence[OpenQuestion]
) -> tuple[Sequence[OpenQuestion], bool]:
    """The questions that may be meant, and whether one of them was quoted.

    Who quotes something else answers that, so only questions remain whose own ids the platform has
    not told yet. Without this a late tap on an old "Yes" would answer the next question.
    """
    if reply_to is None:
        return questions, False
    quoted = [question for question in questions if reply_to in question.external_ids]
    return quoted or [q for q in questions if not q.external_ids], bool(quoted)


def answered(content: Content, question: OpenQuestion, *, quoted: bool) -> Answer | None:
    """What `content` says to one question."""
    match content:
        case ChoiceResponse(option_id=option_id, via=via):
            options = [option for option in question.options if option.id == option_id]
            return Answer(question.message_id, options[0], via) if options else None
        case Text(text=text) if len(text) <= TEXT_MAX:
            return in_words(text, question, quoted=quoted)
        case Email(text=text):
            return in_a_mail(text, question, quoted=quoted)
        case _:
            return None


def in_a_mail(text: str, question: OpenQuestion, *, quoted: bool) -> Answer | None:
    """An answer alone, or before an empty line: below it people greet and sign."""
    said, _gap, _rest = text.strip().replace("\r\n", "\n").partition("\n\n")
    return in_words(said, question, quoted=quoted) if len(said) <= TEXT_MAX else None


def in_words(text: str, question: OpenQuestion, *, quoted: bool) -> Answer | None:
    """A label always counts; a mark only where marks were shown or the question is quoted."""
    options = question.options
    by_mark = marked(text, options) if question.numbered or quoted else None
    by_label = labelled(text, options)
    # A mark that was shown asks to be written; one that was not is only a guess.
    if by_mark and (question.numbered or not by_label):
        via = Via.NUMBER if question.numbered else Via.QUOTE
        return Answer(question.message_id, by_mark, via)
    return Answer(question.message_id, by_label, Via.LABEL) if by_label else None


def marked(text: str, options: Sequence[Option]) -> Option | None:
    """The option whose mark a text is, alone or with the rest of its line."""
    by_mark = dict(zip(marks_of(options), options, strict=True))
    if option := by_mark.get(mark_in(text)):
        return option
    mark, rest = line_in(text)
    option = by_mark.get(mark)
    return option if option and folded(rest) in spellings(option) else None


def labelled(text: str, options: Sequence[Option]) -> Option | None:
    """The only option of that title: to the letter, or else without what people do not mean."""
    exact = [option for option in options if option.title.strip() == text.strip()]
    said = folded(text)
    alike = [option for option in options if said and said in spellings(option)]
    for found in (exact, alike):
        if len({option.id for option in found}) == 1:
            return found[0]
    return None


def spellings(option: Option) -> tuple[str, str]:
    """An option's label, bare and with its description."""
    return folded(option.title), folded(described(option))


def folded(text: str) -> str:
    """Text without the differences that people do not mean."""
    return plain(text).strip(" .,;:!?…\"'“”„«»*_~`")
