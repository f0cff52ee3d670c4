"""The page of an option in a mail: looking at it changes nothing, sending its form picks the
option.

It is for whoever got the mail, so it speaks their browser's language, as far as it knows one. It
sets no cookie, loads nothing and runs nothing.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

from attrs import frozen
from markupsafe import Markup, escape

from omni_actors.api.requests import NoQuery
from omni_actors.api.routes import Access, Call, Reply, Route
from omni_actors.gateway.facade import ChoicePage, PageState, RequestError

HTML = "text/html; charset=utf-8"
TEXT_MAX = 2000
STYLE = """
:root{color-scheme:light dark}
body{margin:0;padding:24px 12px;background:#f3f4f6;color:#1f2329;
font:16px/1.55 -apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:520px;margin:0 auto;padding:28px;border-radius:12px;background:#fff}
h1{margin:0 0 12px;font-size:20px;line-height:1.35}
p{margin:0 0 16px;white-space:pre-line;overflow-wrap:anywhere}
button{display:block;width:100%;padding:14px 16px;border:0;border-radius:8px;background:#0b5cad;
color:#fff;font:inherit;font-weight:600;cursor:pointer;overflow-wrap:anywhere}
.answer{margin:0 0 4px;font-weight:600}
.about{opacity:.75}
@media (prefers-color-scheme:dark){body{background:#15171b;color:#e4e7eb}main{background:#1e2126}
button{background:#7ab8ff;color:#10151b}}
"""
PAGE = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main dir="auto">
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY.format(
        hash=b64encode(sha256(STYLE.encode()).digest()).decode()
    ),
    "X-Robots-Tag": "noindex, nofollow",
}


@frozen
class Words:
    """What the page says in one language."""

    confirm: str
    thanks: str
    answered: str
    change: str
    ended: str
    unknown: str
    later: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        "Send this answer?",
        "Thank you, your answer has arrived.",
        "This was answered already.",
        "To say something else, reply to the mail.",
        "This link has ended. Reply to the mail instead.",
        "This link is not known. Check that it is complete, or reply to the mail.",
        "This does not work right now. Please try again in a minute.",
    ),
    "de": Words(
        "Diese Antwort senden?",
        "Danke, Ihre Antwort ist angekommen.",
        "Das wurde schon beantwortet.",
        "Um etwas anderes zu sagen, antworten Sie auf die E-Mail.",
        "Dieser Link ist abgelaufen. Antworten Sie stattdessen auf die E-Mail.",
        "Dieser Link ist unbekannt. Prüfen Sie, ob er vollständig ist, oder antworten Sie auf die "
        "E-Mail.",
        "Das geht gerade nicht. Bitte versuchen Sie es in einer Minute noch einmal.",
    ),
    "es": Words(
        "¿Enviar esta respuesta?",
        "Gracias, hemos recibido su respuesta.",
        "Esto ya tiene respuesta.",
        "Para decir otra cosa, responda al correo.",
        "Este enlace ha caducado. Responda al correo.",
        "No conocemos este enlace. Compruebe que está completo o responda al correo.",
        "Ahora mismo no es posible. Inténtelo de nuevo en un minuto.",
    ),
    "fr": Words(
        "Envoyer cette réponse ?",
        "Merci, votre réponse est arrivée.",
        "Une réponse a déjà été donnée.",
        "Pour dire autre chose, répondez au courriel.",
        "Ce lien a expiré. Répondez plutôt au courriel.",
        "Ce lien est inconnu. Vérifiez qu'il est complet, ou répondez au courriel.",
        "Ce n'est pas possible pour le moment. Réessayez dans une minute.",
    ),
    "it": Words(
        "Inviare questa risposta?",
        "Grazie, la sua risposta è arrivata.",
        "È già stata data una risposta.",
        "Per dire altro, risponda all'e-mail.",
        "Questo link è scaduto. Risponda all'e-mail.",
        "Questo link è sconosciuto. Controlli che sia completo, o risponda all'e-mail.",
        "In questo momento non è possibile. Riprovi tra un minuto.",
    ),
    "pt": Words(
        "Enviar esta resposta?",
        "Obrigado, a sua resposta chegou.",
        "Isto já foi respondido.",
        "Para dizer outra coisa, responda ao e-mail.",
        "Esta ligação expirou. Responda ao e-mail.",
        "Esta ligação é desconhecida. Verifique se está completa ou responda ao e-mail.",
        "Neste momento não é possível. Tente de novo dentro de um minuto.",
    ),
}
STATUSES = {PageState.ENDED: 410, PageState.UNKNOWN: 404}


async def show_choice(call: Call[NoQuery, None]) -> Reply:
    """The page of an option; looking at it picks nothing."""
    return page(call.gateway.choices.page(call.path["token"]), call)


async def pick_choice(call: Call[NoQuery, None]) -> Reply:
    """Pick the option; the first one of a question counts."""
    try:
        call.gateway.accepting()
    except RequestError as problem:
        said = words_for(call.headers.get("accept-language", ""))[1].later
        return document(call, said, Markup(""), 503, retry_after_s=problem.retry_after_s)
    return page(await call.gateway.choices.pick(call.path["token"]), call)


def page(shown: ChoicePage, call: Call[NoQuery, None]) -> Reply:
    """A page in the words of whoever looks at it."""
    words = words_for(call.headers.get("accept-language", ""))[1]
    asked = paragraph(shown.question)
    about = paragraph(shown.description, about=True)
    answer = Markup('<p class="answer">{}</p>\n').format(shown.title) + about
    match shown.state:
        case PageState.OPEN:
            button = Markup('<form method="post"><button type="submit">{}</button></form>')
            return document(call, words.confirm, asked + about + button.format(shown.title))
        case PageState.ANSWERED:
            return document(call, words.thanks, asked + answer)
        case PageState.OTHERWISE:
            return document(call, words.answered, asked + answer + paragraph(words.change))
        case PageState.ENDED:
            return document(call, words.ended, Markup(""), STATUSES[shown.state])
        case PageState.UNKNOWN:
            return document(call, words.unknown, Markup(""), STATUSES[shown.state])


def paragraph(text: str, *, about: bool = False) -> Markup:
    """A paragraph, if there is something to say; of what somebody wrote, the beginning."""
    if not text:
        return Markup("")
    shown = text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"
    begin = Markup('<p class="about">') if about else Markup("<p>")
    return begin + Markup("{}</p>\n").format(shown)


def document(
    call: Call[NoQuery, None],
    title: str,
    body: Markup,
    status: int = 200,
    *,
    retry_after_s: float | None = None,
) -> Reply:
    """A whole page."""
    language = words_for(call.headers.get("accept-language", ""))[0]
    html = PAGE.format(language=language, title=escape(title), style=STYLE, body=body)
    headers = {**HEADERS, "Vary": "Accept-Language"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(int(retry_after_s))
    return Reply(raw=html.encode(), status=status, headers=headers, media_type=HTML)


def words_for(accepted: str) -> tuple[str, Words]:
    """The words of the language that a browser asks for first among those that we have."""
    wished: list[tuple[float, int, str]] = []
    for n, each in enumerate(accepted[:500].split(",")[:20]):
        name, _, rest = each.strip().partition(";")
        language = name.partition("-")[0].lower()
        if language in WORDS:
            wished.append((-weight(rest), n, language))
    best = min(wished)[2] if wished else "en"
    return best, WORDS[best]


def weight(rest: str) -> float:
    """How much a language is wished for."""
    _, _, written = rest.partition("q=")
    try:
        return float(written) if written else 1.0
    except ValueError:
        return 0.0


ROUTES = (
    Route(
        "GET",
        "/c/{token}",
        show_choice,
        "The page of an option that was sent in a mail; looking at it picks nothing",
        access=Access.PUBLIC,
        any_query=True,
        answer_type=HTML,
        also=(404, 410),
    ),
    Route(
        "POST",
        "/c/{token}",
        pick_choice,
        "Pick the option, as the form of its page does; the first one of a question counts",
        access=Access.PUBLIC,
        any_query=True,
        answer_type=HTML,
        also=(404, 410, 503),
    ),
)
