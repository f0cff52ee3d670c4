"""The logins of Google and Microsoft as flows: what is asked, what is made of the answers."""

import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import evolve

from omni_actors.adapters import ADAPTERS, APP_KINDS
from omni_actors.adapters.connecting import Found, Harvest, Tokens
from omni_actors.adapters.email.apps import GoogleApp, MailApp, MicrosoftApp, hosts
from omni_actors.adapters.email.settings import EmailSettings, ImapTable
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import FindCall, Flow, FolderReply, HttpReply, Secret

GOOGLE = GoogleApp("id-1.apps.googleusercontent.com")
MICROSOFT = MicrosoftApp("11111111-2222", tenant="example.com")
BACK = "https://gw.example/v1/connect/email/callback"
LOGIN = ADAPTERS["email"].oauth["google"]
TOKENS = {"access_token": "ya29.a", "refresh_token": "1//r", "expires_in": 3599}
DENIED = SendFailure(Failure(Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, text="AUTHENTICATE failed"))


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def reply(document: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def id_token(**claims: Any) -> str:
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def play(flow: Flow[Any], *answers: Any) -> tuple[list[Any], Any]:
    """Run a flow against answers; its calls, and its result or the failure that it raises."""
    calls: list[Any] = []
    left = list(answers)
    try:
        call = next(flow)
        while True:
            calls.append(call)
            answer = left.pop(0)
            call = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
    except StopIteration as finished:
        return calls, finished.value
    except SendFailure as failed:
        return calls, failed.failure


def settings_of(account: Found) -> EmailSettings:
    """The settings of a channel that comes of an account, as they are made of what was kept."""
    kept: Any = json.loads(json.dumps(account.settings))
    return EmailSettings(**kept)


# ---------------------------------------------------------------- the dialogs


def test_google_is_asked_for_the_mailbox_and_for_a_refresh_token() -> None:
    url = LOGIN.authorize(GOOGLE, BACK, "s+1")

    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert asked(url) == {
        "client_id": "id-1.apps.googleusercontent.com",
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid email https://mail.google.com/",
        "state": "s+1",
        "access_type": "offline",
        "prompt": "consent",
    }


def test_microsoft_is_asked_in_the_directory_of_the_app() -> None:
    url = LOGIN.authorize(MICROSOFT, BACK, "s")

    assert url.startswith("https://login.microsoftonline.com/example.com/oauth2/v2.0/authorize?")
    assert asked(url)["scope"].split() == [
        "openid",
        "email",
        "profile",
        "offline_access",
        "https://outlook.office.com/IMAP.AccessAsUser.All",
        "https://outlook.office.com/SMTP.Send",
    ]


def test_other_scopes_take_the_place_of_those_of_mail_only() -> None:
    url = LOGIN.authorize(evolve(GOOGLE, scopes=("https://example.com/mail",)), BACK, "s")

    assert asked(url)["scope"] == "openid email https://example.com/mail"


# ---------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    ("app", "endpoint"),
    [
        (GOOGLE, "https://oauth2.googleapis.com/token"),
        (MICROSOFT, "https://login.microsoftonline.com/example.com/oauth2/v2.0/token"),
    ],
)
def test_a_code_is_redeemed_without_holding_a_secret(app: MailApp, endpoint: str) -> None:
    claims = {"sub": "1", "email": "a@example.com"}

    [call], tokens = play(
        LOGIN.exchange(app, BACK), reply({**TOKENS, "id_token": id_token(**claims)})
    )

    assert call.url == endpoint
    assert call.form["redirect_uri"] == BACK
    assert call.secrets == {
        "client_secret": Secret.APP_SECRET,
        "code": Secret.CODE,
        "code_verifier": Secret.VERIFIER,
    }
    assert tokens == Tokens("ya29.a", 3599.0, "1//r", claims)
    assert "1//r" not in repr(tokens)
    assert "ya29.a" not in repr(tokens)


