"""The folder of mail templates, read with the config: all mistakes at once, each with its place."""

from pathlib import Path

import pytest

from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.app import reload
from omni_actors.cli import run
from omni_actors.config import Config, ConfigError, load
from tests.api.conftest import open_house
from tests.api.mail import ABOUT, CONFIG, write_template

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
MINIMAL = '[mail_templates]\nfolder = "templates"\n'


def read(folder: Path) -> Config:
    (folder / "config.toml").write_text(MINIMAL)
    return load(folder / "config.toml", {}, ADAPTERS, HOOK_KINDS)


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(folder)
    return list(refused.value.mistakes)


def test_templates_are_read_with_the_config(tmp_path: Path) -> None:
    write_template(tmp_path)
    (tmp_path / "templates" / "_drafts").mkdir()

    (template,) = read(tmp_path).templates

    assert (template.name, template.language, template.mjml) == ("order", "en", False)
    assert [(one.name, one.required) for one in template.variables] == [
        ("order", True),
        ("items", False),
    ]


def test_a_config_without_a_folder_has_none(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")

    assert load(tmp_path / "config.toml", {}, ADAPTERS, HOOK_KINDS).templates == ()


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path)

    assert mistake.startswith("mail_templates.folder: ")
    assert mistake.endswith("templates cannot be read: No such file or directory")


def test_every_mistake_of_every_template_is_told_at_once(tmp_path: Path) -> None:
    write_template(tmp_path, "a", about='subject = "x"\nlangage = "de"')
    write_template(tmp_path, "b", about='subject = "x"\n[variables.when]\ntype = "date"')
    write_template(
        tmp_path,
        "c",
        about='subject = "x"\n[variables.n]\ntype = "integer"\ndefault = "1"\nrequired = true\n'
        "[variables.at]\nexample = 2026-01-01\n[variables.2x]",
    )
    write_template(tmp_path, "d", text="{{ ordr }}", html="{% for %}")
    write_template(tmp_path, "e", about="subject =")
    write_template(tmp_path, "f")
    (tmp_path / "templates" / "f" / "body.mjml").write_text("<mjml></mjml>")
    (tmp_path / "templates" / "g").mkdir()

    assert mistakes(tmp_path) == [
        "mail_templates.a/template.toml.langage: unknown key; did you mean language?",
        "mail_templates.b/template.toml.variables.when.type: must be one of string, integer, "
        "number, boolean, url, list, object",
        "mail_templates.c/template.toml.variables.n.default: must be an integer",
        "mail_templates.c/template.toml.variables.n.default: what is required has no default",
        "mail_templates.c/template.toml.variables.at.example: dates and times are written as "
        "strings",
        "mail_templates.c/template.toml.variables.2x: a name is a letter, then letters, digits or "
        "underscores",
        "mail_templates.e/template.toml: not TOML: Invalid value (at end of document)",
        "mail_templates.f: body.html and body.mjml; leave one of them out",
        "mail_templates.g/template.toml: missing",
        "mail_templates.g/text.txt: missing",
        "mail_templates.d/text.txt: ordr is not among the template's variables",
        "mail_templates.d/body.html: line 1: Expected an expression, got 'end of statement block'",
    ]


def test_one_name_and_language_is_one_template(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_template(tmp_path, "other", about='name = "order"\n' + ABOUT)

    assert mistakes(tmp_path) == ["mail_templates.other: the template order in en is also in order"]


async def test_a_reload_takes_all_templates_or_keeps_the_old(tmp_path: Path) -> None:
    write_template(tmp_path)
    async with open_house(tmp_path, CONFIG) as house:
        path = tmp_path / "config.toml"
        started = load(path, {}, ADAPTERS, HOOK_KINDS)
        about = tmp_path / "templates" / "order" / "template.toml"
        about.write_text(ABOUT.replace("Order", "New order"))
        await reload(started, house.gateway, path, {})
        about.write_text(ABOUT.replace("{{ order }}", "{{ ordr }}"))
        await reload(started, house.gateway, path, {})

        (template,) = house.gateway.mail_templates.all()

    assert template.subject == "New order {{ order }}"


# ------------------------------------------------------------ the command line


def test_the_template_that_comes_along_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(ROOT / "config.toml")]
    assert run(["template", "list", *config]) == 0
    assert run(["template", "render", "order_shipped", "--var", "order=B-7", *config]) == 0

    shown = capsys.readouterr().out
    assert run(["template", "render", "order_shipped", "--html", *config]) == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")
    assert "order_shipped\ten\ttrue" in shown
    assert "Subject: Your order B-7 is on its way" in shown
    assert "- 2 × Wool socks" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nope"], 2, "there is no mail template nope; there is order, plain"),
        (["order", "--var", "order"], 2, "--var order: must be name=value"),
        (["order", "--var", "items=[1"], 2, "--var items: must be a JSON list"),
        (["plain", "--html"], 1, "plain has no HTML"),
        (["order", "--strict"], 1, "order is missing; it is a required string: the number"),
        (["order", "--var", "ordr=1"], 1, "ordr is no variable of order; there is order, items"),
    ],
)
def test_what_is_wrong_with_a_rendering_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    write_template(tmp_path)
    write_template(tmp_path, "plain", html=None)
    (tmp_path / "config.toml").write_text(MINIMAL)

    ended = run(["template", "render", *arguments, "--config", str(tmp_path / "config.toml")])

    assert ended == code
    assert said in capsys.readouterr().err


def test_a_template_is_opened_in_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_template(tmp_path)
    (tmp_path / "config.toml").write_text(MINIMAL)
    opened: list[str] = []

    def browse(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert (
        run(["template", "render", "order", "--open", "--config", str(tmp_path / "config.toml")])
        == 0
    )

    (url,) = opened
    assert "<p>A-1</p>" in Path(url.removeprefix("file://")).read_text()
