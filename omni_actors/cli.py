"""The command line: one program for serving, trying out, looking after and operating."""

import errno
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, CycloptsError, Group, Parameter, UnusedCliTokensError

from omni_actors import __version__, cli_connect, cli_sync
from omni_actors.cli_control import control
from omni_actors.cli_exits import Ended, Exit, first
from omni_actors.cli_groups import groups
from omni_actors.cli_mail_templates import template
from omni_actors.cli_operate import add_commands
from omni_actors.cli_output import complain, say
from omni_actors.cli_reach import CONFIG, RUN
from omni_actors.cli_templates import templates
from omni_actors.config_sources import ConfigError, did_you_mean

SANDBOX_BIND: Final = "127.0.0.1:8090"
SANDBOX_HOOK: Final = "http://127.0.0.1:8080/webhooks/meta"
SANDBOX_SMTP: Final = "127.0.0.1:8025"
SANDBOX_IMAP: Final = "127.0.0.1:8143"

HELP: Final = """\
A self-hosted messaging gateway: one API and one conversation per person, whatever the channel.

New here? omni-actors demo shows it at work, on this machine alone. With a config of your own:
omni-actors check, then omni-actors serve.
"""
EPILOGUE: Final = "Exit codes:\n\n" + "\n".join(f"- {code.value}: {code.meaning}" for code in Exit)

TRY: Final = Group("Try it", sort_key=1)

ConfigPath = Annotated[Path, Parameter(help="Where the config lies.")]

app = App(
    name="omni-actors",
    help=HELP,
    help_epilogue=EPILOGUE,
    help_format="markdown",
    version=__version__,
    version_flags=["--version"],
    result_action="return_value",
)


@app.command(group=RUN)
def serve(*, config: ConfigPath = CONFIG) -> int:
    """Run the gateway.

    SIGTERM and Ctrl-C drain, a second one hurries; SIGHUP reads the config anew.
    """
    from omni_actors import app as gateway

    return gateway.serve(config, dict(os.environ), tell=tell_url)


def tell_url(url: str) -> None:
    """Say where the gateway listens."""
    print(f"omni-actors is listening on {url}", flush=True)


@app.command(group=TRY)
def demo(
    *,
    once: Annotated[
        bool, Parameter(negative="", help="Play a fixed script, print a verdict, and end.")
    ] = False,
) -> int:
    """See it work: a gateway, pretend platforms, an echo bot, and customers who write."""
    from omni_actors.demo import show

    return show.run(once=once)


@app.command(group=TRY)
def sandbox(
    *,
    bind: Annotated[str, Parameter(help="Where the pretend platforms listen.")] = SANDBOX_BIND,
    hook: Annotated[str, Parameter(help="Where they send their events.")] = SANDBOX_HOOK,
    smtp: Annotated[str, Parameter(help="Where mails are taken, on loopback.")] = SANDBOX_SMTP,
    imap: Annotated[str, Parameter(help="Where mailboxes are shown, on loopback.")] = SANDBOX_IMAP,
) -> None:
    """Play the platforms, for a gateway with the config that comes with it; until Ctrl-C."""
    import trio

    from omni_actors.sandbox import SandboxSettings, describe, open_sandbox

    settings = SandboxSettings(bind=bind, hook_url=hook, smtp_bind=smtp, imap_bind=imap)
    problem: Exception | None = None

    async def play() -> None:
        async with open_sandbox(settings) as opened:
            print(describe(opened), flush=True)
            await trio.sleep_forever()

    try:
        trio.run(play)
    except* (ValueError, OSError) as problems:
        problem = first(problems, Exception)
    if isinstance(problem, OSError):
        raise Ended(
            Exit.FAILED,
            f"cannot listen on {problem.filename or bind}: {listening_problem(problem)}",
        )
    if problem is not None:
        raise Ended(Exit.USAGE, f"--{problem}")


def listening_problem(problem: OSError) -> str:
    """Why an address cannot be listened on. A group of errors, one an address, is one error."""
    if problem.errno == errno.EADDRINUSE:
        return "another program does already"
    return problem.strerror or str(problem)