def test_a_refresh_token_gets_the_next_one_where_there_is_a_next_one() -> None:
    assert LOGIN.refresh is not None
    [call], rotated = play(LOGIN.refresh(MICROSOFT), reply({**TOKENS, "refresh_token": "2"}))
    _, same = play(LOGIN.refresh(GOOGLE), reply({"access_token": "b", "expires_in": "3599"}))

    assert call.form == {"client_id": "11111111-2222", "grant_type": "refresh_token"}
    assert call.secrets["refresh_token"] is Secret.REFRESH_TOKEN
    assert call.idempotent
    assert (rotated.refresh_token, same.refresh_token) == ("2", None)
    assert same.expires_in_s == 3599.0


IMAP, SMTP = "IMAP.AccessAsUser.All", "SMTP.Send"


@pytest.mark.parametrize(
    ("app", "scope", "lacking"),
    [
        (GOOGLE, "https://www.googleapis.com/auth/userinfo.email openid", "mail.google.com"),
        (GOOGLE, "openid https://mail.google.com/", None),
        (MICROSOFT, f"https://outlook.office.com/{IMAP}", SMTP),
        (MICROSOFT, f"https://outlook.office365.com/{IMAP} {SMTP.lower()}", None),
        (GOOGLE, "", None),
    ],
)
def test_what_the_person_did_not_allow_is_named(
    app: MailApp, scope: str, lacking: str | None
) -> None:
    _, result = play(LOGIN.exchange(app, BACK), reply({**TOKENS, "scope": scope}))

    if lacking is None:
        assert isinstance(result, Tokens)
    else:
        assert lacking in result.text
        assert result.reason is Reason.PERMISSION_DENIED


def test_a_login_without_a_refresh_token_is_refused() -> None:
    _, result = play(LOGIN.exchange(GOOGLE, BACK), reply({"access_token": "a"}))

    assert "no refresh token" in result.text


@pytest.mark.parametrize(
    ("app", "status", "error", "kind", "reason", "says"),
    [
        (GOOGLE, 400, "invalid_grant", Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, "7 days"),
        (MICROSOFT, 400, "invalid_grant", Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, "again"),
        (MICROSOFT, 400, "interaction_required", Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, "again"),
        (GOOGLE, 401, "invalid_client", Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, "client_secret"),
        (MICROSOFT, 400, "unauthorized_client", Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, "app"),
        (GOOGLE, 400, "invalid_scope", Kind.REJECTED, Reason.BAD_REQUEST, ""),
        (GOOGLE, 503, None, Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, ""),
        (GOOGLE, 429, "slow_down", Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, ""),
        (MICROSOFT, 400, "temporarily_unavailable", Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, ""),
    ],
)
def test_what_a_token_endpoint_says_no_with(
    app: MailApp, status: int, error: str | None, kind: Kind, reason: Reason, says: str
) -> None:
    said = {"error": error, "error_description": "AADSTS700082: It ended.\r\nTrace ID: 1"}
    assert LOGIN.refresh is not None

    _, failure = play(LOGIN.refresh(app), reply(said if error else {}, status))

    assert (failure.kind, failure.reason, failure.code) == (kind, reason, error)
    assert says in (failure.advice or "")
    assert "Trace ID" not in (failure.text or "")


def test_a_code_that_was_used_is_no_trouble_of_the_channel() -> None:
    _, failure = play(LOGIN.exchange(GOOGLE, BACK), reply({"error": "invalid_grant"}, 400))

    assert failure.kind is Kind.REJECTED


# ---------------------------------------------------------------- whose account it is


