"""A real Postfix on loopback, from a folder of its own: nothing can leave this machine.

It must be started by root. Ports: plain (whoever is on this machine may send, logged in or not),
with TLS at once, and with STARTTLS; the latter two want a login, which whoever is at the SASL port
judges.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

SERVICES = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
# What each recipient's address is answered, whatever else it may be.
REFUSALS: Mapping[str, str] = {
    "grey@example.test": "450 4.7.1 Greylisted, come back later",
    "full@example.test": "452 4.2.2 Mailbox full",
    "nope@example.test": "550 5.1.1 No such user",
    "drop@example.test": "421 4.7.0 Going away",
    "policy@example.test": "554 5.7.1 Not by our policy",
}
DISCARDED = "discard.test"  # what goes to this domain is taken and thrown away
HERE = "example.test"  # and what goes to this one is delivered
SIZE_MAX = 1_000_000
START_S = 20.0
PROGRAMS = Path("/usr/lib/postfix/sbin")


@frozen
class Postfix:
    """A running one."""

    folder: Path
    plain: int
    implicit: int
    starttls: int

    def log(self) -> str:
        """What it has logged so far."""
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""


def why_not() -> str | None:
    """Why no Postfix can be started here; None: it can."""
    if os.geteuid() != 0:
        return "Postfix must be started by root"
    return None if shutil.which("postfix", path="/usr/sbin") else "Postfix is not installed"


@contextmanager
def postfix(
    certificate: Path, lmtp_port: int, sasl_port: int | None, policy_port: int | None = None
) -> Iterator[Postfix]:
    """Run one. `certificate` holds a key too; mails are delivered to `lmtp_port`, and who is at
    `policy_port` has a say in whether they are taken (tests/support/gatekeeper.py)."""
    with ExitStack() as stack:
        # Its programs are another user, so the folder is not below one that is only ours.
        folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        made = Postfix(folder, *_free_ports(3))
        _write(made, certificate, lmtp_port, sasl_port, policy_port)
        _command(folder, "start")
        stack.callback(_command, folder, "stop")
        for port in (made.plain, made.implicit, made.starttls):
            _wait_for(port, made)
        yield made


def _write(
    made: Postfix, certificate: Path, lmtp_port: int, sasl_port: int | None, policy_port: int | None
) -> None:
    folder = made.folder
    etc = folder / "etc"
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.copy(certificate, folder / "identity.pem")
    for name in ("postfix-files", "dynamicmaps.cf"):
        shutil.copy(Path("/etc/postfix") / name, etc / name)
    policy = f"check_policy_service inet:127.0.0.1:{policy_port} " if policy_port else ""
    refusals = " ".join(f"{{{who} = {what}}}" for who, what in REFUSALS.items())
    main = {
        "compatibility_level": "3.7",
        "queue_directory": folder / "spool",
        "data_directory": folder / "data",
        "command_directory": "/usr/sbin",
        "daemon_directory": PROGRAMS,
        "shlib_directory": "/usr/lib/postfix",
        "meta_directory": etc,
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "myhostname": "mx.example.test",
        "myorigin": "$myhostname",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.0/8",
        "mydestination": "",
        "alias_maps": "",
        "virtual_mailbox_domains": f"{HERE} {DISCARDED}",
        "virtual_transport": f"lmtp:inet:127.0.0.1:{lmtp_port}",
        "transport_maps": f"inline:{{{{{DISCARDED} = discard:}}}}",
        "recipient_delimiter": "+",
        "default_transport": "error:5.1.2 Nothing leaves this machine",
        "maillog_file": folder / "mail.log",
        "maillog_file_prefixes": folder,
        "message_size_limit": SIZE_MAX,
        "queue_run_delay": "5s",
        "minimal_backoff_time": "5s",
        "maximal_backoff_time": "10s",
        "smtpd_client_connection_count_limit": "0",
        "smtpd_tls_cert_file": folder / "identity.pem",
        "smtpd_tls_key_file": folder / "identity.pem",
        "smtpd_tls_security_level": "may",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": f"inet:127.0.0.1:{sasl_port}",
        "smtpd_recipient_restrictions": (
            f"check_recipient_access inline:{{{refusals}}} {policy}"
            "permit_sasl_authenticated permit_mynetworks reject"
        ),
    }
    text = "".join(f"{name} = {value}\n" for name, value in main.items())
    (etc / "main.cf").write_text(text)
    at = "127.0.0.1:{} inet n - n - - smtpd\n"
    login = (
        "  -o smtpd_sasl_auth_enable=yes\n"
        "  -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n"
    )
    listeners = (
        at.format(made.plain)
        + ("  -o smtpd_sasl_auth_enable=yes\n" if sasl_port else "")
        + at.format(made.implicit)
        + "  -o smtpd_tls_wrappermode=yes\n"
        + login
        + at.format(made.starttls)
        + "  -o smtpd_tls_security_level=encrypt -o smtpd_tls_auth_only=yes\n"
        + login
    )
    (etc / "master.cf").write_text(listeners + SERVICES.lstrip())


def _command(folder: Path, verb: str) -> None:
    done = subprocess.run(
        ["/usr/sbin/postfix", "-c", str(folder / "etc"), verb],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    log = folder / "mail.log"
    said = log.read_text(errors="replace") if log.exists() else ""
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{said}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_for(port: int, made: Postfix) -> None:
    """Until it listens; its own words when it never does."""
    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nobody listens on {port}: {made.log()}")
