"""A gateway with a mail account whose server nobody runs, and with templates of its own."""

from pathlib import Path

CONFIG = """
[server]
public_url = "https://gw.example"

[store]
url = "sqlite:///{data}/omni.db"

[mail_templates]
folder = "templates"

[[channels]]
id = "mail"
platform = "email"
address = "support@shop.example"
password = "secret"
smtp = {{ host = "127.0.0.1", port = 9, tls = "plain" }}

[bot]
kind = "none"
"""
ABOUT = """
description = "An order is on its way"
subject = "Order {{ order }}"

[variables.order]
example = "A-1"
description = "the number"

[variables.items]
type = "list"
required = false
"""
TEXT = "Order {{ order }}{% for item in items or [] %}, {{ item.price }}{% endfor %}"


def write_template(
    folder: Path,
    name: str = "order",
    *,
    about: str = ABOUT,
    text: str = TEXT,
    html: str | None = "<html><body><p>{{ order }}</p></body></html>",
) -> None:
    """One template below `folder`."""
    place = folder / "templates" / name
    place.mkdir(parents=True)
    (place / "template.toml").write_text(about)
    (place / "text.txt").write_text(text)
    if html is not None:
        (place / "body.html").write_text(html)