def test_the_account_is_that_of_the_address_that_the_token_opens() -> None:
    [call], harvest = play(
        LOGIN.accounts(GOOGLE, {"sub": "42", "email": "Jane@Example.com"}), FolderReply(found=False)
    )

    assert isinstance(call, FindCall)
    assert (call.server.host, call.server.username) == ("imap.gmail.com", "jane@example.com")
    assert call.server.login == "oauth"
    assert isinstance(harvest, Harvest)
    assert harvest.subjects == ("42",)
    [account] = harvest.accounts
    assert (account.channel_key, account.obstacle) == ("jane@example.com", None)
    settings = settings_of(account)
    assert (settings.provider, settings.login) == ("gmail", "oauth")


def test_the_name_to_log_in_with_is_tried_where_the_address_is_no_mailbox() -> None:
    claims = {"email": "jane@example.com", "preferred_username": "jane@corp.example"}

    calls, harvest = play(LOGIN.accounts(MICROSOFT, claims), DENIED, FolderReply(found=False))

    tried = [call.server.username for call in calls]
    assert tried == ["jane@example.com", "jane@corp.example"]
    assert [one.channel_key for one in harvest.accounts] == ["jane@corp.example"]


def test_an_account_that_no_mailbox_opens_for_says_what_to_do() -> None:
    _, harvest = play(LOGIN.accounts(GOOGLE, {"email": "jane@example.com"}), DENIED)

    [account] = harvest.accounts
    assert "must allow IMAP (AUTHENTICATE failed)" in account.obstacle


def test_a_mail_server_that_does_not_answer_says_nothing_of_the_account() -> None:
    down = SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE, text="no answer"))

    _, failure = play(LOGIN.accounts(GOOGLE, {"email": "jane@example.com"}), down)

    assert failure.kind is Kind.UNREACHABLE


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "not an address"},
        {"email": "jane@example.com", "email_verified": False},
        {"preferred_username": ["jane@example.com"]},
    ],
)
def test_an_id_token_that_names_nobody_connects_nothing(claims: Any) -> None:
    calls, failure = play(LOGIN.accounts(GOOGLE, claims))

    assert calls == []
    assert "does not say which address" in failure.text


@pytest.mark.parametrize("bad", ["", "a.b", "a.!!!.c", "a.W10.c", f"a.{'x' * 20_000}.c", 7, None])
def test_an_id_token_that_cannot_be_read_claims_nothing(bad: Any) -> None:
    _, tokens = play(LOGIN.exchange(GOOGLE, BACK), reply({**TOKENS, "id_token": bad}))

    assert tokens.claims == {}


# ---------------------------------------------------------------- the apps


def test_only_the_provider_sees_what_people_give() -> None:
    assert hosts(GOOGLE) == {"oauth2.googleapis.com", "imap.gmail.com:993", "smtp.gmail.com:465"}
    assert hosts(MICROSOFT) == {
        "login.microsoftonline.com",
        "outlook.office365.com:993",
        "smtp.office365.com:587",
    }


def test_accounts_of_an_app_can_be_on_other_servers() -> None:
    app = evolve(GOOGLE, imap=ImapTable(host="127.0.0.1", port=1143, tls="plain"))

    [call], harvest = play(
        LOGIN.accounts(app, {"email": "jane@example.com"}), FolderReply(found=False)
    )

    assert (call.server.host, call.server.port) == ("127.0.0.1", 1143)
    settings = settings_of(harvest.accounts[0])
    assert settings.imap_server == call.server


@pytest.mark.parametrize(
    ("kind", "settings", "names"),
    [
        ("google", {"client_id": ""}, "client_id"),
        ("google", {"client_id": "1", "token_url": "http://example.com"}, "token_url"),
        ("google", {"client_id": "1", "scopes": ("a b",)}, "scopes"),
        ("microsoft", {"client_id": "1", "tenant": "a/../b"}, "tenant"),
        ("microsoft", {"client_id": "1", "login_url": "https://a@b.example"}, "login_url"),
    ],
)
def test_an_app_that_cannot_be_says_which_setting_is_wrong(
    kind: str, settings: dict[str, Any], names: str
) -> None:
    with pytest.raises(ValueError, match=names):
        APP_KINDS[kind].settings(**settings)
