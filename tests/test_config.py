"""The config: read strictly, judged whole, and shown in full where people look for it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters import ADAPTERS, APP_KINDS, HOOK_KINDS
from omni_actors.config import Config, ConfigError, load, plan_of, router
from omni_actors.config_decode import keys_of
from omni_actors.config_sources import BadReference, expand
from omni_actors.config_tables import (
    SECTIONS,
    AppTable,
    BotConfig,
    ChannelTable,
    HookTable,
    MatchConfig,
    RouteConfig,
)
from omni_actors.model.states import ChannelState
from omni_actors.policy.rate import Limit
from omni_actors.store.contract import Refused
from omni_actors.store.rows import Channel

ROOT = Path(__file__).resolve().parent.parent
SECRET = "EAAG7secret"

HOOK = """
[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["one"]
verify_token = "two"
"""
MAIL = """
[[channels]]
id = "mail"
platform = "email"
address = "support@example.com"
username = "support"
password = "secret"
imap = { host = "imap.example.com" }
"""
CHANNEL = """
[[channels]]
id = "wa"
platform = "whatsapp"
phone_number_id = "770011223344556"
access_token = "token"
"""


def read(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load(path, environ, ADAPTERS, HOOK_KINDS)


def mistakes(folder: Path, text: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, **environ)
    return caught.value.mistakes


def test_an_empty_file_is_a_config_with_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, "")

    assert config.server.bind == "127.0.0.1:8080"
    assert config.public_url == "http://127.0.0.1:8080"
    assert config.channels == ()


WRONG = {
    "an unknown section": ("[serve]\n", "serve: unknown key; did you mean server?"),
    "an unknown key": (
        "[server]\npublik_url = 'x'\n",
        "server.publik_url: unknown key; did you mean public_url?",
    ),
    "a section that is no table": ("server = 3\n", "server: must be a table"),
    "a bind without a port": (
        "[server]\nbind = 'localhost'\n",
        "server.bind: must be host:port, such as 127.0.0.1:8080 or [::1]:8080",
    ),
    "a number for a string": ("[store]\nurl = 5\n", "store.url: must be a string"),
    "a string for a number": (
        "[drain]\ndeadline_s = '5'\n",
        "drain.deadline_s: must be a number",
    ),
    "a truth for a number": ("[drain]\nnotice_s = true\n", "drain.notice_s: must be a number"),
    "an endless time": ("[drain]\nnotice_s = inf\n", "drain.notice_s: must be a number"),
    "a fraction for a whole number": (
        "[limits]\nlive_max = 1.5\n",
        "limits.live_max: must be a whole number",
    ),
    "a word that is not offered": (
        "[log]\nlevel = 'loud'\n",
        "log.level: must be one of debug, info, warning, error",
    ),
    "another database": (
        "[store]\nurl = 'postgresql://x'\n",
        "store.url: PostgreSQL is not supported yet; use a URL like sqlite:///data/omni.db",
    ),
    "hooks that are one table": (
        "[hooks]\nid = 'a'\n",
        "hooks: must be an array of tables, written [[hooks]]",
    ),
    "an unknown kind of hook": (
        "[[hooks]]\nid = 'a'\nkind = 'mta'\n",
        "hooks[0].kind: unknown; did you mean meta?",
    ),
    "a list that is a string": (
        "[[hooks]]\nid='a'\nkind='meta'\nverify_token='v'\napp_secrets='x'\n",
        "hooks[0].app_secrets: must be a list",
    ),
    "an item that is no string": (
        "[[hooks]]\nid='a'\nkind='meta'\nverify_token='v'\napp_secrets=['x', 3]\n",
        "hooks[0].app_secrets[1]: must be a string",
    ),
    "a channel of no platform": (
        CHANNEL.replace('platform = "whatsapp"', ""),
        "channels[0].platform: missing",
    ),
    "an unknown platform": (
        CHANNEL.replace("whatsapp", "whatsap"),
        "channels[0].platform: unknown; did you mean whatsapp?",
    ),
    "a missing secret": (
        CHANNEL.replace('access_token = "token"', ""),
        "channels[0].access_token: missing",
    ),
    "a mistyped key of a channel": (
        CHANNEL + "grap_url = 'x'\n",
        "channels[0].grap_url: unknown key; did you mean graph_url?",
    ),
    "a rate of nothing": (
        CHANNEL + "rate = { per_second = 0, burst = 1 }\n",
        "channels[0].rate.per_second: must be more than 0",
    ),
    "a mistyped key inside a rate": (
        CHANNEL + "rate = { per_second = 1, burst = 1, brst = 2 }\n",
        "channels[0].rate.brst: unknown key; did you mean burst?",
    ),
    "two hooks of one name": (HOOK + HOOK, "hooks[1].id: the same as hooks[0].id"),
    "two channels of one account": (
        CHANNEL + CHANNEL.replace('"wa"', '"wb"'),
        "channels[1]: the same as channels[0]; two channels cannot be one account of the platform",
    ),
    "two channels of one mailbox": (
        MAIL + MAIL.replace('id = "mail"', 'id = "sales"').replace("support@", "sales@"),
        "channels[1]: the same as channels[0] in what it reads; each needs a folder of its own "
        "(imap.mailbox)",
    ),
    "a route to nobody": (
        "[[routes]]\nto = 'ecko'\n",
        "routes[0].to: unknown consumer; did you mean echo?",
    ),
    "a route to a bot that does not run": (
        "[bot]\nkind='none'\n[[routes]]\nto = 'echo'\n",
        "routes[0].to: unknown consumer; there is none",
    ),
    "a route of unknown content": (
        "[[routes]]\nto = 'echo'\nmatch = { content = ['medai'] }\n",
        "routes[0].match.content: unknown content; did you mean media?",
    ),
    "a wait for an unknown platform": (
        "[delivery]\nunknown_wait_s = { whatsap = 5 }\n",
        "delivery.unknown_wait_s: unknown platform; did you mean whatsapp?",
    ),
    "a wait that is no number": (
        "[delivery]\nunknown_wait_s = { whatsapp = 'x' }\n",
        "delivery.unknown_wait_s.whatsapp: must be a number",
    ),
    "a variable that is not set": (
        CHANNEL.replace('"token"', '"${WA_TOKEN}"'),
        "channels[0].access_token: the environment variable WA_TOKEN is not set",
    ),
    "a file of a secret that is not there": (
        CHANNEL.replace("access_token =", "access_token_file ="),
        "channels[0].access_token_file: the file cannot be read: No such file or directory",
    ),
    "a secret given twice": (
        CHANNEL + "access_token_file = 'x'\n",
        "channels[0].access_token_file: give either this or access_token, not both",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG.keys())
def test_one_mistake_is_one_sentence_with_its_place(
    tmp_path: Path, text: str, expected: str
) -> None:
    found = mistakes(tmp_path, text)

    assert found == (expected,)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "[drain]\nnotice_s = -1\n[log]\nlevel = 3\n" + CHANNEL.replace("7700", "+44 7700")
    text = text.replace('"token"', '"${NOPE}"') + "version = 3\nlink_preview = 'yes'\n[[routes]]\n"

    found = mistakes(tmp_path, text)

    assert [mistake.partition(":")[0] for mistake in found] == [
        "channels[0].access_token",
        "log.level",
        "drain.notice_s",
        "channels[0].phone_number_id",
        "channels[0].version",
        "channels[0].link_preview",
        "routes[0].to",
    ]


def test_a_channel_with_a_mistake_is_still_known_to_the_routes(tmp_path: Path) -> None:
    text = CHANNEL.replace('access_token = "token"', "")
    text += "[[routes]]\nto='echo'\nmatch={ channel='wa' }\n"

    found = mistakes(tmp_path, text)

    assert found == ("channels[0].access_token: missing",)


@pytest.mark.parametrize(
    "text",
    [
        CHANNEL.replace('"770011223344556"', f'"{SECRET}"'),
        CHANNEL.replace('"token"', f'["{SECRET}"]'),
        CHANNEL.replace('"whatsapp"', f'"{SECRET}"'),
        CHANNEL.replace('"wa"', f'"{SECRET} "'),
        CHANNEL + f'graph_url = "http://{SECRET}@example.com"\n',
        CHANNEL + f"rate = '{SECRET}'\n",
        CHANNEL + f"access_token_file = '{SECRET}'\n",
        HOOK.replace('["one"]', f'"{SECRET}"'),
        f"[store]\nencryption_key = '{SECRET}'\n",
        f"[store]\nurl = '{SECRET}'\n",
        f"[log]\nlevel = '{SECRET}'\n",
        f"[[routes]]\nto = '{SECRET}'\nmatch = {{ channel = '{SECRET}' }}\n",
        f'"{SECRET * 4}" = 1\n',
        f'[server]\n"{SECRET} x" = 1\n',
        f"x = {SECRET}\n",
    ],
)
def test_no_mistake_repeats_a_value(tmp_path: Path, text: str) -> None:
    found = mistakes(tmp_path, text)

    assert found
    assert SECRET not in "".join(found)


def test_no_secret_is_in_the_words_of_a_config(tmp_path: Path) -> None:
    text = CHANNEL.replace("token", SECRET).replace(f"access_{SECRET}", "access_token")
    text += HOOK.replace("one", SECRET) + f"[store]\nencryption_key = '{'ab' * 32}'\n"

    config = read(tmp_path, text)

    assert config.channels[0].credentials.access_token == SECRET
    assert SECRET not in repr(config)
    assert "abab" not in repr(config)


def test_a_secret_can_lie_in_a_file_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    (tmp_path / "apps").write_text("first\nsecond\n")

    config = read(
        tmp_path,
        CHANNEL.replace('access_token = "token"', 'access_token_file = "token"')
        + HOOK.replace('app_secrets = ["one"]', 'app_secrets_file = "apps"'),
    )

    assert config.channels[0].credentials.access_token == "from-a-file"
    assert config.hooks[0].secrets.app_secrets == ("first", "second")


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.toml"

    with pytest.raises(ConfigError) as caught:
        load(path, {}, ADAPTERS, HOOK_KINDS)

    assert caught.value.mistakes == (f"{path}: cannot be read: No such file or directory",)


def test_a_file_that_is_not_toml_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, "[server]\nbind\n")

    assert "is not TOML" in found
    assert "line 2" in found


# Everything a string may hold besides what the environment gives.
names = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)
plain = st.text(st.characters(exclude_characters="$}", exclude_categories=["Cs"]), max_size=20)


@given(st.text())
def test_a_text_with_its_dollars_doubled_means_itself(text: str) -> None:
    assert expand(text.replace("$", "$$"), {}) == text


@pytest.mark.slow
@given(plain, names, st.text(), plain)
def test_a_reference_is_the_variable_and_leaves_its_neighbours(
    before: str, name: str, value: str, after: str
) -> None:
    assert expand(f"{before}${{{name}}}{after}", {name: value}) == before + value + after


@pytest.mark.slow
@given(names, plain, st.sampled_from([None, "", "value"]))
def test_a_default_serves_for_what_is_unset_or_empty(
    name: str, default: str, value: str | None
) -> None:
    environ = {} if value is None else {name: value}

    assert expand(f"${{{name}:-{default}}}", environ) == (value or default)


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${1}", "${A-b}", "a ${A:-b", "$$${a b}"])
def test_a_reference_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(BadReference, match="write"):
        expand(text, {"A": "a"})


SANDBOX = """
[server]
bind = "{bind}"
public_url = "{public}"
[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["{secret}"]
verify_token = "x"
[[channels]]
id = "wa"
platform = "whatsapp"
phone_number_id = "770011223344556"
access_token = "{token}"
graph_url = "{graph}"
"""
ON_LOOPBACK = {
    "bind": "127.0.0.1:8080",
    "public": "http://localhost:8080",
    "graph": "http://[::1]:8090",
    "secret": "sandbox-secret",
    "token": "sandbox-token",
}
EXPOSED: dict[str, tuple[dict[str, str], list[str]]] = {
    "all on loopback": ({}, []),
    "real secrets in the world": (
        {"bind": "0.0.0.0:80", "secret": "real", "token": "real"},
        [],
    ),
    "a bind for the world": (
        {"bind": "0.0.0.0:80"},
        ["hooks[0].app_secrets: server.bind", "channels[0].access_token: server.bind"],
    ),
    "a public address": (
        {"public": "https://gateway.example.com", "secret": "real"},
        ["channels[0].access_token: server.public_url"],
    ),
    "the real platform": (
        {"graph": "https://graph.facebook.com"},
        ["hooks[0].app_secrets: channels[0].graph_url", "channels[0].access_token: "
         "channels[0].graph_url"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), EXPOSED.values(), ids=EXPOSED.keys())
def test_secrets_of_the_sandbox_stay_on_loopback(
    tmp_path: Path, change: Mapping[str, str], expected: Sequence[str]
) -> None:
    text = SANDBOX.format(**{**ON_LOOPBACK, **change})

    if not expected:
        read(tmp_path, text)
        return
    found = mistakes(tmp_path, text)

    said = ": a secret of the sandbox must stay on loopback, and "
    assert [each.replace(said, ": ").removesuffix(" is not there") for each in found] == expected


def test_the_plan_holds_what_the_config_says(tmp_path: Path) -> None:
    text = CHANNEL + "rate = { per_second = 3, burst = 2 }\n" + HOOK
    text += "[[routes]]\nto='none'\nmatch={ platform='whatsapp', content=['media', 'text'] }\n"
    text += "[retention]\nevents_days = 2\n[conversations]\nidle_s = 7\n"
    text += "[delivery]\nunknown_wait_s = { whatsapp = 5 }\n"

    plan = plan_of(read(tmp_path, text), ADAPTERS, HOOK_KINDS)

    (channel,) = plan.channels
    pair = ADAPTERS["whatsapp"].pair_rate
    assert channel.channel_key == channel.settings["phone_number_id"] == "770011223344556"
    assert channel.credentials["access_token"] == "token"
    assert plan.pacing["wa"].channel == Limit(3.0, 2)
    assert pair is not None
    assert plan.pacing["wa"].pair == Limit(pair.per_second, pair.burst, pair.loan_s)
    assert plan.hooks["meta"].handshake(
        {"hub.mode": "subscribe", "hub.verify_token": "two", "hub.challenge": "yes"}
    )
    assert plan.rules[0].content == {"media", "text"}
    assert plan.keep.events_s == 2 * 86400
    assert plan.idle_s == 7
    assert plan.unknown_wait_s == {"whatsapp": 5.0}


def stored(settings: dict[str, Any]) -> Channel:
    return Channel(
        id="wa",
        tenant="default",
        platform="whatsapp",
        channel_key="1",
        settings=settings,
        state=ChannelState.ACTIVE,
        reason=None,
        since=0.0,
        source="config",
    )


def test_a_stored_channel_can_be_sent_on(tmp_path: Path) -> None:
    config = read(tmp_path, CHANNEL)
    (spec,) = plan_of(config, ADAPTERS, HOOK_KINDS).channels
    route_of = router(ADAPTERS, {"wa": spec.credentials}.__getitem__)

    route = route_of(stored({**spec.settings, "of_a_later_version": 1}))

    assert route.settings == config.channels[0].settings
    assert route.account.token == "token"
    assert "graph.facebook.com" in route.account.hosts
    assert "token" not in repr(route.account)


def test_a_stored_channel_that_does_not_fit_is_refused() -> None:
    route_of = router(ADAPTERS, lambda _channel_id: {"access_token": "token"})

    with pytest.raises(Refused, match=r"the stored channel wa\.phone_number_id: missing"):
        route_of(stored({}))


# ---------------------------------------------------------------- what people read

KEY_LINE = re.compile(r"^(?:# )?(?P<key>[a-z_]+) = ", re.MULTILINE)
HEADER = re.compile(r"^\[+(?P<name>[a-z_]+)\]+", re.MULTILINE)
DOC_KEY = re.compile(r"^\| `(?P<key>[a-z_]+)` \|", re.MULTILINE)
DOC_HEADING = re.compile(r"^##+ (?P<title>.+)$", re.MULTILINE)


def blocks(text: str, heading: re.Pattern[str], group: str) -> Iterator[tuple[str, str]]:
    """Headings with what stands below them, up to the next one."""
    found = [*heading.finditer(text)]
    ends = [each.start() for each in found[1:]] + [len(text)]
    for each, end in zip(found, ends, strict=True):
        yield each[group], text[each.end() : end]


def channel_keys(platform: str) -> set[str]:
    adapter = ADAPTERS[platform]
    return {*keys_of(adapter.settings), *keys_of(adapter.credentials, every_secret=True)}


def app_keys(kind: str) -> set[str]:
    app = APP_KINDS[kind]
    return {*keys_of(app.settings), *keys_of(app.secrets, every_secret=True)}


def hook_keys(kind: str) -> set[str]:
    return set(keys_of(HOOK_KINDS[kind].secrets, every_secret=True))


def shown_keys() -> dict[str, set[str]]:
    """The keys that config.toml shows, by section, and for each platform and kind of hook."""
    shown: dict[str, set[str]] = {}
    for name, block in blocks((ROOT / "config.toml").read_text(), HEADER, "name"):
        kind = re.search(r'^(?:platform|kind) = "(\w+)"', block, re.MULTILINE)
        variant = f"{name} {kind[1]}" if kind and name in ("apps", "hooks", "channels") else name
        shown.setdefault(variant, set()).update(each["key"] for each in KEY_LINE.finditer(block))
    return shown


def test_the_config_that_comes_along_shows_every_key() -> None:
    sections = {name: set(keys_of(cls)) for name, cls in SECTIONS.items()}
    apps = {f"apps {kind}": app_keys(kind) | {*keys_of(AppTable)} for kind in APP_KINDS}
    hooks = {f"hooks {kind}": hook_keys(kind) | {*keys_of(HookTable)} for kind in HOOK_KINDS}
    channels = {
        f"channels {platform}": channel_keys(platform) | {*keys_of(ChannelTable)}
        for platform in ADAPTERS
    }

    assert shown_keys() == {
        **sections,
        **apps,
        **hooks,
        **channels,
        "routes": {*keys_of(RouteConfig)},
    }


@pytest.mark.slow
def test_the_config_that_comes_along_runs_as_it_stands() -> None:
    config = load(ROOT / "config.toml", {}, ADAPTERS, HOOK_KINDS)

    assert {each.platform for each in config.channels} == set(ADAPTERS)
    assert config.server.bind == "127.0.0.1:8080"


@pytest.mark.slow
def test_the_config_that_comes_along_writes_down_the_defaults() -> None:
    config = load(ROOT / "config.toml", {}, ADAPTERS, HOOK_KINDS)

    for name in ("limits", "store", "log", "drain", "retention", "conversations"):
        assert getattr(config, name) == SECTIONS[name]()
    assert config.bot == BotConfig()


def test_the_documentation_explains_every_key() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()

    documented = {
        title: {each["key"] for each in DOC_KEY.finditer(block)}
        for title, block in blocks(text, DOC_HEADING, "title")
    }

    expected = {f"`[{name}]`": set(keys_of(cls)) for name, cls in SECTIONS.items()}
    expected |= {f"Apps of kind `{kind}`": app_keys(kind) for kind in APP_KINDS}
    expected |= {f"Hooks of kind `{kind}`": hook_keys(kind) for kind in HOOK_KINDS}
    expected |= {f"Channels on `{platform}`": channel_keys(platform) for platform in ADAPTERS}
    expected["`[[apps]]`"] = set(keys_of(AppTable))
    expected["`[[hooks]]`"] = set(keys_of(HookTable))
    expected["`[[channels]]`"] = set(keys_of(ChannelTable))
    expected["`[[routes]]`"] = set(keys_of(RouteConfig))
    expected["Criteria of `match`"] = set(keys_of(MatchConfig))
    assert {title: keys for title, keys in documented.items() if keys} == expected


MAIL_APPS = """
[[apps]]
id = "google"
kind = "google"
client_id = "client-1"
client_secret = "one"

[[apps]]
id = "meta"
kind = "facebook"
app_id = "70001"
app_secret = "one"
"""
MAIL = """
[[channels]]
id = "mail"
platform = "email"
address = "support@example.com"
provider = "gmail"
login = "oauth"
refresh_token = "of-a-person"
"""


def test_a_channel_lives_by_a_refresh_token_of_an_app(tmp_path: Path) -> None:
    config = read(tmp_path, MAIL_APPS + MAIL + 'app = "google"\n')

    [spec] = plan_of(config, ADAPTERS, HOOK_KINDS).channels
    assert (spec.app, spec.credentials["refresh_token"]) == ("google", "of-a-person")


@pytest.mark.parametrize(
    ("app", "mistake"),
    [
        ("", "channels[0].app: missing; a refresh_token is good with its app only"),
        (
            'app = "meta"',
            "channels[0].app: must be an app that email accounts connect through; there is google",
        ),
        (
            'app = "gogle"',
            "channels[0].app: must be an app that email accounts connect through; there is google",
        ),
    ],
)
def test_a_refresh_token_needs_the_app_that_it_is_of(
    tmp_path: Path, app: str, mistake: str
) -> None:
    assert mistakes(tmp_path, MAIL_APPS + MAIL + app) == (mistake,)
