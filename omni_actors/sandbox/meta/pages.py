"""The pages that a browser sees while an account is being connected."""

from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

from omni_actors.sandbox.http import Answer

HTML_TYPE = ("Content-Type", "text/html; charset=utf-8")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1>{body}</body></html>
"""


def consent_page(app_id: str, scopes: tuple[str, ...], choices: list[tuple[str, str]]) -> Answer:
    """Asks a person to let the app in; the form is sent to the same address."""
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    boxes = "".join(
        f'<p><label><input type="checkbox" name="accounts" value="{escape(key)}" checked> '
        f"{escape(name)}</label></p>"
        for key, name in choices
    )
    body = (
        f"<p>The app {escape(app_id)} asks for</p><ul>{wanted}</ul>"
        f'<form method="post">{boxes}'
        '<button name="decision" value="allow">Continue</button> '
        '<button name="decision" value="deny">Cancel</button></form>'
    )
    page = _PAGE.format(title="The sandbox: connect an account", body=body)
    return Answer(200, page.encode(), (HTML_TYPE,))


def problem_page(sentence: str) -> Answer:
    """What a person sees where the app asks wrongly; there is no way back to the app."""
    page = _PAGE.format(title="Something is wrong", body=f"<p>{escape(sentence)}</p>")
    return Answer(400, page.encode(), (HTML_TYPE,))


def back_to(redirect_uri: str, parameters: dict[str, str], fragment: str = "") -> Answer:
    """Sends the browser back to the app."""
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, [parts.query, urlencode(parameters)]))
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, query, fragment))
    return Answer(302, b"", (("Location", url),))
