"""Rules of the house that no linter knows: sizes, leftovers, excuses, and SQL that travels.

Each rule is a function of files, so that a planted violation shows that it still bites.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("omni_actors", "tests", "bench")
NOT_OURS = {".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
VERBATIM = {"LICENSE", "constraints.txt"}
SPEAKING = {"cli", "demo", "__main__"}

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
REASON_WORDS_MIN = 2

# Brackets around one letter keep these patterns from finding themselves.
LEFTOVER = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b(?!\(#\d+\))")
MACHINE_PATH = re.compile(r"(?<![\w.-])/(?:root|home|work)/")
BLANKET = re.compile(r"#\s*(?:ruff|flake8)\s*:\s*noqa\b|#\s*mypy\s*:\s*ignore-errors")
EXCUSE = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b")
EXCUSE_WITH_CODE = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*|type:\s*ignore\[[a-z\d-]+(?:\s*,\s*[a-z\d-]+)*\])"
)
SQLITE_ONLY = re.compile(
    r"""
    \b(?:INSERT|UPDATE)\s+OR\s+(?:IGNORE|REPLACE|ABORT|FAIL|ROLLBACK)\b
    | \bREPLACE\s+INTO\b
    | \b(?:last_insert_)?_?rowid_?\b
    | \b(?:datetime|julianday|strftime|unixepoch)\s*\(
    | \bjson_(?:each|tree|extract|set|insert|replace|remove|patch|valid|group_\w+)\b
    | \b(?:ifnull|iif|group_concat|total|changes|randomblob|zeroblob|instr|hex|printf)\s*\(
    | \b(?:max|min)\s*\([^()]*,
    | \bAUTOINCREMENT\b
    | \bIS\s+(?:NOT\s+)?[:?]
    | \bLIMIT\s+[:?]?\w+\s*,
    | (?-i:\b(?:PRAGMA|GLOB)\b)
    | \bsqlite_(?:master|schema|sequence)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Mess(NamedTuple):
    """One place that breaks a rule."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


Rule = Callable[[Path, Path], Iterator[Mess]]


def too_long(root: Path, path: Path) -> Iterator[Mess]:
    """Files over 600 lines and functions over 70."""
    if path.parts[0] not in CODE or path.suffix != ".py":
        return
    source = (root / path).read_text("utf-8")
    lines = len(source.splitlines())
    if lines > FILE_LINES_MAX:
        yield Mess(path, 1, f"{lines} lines; at most {FILE_LINES_MAX}")
    if lines <= FUNCTION_LINES_MAX:
        return
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield Mess(path, node.lineno, f"{node.name}: {lines} > {FUNCTION_LINES_MAX} lines")


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Everything under a node but expressions, which hold no functions."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, field, ()):
            yield child
            yield from _statements(child)


def leftover(root: Path, path: Path) -> Iterator[Mess]:
    """Promises to do something later that name no issue."""
    yield from _search(root, path, LEFTOVER, "unfinished work without an issue")


def machine_path(root: Path, path: Path) -> Iterator[Mess]:
    """Paths that exist on one machine only."""
    yield from _search(root, path, MACHINE_PATH, "path of one machine")


def printing(root: Path, path: Path) -> Iterator[Mess]:
    """Output to the terminal from a room that has no terminal."""
    if path.parts[0] != "omni_actors" or path.suffix != ".py":
        return
    if path.parts[1].removesuffix(".py") in SPEAKING:
        return
    source = (root / path).read_bytes()
    if b"print" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            yield Mess(path, node.lineno, "print outside the command line")


def bare_excuse(root: Path, path: Path) -> Iterator[Mess]:
    """Suppressed findings that do not say which and why."""
    if path.suffix != ".py":
        return
    source = (root / path).read_text("utf-8")
    if not EXCUSE.search(source) and not BLANKET.search(source):
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (complaint := _judge_comment(token.string)):
            yield Mess(path, token.start[0], f"{complaint}: {token.string}")


def _judge_comment(comment: str) -> str | None:
    if BLANKET.search(comment):
        return "a whole file is excused"
    excuses = len(EXCUSE.findall(comment))
    if excuses == 0:
        return None
    if len(EXCUSE_WITH_CODE.findall(comment)) < excuses:
        return "excuse without a code"
    reason = re.findall(r"\w+", EXCUSE_WITH_CODE.sub("", comment))
    return "excuse without a reason" if len(reason) < REASON_WORDS_MIN else None


def sqlite_only(root: Path, path: Path) -> Iterator[Mess]:
    """SQL of the store, outside the engine's own folder, that PostgreSQL would not understand."""
    if path.parts[:2] != ("omni_actors", "store") or path.parts[2:3] == ("sqlite",):
        return
    if path.suffix == ".sql":
        yield from _search(root, path, SQLITE_ONLY, "SQLite's own dialect")
    elif path.suffix == ".py":
        for line, text in _strings(ast.parse((root / path).read_bytes())):
            if match := SQLITE_ONLY.search(text):
                yield Mess(path, line, f"SQLite's own dialect: {match.group()}")


def _strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """String constants with their lines, docstrings left out, parts of f-strings included."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield node.lineno, text
            case _:
                pass


def _search(root: Path, path: Path, pattern: re.Pattern[str], what: str) -> Iterator[Mess]:
    if path.name in VERBATIM:
        return
    text = (root / path).read_bytes()
    if b"\0" in text:
        return
    for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), start=1):
        if match := pattern.search(line):
            yield Mess(path, number, f"{what}: {match.group()}")


RULES: list[Rule] = [
    too_long,
    leftover,
    machine_path,
    printing,
    bare_excuse,
    sqlite_only,
]


def project_files(root: Path) -> Iterable[Path]:
    """The project's files, relative to `root`: what git tracks or would, else what is there."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
        found = [Path(name) for name in sorted(set(listed.decode().split("\0"))) if name]
    else:
        found = [path.relative_to(root) for path in sorted(root.rglob("*"))]
    return [path for path in found if (root / path).is_file() and not NOT_OURS & set(path.parts)]


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    messes = [str(mess) for path in project_files(ROOT) for mess in rule(ROOT, path)]

    assert not messes, "\n" + "\n".join(messes)


def test_the_rules_see_the_code() -> None:
    files = set(project_files(ROOT))

    assert {Path("omni_actors/__init__.py"), Path("tests/test_tidy.py")} <= files


LONGEST_FUNCTION = "def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1)
LONG_FUNCTION = f"{LONGEST_FUNCTION}    x = 1\n"
PLANTED = {
    "a long file": (too_long, "bench/a.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    "a long function": (too_long, "omni_actors/net/a.py", LONG_FUNCTION),
    "a long async function": (too_long, "tests/a.py", f"async {LONG_FUNCTION}"),
    "a promise": (leftover, "omni_actors/app.py", "x = 1  # TO" + "DO later"),
    "a promise in the docs": (leftover, "docs/a.md", "FIX" + "ME: say more"),
    "a home folder": (machine_path, "docs/a.md", "see /ho" + "me/me/notes"),
    "the administrator's folder": (machine_path, "tests/a.py", "x = '/ro" + "ot/x'"),
    "a print": (printing, "omni_actors/net/a.py", "print(1)"),
    "a print in the sandbox": (printing, "omni_actors/sandbox/a.py", "print(1)"),
    "noqa for everything": (bare_excuse, "tests/a.py", "x = 1  # no" + "qa"),
    "noqa without a reason": (bare_excuse, "tests/a.py", "x = 1  # no" + "qa: E501"),
    "an ignored type, any": (bare_excuse, "tests/a.py", "x = 1  # type: ig" + "nore  # it is odd"),
    "an ignored type, no reason": (bare_excuse, "tests/a.py", "x = 1  # type: ig" + "nore[misc]"),
    "a whole file excused": (bare_excuse, "tests/a.py", "# ruff: no" + "qa: E501 - long names"),
    "two excuses, one code": (
        bare_excuse,
        "tests/a.py",
        "x = 1  # type: ig" + "nore[misc]  # no" + "qa - the library is untyped",
    ),
}


@pytest.mark.parametrize(("rule", "path", "source"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_mess_is_found(tmp_path: Path, rule: Rule, path: str, source: str) -> None:
    _plant(tmp_path, path, source)

    found = [mess for file in project_files(tmp_path) for mess in rule(tmp_path, file)]

    assert [mess.path for mess in found] == [Path(path)]


TIDY = {
    "a promise with an issue": (leftover, "tests/a.py", "# TO" + "DO(#12): drop with Python 3.11"),
    "an address on the web": (machine_path, "docs/a.md", "https://example.com/ho" + "me/start"),
    "a file that speaks": (printing, "omni_actors/cli.py", "print(1)"),
    "a folder that speaks": (printing, "omni_actors/demo/a.py", "print(1)"),
    "a good excuse": (bare_excuse, "tests/a.py", "x = 1  # no" + "qa: BLE001 - the last boundary"),
    "a good excuse for a type": (
        bare_excuse,
        "tests/a.py",
        "x = 1  # type: ig" + "nore[misc]  # the library is untyped",
    ),
    "an excuse in a string": (bare_excuse, "tests/a.py", "x = '# no" + "qa'"),
    "a function of just the length": (too_long, "tests/a.py", LONGEST_FUNCTION),
}


@pytest.mark.parametrize(("rule", "path", "source"), TIDY.values(), ids=TIDY.keys())
def test_a_tidy_file_is_let_through(tmp_path: Path, rule: Rule, path: str, source: str) -> None:
    _plant(tmp_path, path, source)

    found = [str(mess) for file in project_files(tmp_path) for mess in rule(tmp_path, file)]

    assert found == []


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OR IGNORE INTO t VALUES (:a)",
        "insert or replace into t values (:a)",
        "REPLACE INTO t VALUES (:a)",
        "SELECT rowid FROM t",
        "SELECT last_insert_rowid()",
        "SELECT datetime('now')",
        "SELECT value FROM json_each(:ids)",
        "SELECT json_extract(body, '$.a') FROM t",
        "SELECT ifnull(a, 0) FROM t",
        "SELECT max(a, b) FROM t",
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "SELECT a FROM t WHERE b IS :b",
        "SELECT a FROM t LIMIT 10, 20",
        "PRAGMA journal_mode = WAL",
        "SELECT a FROM t WHERE a GLOB 'x*'",
        "SELECT name FROM sqlite_schema",
    ],
)
def test_sql_of_one_engine_is_found(tmp_path: Path, sql: str) -> None:
    _plant(tmp_path, "omni_actors/store/verbs.py", f'Q = f"""{sql} {{x}}"""')
    _plant(tmp_path, "omni_actors/store/migrations/a.sql", sql)
    _plant(tmp_path, "omni_actors/store/sqlite/engine.py", f'Q = """{sql}"""')

    found = [mess.path for path in project_files(tmp_path) for mess in sqlite_only(tmp_path, path)]

    assert found == [
        Path("omni_actors/store/migrations/a.sql"),
        Path("omni_actors/store/verbs.py"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        'Q = "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO NOTHING RETURNING id"',
        'Q = "SELECT coalesce(max(seq), 0) + 1 FROM t WHERE a IS NOT NULL LIMIT :n OFFSET :m"',
        'Q = "SELECT a FROM t WHERE b IS NOT DISTINCT FROM :b ORDER BY a LIMIT 10"',
        'def f():\n    """Never a rowid: PostgreSQL has none."""',
    ],
)
def test_sql_that_both_engines_know_is_let_through(tmp_path: Path, source: str) -> None:
    _plant(tmp_path, "omni_actors/store/verbs.py", source)

    found = list(sqlite_only(tmp_path, Path("omni_actors/store/verbs.py")))

    assert found == []


def _plant(root: Path, path: str, source: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source)
