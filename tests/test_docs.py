"""What the documentation points at exists: pages, headings, commands, and the two set-up lines."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_actors.demo.show import welcome

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CLI = ROOT / "omni_actors" / "cli.py"
HELP_S_MAX = 60

FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^()\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|[\s`/])omni-actors (?P<name>[a-z][a-z-]*)")
HELP_LINE = re.compile(r"^\W*(?P<name>[a-z][a-z-]*)", re.MULTILINE)


def pages(root: Path) -> list[Path]:
    """The README and every page below docs/."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def broken_links(root: Path) -> Iterator[str]:
    """Links inside the repository that lead nowhere, as `page: target`."""
    for page in pages(root):
        for target in links(page):
            if not _resolves(page, target):
                yield f"{page.relative_to(root)}: {target}"


def links(page: Path) -> list[str]:
    """Targets on `page` that are not on the web; text in code blocks is not a link."""
    found = LINK.findall(FENCE.sub("", page.read_text("utf-8")))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def unreachable(root: Path) -> set[Path]:
    """Pages of docs/ that no chain of links from the README leads to; a folder opens its pages."""
    todo, seen = [root / "README.md"], set[Path]()
    while todo:
        page = todo.pop()
        if page not in seen and page.suffix == ".md" and page.is_file():
            seen.add(page)
            for path in ((page.parent / link.partition("#")[0]).resolve() for link in links(page)):
                todo += path.glob("*.md") if path.is_dir() else [path]
    return set(pages(root)) - seen


def slugs(page: Path) -> set[str]:
    """The anchors that a page's headings get where repositories are shown."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def blocks(page: Path, kind: str) -> list[str]:
    """The bodies of the fenced blocks of one kind."""
    found = FENCE.finditer(page.read_text("utf-8"))
    return [block["body"].strip() for block in found if block["kind"] == kind]


def _resolves(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in slugs(file)


@pytest.mark.slow
def test_every_link_leads_somewhere() -> None:
    found = list(broken_links(ROOT))

    assert not found, "\n" + "\n".join(found)


def test_every_page_can_be_reached_from_the_readme() -> None:
    assert unreachable(ROOT) == set()


def test_the_readme_has_one_command_to_run_and_one_to_test() -> None:
    run, test = blocks(README, "sh")

    assert run.endswith("/omni-actors demo")
    assert test.endswith("/python -m tests")


def test_the_commands_set_up_a_fresh_machine_alone() -> None:
    for command in blocks(README, "sh"):
        make, install, _ = command.split(" && ")
        assert make == "python3 -m venv .venv"
        assert install.startswith(".venv/bin/pip install -q -c constraints.txt ")


@pytest.mark.slow
def test_every_command_in_the_docs_exists() -> None:
    if not CLI.exists():
        pytest.skip("the command line is not written yet")
    named = {name for page in pages(ROOT) for name in COMMAND.findall(page.read_text("utf-8"))}

    shown = subprocess.run(
        [sys.executable, "-c", "from omni_actors.cli import main; main()", "--help"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        timeout=HELP_S_MAX,
    ).stdout

    assert named - set(HELP_LINE.findall(shown)) == set()


def json_bodies(text: str) -> list[str]:
    """What the curl commands of a text send as JSON, as a shell hands it on."""
    return [body for body in re.findall(r"-d '([^']*)'", text) if body.lstrip()[:1] in "{["]


def test_what_curl_is_told_to_send_is_json() -> None:
    shown = welcome(
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8090",
        {"smtp": "127.0.0.1:8025", "imap": "127.0.0.1:8143"},
        Path("data/operator.key"),
    )
    found = {"the demo": json_bodies(shown)}
    found |= {str(page): json_bodies(page.read_text("utf-8")) for page in pages(ROOT)}

    for bodies in found.values():
        for body in bodies:
            json.loads(body)
    assert len(found["the demo"]) == 5
    assert len(found[str(README)]) == 2


def test_a_planted_broken_link_is_found(tmp_path: Path) -> None:
    _plant(tmp_path, "[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#two-words) [d](docs/a.md#three)")

    found = list(broken_links(tmp_path))

    assert found == ["README.md: docs/b.md", "README.md: docs/a.md#three"]


def test_a_planted_page_without_a_link_is_found(tmp_path: Path) -> None:
    _plant(tmp_path, "nothing to read on")

    found = unreachable(tmp_path)

    assert found == {tmp_path / "docs" / "a.md"}


def _plant(root: Path, readme: str) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "a.md").write_text("# A\n\n## Two words!\n\n```\n[x](y.md)\n```\n")
    (root / "README.md").write_text(readme)