@app.command(group=RUN)
def check(
    *,
    online: Annotated[
        bool, Parameter(negative="", help="Ask the platforms about the credentials too.")
    ] = False,
    config: ConfigPath = CONFIG,
    json: Annotated[
        bool, Parameter(negative="", help="Print one JSON document a line, for scripts.")
    ] = False,
) -> int:
    """Look the config over: all mistakes at once, each with its place.

    With --online each line is ok, bad, or a note: worth knowing, or not to be seen. It ends with 1
    when something is bad.
    """
    from omni_actors import cli_check

    return cli_check.check(config, online=online, as_json=json)


@app.command(group=RUN)
def backup(path: Path, /, *, config: ConfigPath = CONFIG) -> None:
    """Copy the database while it is in use. A gateway on the copy sends only once it is resumed.

    Parameters
    ----------
    path
        The copy, a file that does not exist.
    """
    from omni_actors import cli_check

    cli_check.back_up(config, path)


def add_doctor(platform: str) -> None:
    """Give a platform its group of commands."""
    group = App(
        name=platform, group=RUN, help=f"Bring an account on {platform} up, and see what it lacks."
    )

    @group.command
    def doctor(
        channel: str,
        /,
        *,
        register: Annotated[
            bool, Parameter(negative="", help="Register the account; needs --pin.")
        ] = False,
        pin: Annotated[
            str | None,
            Parameter(help="The PIN of two-step verification: the one that is set, or a new one."),
        ] = None,
        subscribe: Annotated[
            bool, Parameter(negative="", help="Subscribe the app to what the gateway needs.")
        ] = False,
        config: ConfigPath = CONFIG,
        json: Annotated[
            bool, Parameter(negative="", help="Print one JSON document a line, for scripts.")
        ] = False,
    ) -> int:
        """Examine a channel, from its token to its webhooks, and say what is missing.

        Each line is ok, bad, or a note: worth knowing, or not to be seen with what the config has.
        Nothing is changed without --register or --subscribe; a gateway that runs here keeps from
        now on to the limits that the platform tells. It ends with 0 when nothing is bad, and with 1
        when something is.

        Parameters
        ----------
        channel
            Its id in the config.
        """
        from omni_actors import cli_check

        if register and pin is None:
            raise Ended(Exit.USAGE, "--register needs --pin", "six digits, which you then keep")
        if pin is not None and not register:
            raise Ended(Exit.USAGE, "--pin goes with --register")
        wishes = cli_check.Wishes(subscribe, pin)
        return cli_check.doctor(platform, channel, config, wishes, as_json=json)

    app.command(group)


add_commands(app)
cli_connect.add_commands(app)
cli_sync.add_commands(app)
app.command(templates)
app.command(template)
app.command(groups)
app.command(control)
OWN_COMMANDS: Final = frozenset(name for name in app if name[0] != "-")


@cache
def add_platforms() -> None:
    """Give each platform that has a doctor its group; loading them all takes a moment."""
    from omni_actors.adapters import ADAPTERS

    for adapter in ADAPTERS.values():
        if adapter.doctor is not None:
            add_doctor(adapter.platform)


def main() -> None:
    """Run the program with the arguments of the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. What goes wrong is one sentence on standard error."""
    if not arguments or arguments[0] not in OWN_COMMANDS:
        add_platforms()
    try:
        answer = app(list(arguments), exit_on_error=False, print_error=False)
        return answer if isinstance(answer, int) else Exit.OK
    except CycloptsError as problem:
        complain(usage_problem(problem), "omni-actors --help shows every command")
        return Exit.USAGE
    except Ended as problem:
        complain(problem.sentence, problem.hint)
        return problem.code
    except ConfigError as problem:
        for mistake in problem.mistakes:
            say(mistake)
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BaseExceptionGroup as problems:
        if problems.subgroup(KeyboardInterrupt) is None:
            raise
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as `head` does; nothing must be flushed to it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


def usage_problem(problem: CycloptsError) -> str:
    """What is wrong with a command line; a word that stands in a command's place gets the near one.

    A command with a default takes such a word for an argument too many.
    """
    if not isinstance(problem, UnusedCliTokensError) or not problem.unused_tokens:
        return str(problem)
    word = problem.unused_tokens[0]
    known = [] if problem.app is None else [name for name in problem.app if name[0] != "-"]
    return f"{word} is neither a command nor an argument here{did_you_mean(word, known)}"
