"""A real IMAP and LMTP server for tests: Dovecot from Debian's package, in a folder of its own.

    with running() as dovecot:
        dovecot.deliver("support@example.test", raw)
        server = dovecot.server("support@example.test")

Every address at every domain is a user whose password is PASSWORD and whose access token is
`token_of(address)`; mailboxes come into being with their first mail or login. A mail to
`support+tag@…` is delivered to `support@…`. Only UNKNOWN is not there.
"""

import grp
import json
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from attrs import frozen

from omni_actors.net.account import Account
from omni_actors.wire.calls import Login, MailServer, Tls
from tests.support.certificates import Certificate, make_certificate

PASSWORD: Final = 'pa\\ss"wörd'
UNKNOWN: Final = "nobody@example.test"
PACKAGES: Final = "dovecot-imapd dovecot-lmtpd"
START_S_MAX: Final = 20.0
STOP_S_MAX: Final = 10.0
LOOK_S: Final = 0.005
STARTS_MAX: Final = 3  # a port that was free may be taken before the server has it
_SYSTEM_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin"


def program(name: str) -> str | None:
    """Where a program of the package is; None when it is not installed."""
    return shutil.which(name, path=_SYSTEM_PATH)


def token_of(address: str) -> str:
    """The access token that logs in as this address."""
    return f"ya29.token-of-{address}"


@frozen
class Dovecot:
    """A running server."""

    folder: Path
    config: Path
    certificate: Certificate
    imap_port: int  # plain, and STARTTLS
    imaps_port: int
    lmtp_port: int
    sasl_port: int  # tells another mail server who may log in

    def server(
        self, address: str, tls: Tls = Tls.IMPLICIT, login: Login = Login.PASSWORD
    ) -> MailServer:
        """Where this address fetches its mail."""
        port = self.imaps_port if tls is Tls.IMPLICIT else self.imap_port
        return MailServer("127.0.0.1", port, address, tls, login)

    def account(self, address: str, login: Login = Login.PASSWORD) -> Account:
        """The right credential of this address."""
        secret = PASSWORD if login is Login.PASSWORD else token_of(address)
        hosts = frozenset({f"127.0.0.1:{self.imaps_port}", f"127.0.0.1:{self.imap_port}"})
        return Account("mail", secret, hosts=hosts)

    def deliver(self, address: str, *mails: bytes) -> None:
        """Hand mails over by LMTP, as a mail server would."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as lmtp:
            for raw in mails:
                lmtp.sendmail("sender@elsewhere.test", [address], raw)

    def doveadm(self, *words: str, given: bytes = b"") -> str:
        """Run one of the server's own tools: `doveadm("kick", address)`; what it said."""
        command = [program("doveadm") or "doveadm", "-c", str(self.config), *words]
        done = subprocess.run(command, input=given, capture_output=True, timeout=30, check=False)
        assert done.returncode in (0, 68), f"{' '.join(words)}: {done.stderr.decode()}"
        return done.stdout.decode()

    def log(self) -> str:
        """What the server wrote into its log so far."""
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def running(checker: str | None = None, namespace: str | None = None) -> Iterator[Dovecot]:
    """Start a server in a new folder, and stop it in the end. It must be installed.

    `checker` is a URL that knows which access token is whose, in place of one of our own;
    `namespace` says where the folders are, in the words of its config.
    """
    with ExitStack() as stack:
        # Not one of pytest's folders: those are closed to the user whom the mails belong to.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dovecot-")))
        folder.chmod(0o755)
        checker = checker or stack.enter_context(_token_checker())
        certificate = make_certificate(folder)
        for left in reversed(range(STARTS_MAX)):
            ports = _free_ports(4)
            config = folder / "dovecot.conf"
            dovecot = Dovecot(folder, config, certificate, *ports)
            config.write_text(_config(dovecot, checker, namespace or NAMESPACE))
            process = _started(dovecot)
            if _answers(process, ports):
                stack.callback(_stop, process)
                break
            _stop(process)
            assert left, f"dovecot does not start:\n{dovecot.log()}"
        yield dovecot


def _started(dovecot: Dovecot) -> subprocess.Popen[bytes]:
    command = [program("dovecot") or "dovecot", "-F", "-c", str(dovecot.config)]
    log = (dovecot.folder / "start.log").open("wb")
    with log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _answers(process: subprocess.Popen[bytes], ports: list[int]) -> bool:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if all(_is_open(port) for port in ports):
            return True
        time.sleep(LOOK_S)
    return False


def _is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]


@contextmanager
def _token_checker() -> Iterator[str]:
    """A service that knows which access token is whose, as a provider's own; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _TokenChecker)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/introspect"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _TokenChecker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        token = form["token"][0]
        address = token.removeprefix(token_of(""))
        active = token.startswith(token_of("")) and "expired" not in address
        body = json.dumps({"active": active, "username": address}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: it would stand among the results of the tests."""


def _config(dovecot: Dovecot, checker: str, namespace: str) -> str:
    folder = dovecot.folder
    root = os.geteuid() == 0
    owner = pwd.getpwnam("mail") if root else pwd.getpwuid(os.geteuid())
    mails = folder / "mail"
    mails.mkdir(exist_ok=True)
    if root:
        os.chown(mails, owner.pw_uid, owner.pw_gid)
    (folder / "unknown").write_text(f"{UNKNOWN}\n")
    (folder / "oauth2.ext").write_text(OAUTH.format(checker=checker))
    return CONFIG.format(
        folder=folder,
        uid=owner.pw_uid,
        gid=owner.pw_gid,
        certificate=dovecot.certificate.certificate,
        key=dovecot.certificate.key,
        imap=dovecot.imap_port,
        imaps=dovecot.imaps_port,
        lmtp=dovecot.lmtp_port,
        sasl=dovecot.sasl_port,
        password=PASSWORD,
        namespace=namespace,
        unprivileged=""
        if root
        else UNPRIVILEGED.format(user=owner.pw_name, group=grp.getgrgid(owner.pw_gid).gr_name),
    )


OAUTH: Final = """\
introspection_mode = post
introspection_url = {checker}
username_attribute = username
active_attribute = active
active_value = true
"""
UNPRIVILEGED: Final = """\
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
service imap-login {{
  chroot =
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
NAMESPACE: Final = """\
separator = /
  mailbox Sent {
    special_use = \\Sent
    auto = create
  }
"""
CONFIG: Final = """\
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = dovecot-of-tests
log_path = {folder}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
auth_cache_size = 0
first_valid_uid = 1
mail_uid = {uid}
mail_gid = {gid}
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
mail_max_userip_connections = 0
recipient_delimiter = +
namespace inbox {{
  inbox = yes
  {namespace}
}}
passdb {{
  driver = passwd-file
  deny = yes
  args = {folder}/unknown
}}
passdb {{
  driver = static
  mechanisms = plain login none
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.ext
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  service_count = 0
  process_limit = 2
  client_limit = 2000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 2000
}}
service anvil {{
  client_limit = 8000
  # Else whoever failed to log in waits longer each time.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  client_limit = 8000
  inet_listener {{
    port = {sasl}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
protocol lmtp {{
  auth_username_format = %Lu
}}
{unprivileged}
"""
