"""The command `choir`.

Each command is a module of this package, imported only when it is used: `choir localnet` does not
pay for tables, and one missing extra does not break the other commands. A module offers `app`
(Typer) or a function with the command's name. Exit codes: `choir.cli.exit_codes`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import typer

__all__ = ["COMMANDS", "main"]

COMMANDS: Final[dict[str, str]] = {
    "up": "Run the whole stack: database, localnet, indexer and API.",
    "demo": "Start a stack, and tell the whole story through it.",
    "doctor": "Check this machine and say what to do.",
    "localnet": "Run a Solana localnet with the program on it.",
    "thread": "Open, show, list, post to, leave and close threads.",
    "spec": "Submit specs and decide on them.",
    "stake": "Deposit, divest, claim, and see what one holds.",
    "config": "The program's settings, and keys.",
    "treasury": "The treasury: proposals of its signers.",
    "search": "Search content by meaning.",
    "space": "Resonance spaces.",
    "models": "Fetch the embedding model.",
    "program": "Deploy, upgrade, verify and close the program.",
    "transaction": "Sign and submit transactions made elsewhere.",
    "faucet": "Get SOL and stake tokens where they cost nothing.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the result is the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "_CHOIR_COMPLETE" in os.environ or arguments[:1] in (
        ["--install-completion"],
        ["--show-completion"],
    ):
        return _run(_everything(), "choir", arguments)
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        sys.stdout.write(_help())
        return 0 if arguments else 2
    name, rest = arguments[0], arguments[1:]
    if name == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"choir {version('choir')}\n")
        return 0
    if name not in COMMANDS:
        sys.stderr.write(f"choir: there is no command {name!r}{_nearest(name)}; see choir --help\n")
        return 2
    app = _loaded(name)
    if app is None:
        sys.stderr.write(
            f"choir {name}: a part of the installation is missing ({_missing.get(name, name)}); "
            'install it with: pip install "choir[stack]"\n'
        )
        return 9
    return _run(app, f"choir {name}", rest)


_missing: dict[str, str] = {}


def _loaded(name: str) -> typer.Typer | None:
    """The command's Typer app, None when something it needs is not installed."""
    try:
        module = import_module(f"choir.cli.{name}")
    except ModuleNotFoundError as error:
        _missing[name] = error.name or str(error)
        return None
    import typer

    app = getattr(module, "app", None)
    if not isinstance(app, typer.Typer):
        app = typer.Typer(add_completion=False)
        app.command(name=name)(getattr(module, name))
    elif "choir.client" in sys.modules:  # only what has a client sends
        from choir.cli._sending import with_options

        with_options(app)
    _say_exit_codes(app)
    return app


def _say_exit_codes(app: typer.Typer) -> None:
    """At the end of each command's help, unless it speaks of its own."""
    from choir.cli.exit_codes import IN_HELP

    for command in app.registered_commands:
        text = (command.callback.__doc__ if command.callback else None) or ""
        if command.epilog is None and "xit code" not in text:
            command.epilog = IN_HELP
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _say_exit_codes(group.typer_instance)


def _everything() -> typer.Typer:
    """All commands in one app, for completion."""
    import typer

    app = typer.Typer(no_args_is_help=True)
    for name, text in COMMANDS.items():
        part = _loaded(name)
        if part is None:
            continue
        grouped = getattr(import_module(f"choir.cli.{name}"), "app", None)
        if isinstance(grouped, typer.Typer):
            app.add_typer(part, name=name, help=text)
        else:
            app.command(name=name, help=text)(getattr(import_module(f"choir.cli.{name}"), name))
    return app


def _run(app: typer.Typer, program: str, arguments: list[str]) -> int:
    """Run an app; every error becomes a message and an exit code, never a traceback."""
    import typer

    from choir.cli.exit_codes import INTERRUPTED, code_of
    from choir.errors import ChoirError

    command: Any = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name=program, standalone_mode=False)
    except ChoirError as error:
        _tell(error, program, as_json="--json" in arguments)
        return code_of(error)
    except SystemExit as error:  # completion ends this way
        return error.code if isinstance(error.code, int) else 1
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - whoever read us has left
        return 0
    except Exception as error:
        if hasattr(error, "format_message"):  # the options or arguments cannot be right
            return _tell_usage(error, program, as_json="--json" in arguments)
        if "CHOIR_DEBUG" in os.environ:
            raise
        sys.stderr.write(
            f"{program}: unexpected {type(error).__name__}: {error}\n"
            "This is a fault in choir; run again with CHOIR_DEBUG=1 to see where.\n"
        )
        return 1
    return code if isinstance(code, int) else 0


def _tell(error: Exception, program: str, *, as_json: bool) -> None:
    from choir.errors import RpcUnreachable, SendError, TransactionFailed

    signature = error.signature if isinstance(error, SendError) else None
    if as_json:
        import json

        told: dict[str, Any] = {
            "ok": False,
            "error": type(error).__name__,
            "message": str(error),
            "signature": signature,
        }
        if isinstance(error, TransactionFailed):
            told["logs"] = list(error.logs)
        sys.stderr.write(json.dumps(told) + "\n")
        return
    advice = "; `choir doctor` says what to do" if isinstance(error, RpcUnreachable) else ""
    sys.stderr.write(f"{program}: {error}{advice}\n")
    if signature is not None and signature not in str(error):
        sys.stderr.write(f"transaction: {signature}\n")


def _tell_usage(error: Any, program: str, *, as_json: bool) -> int:
    """One line, as for every other error; the help itself when nothing was said at all."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    path = getattr(getattr(error, "ctx", None), "command_path", program)
    message = " ".join(error.format_message().split())
    if as_json:
        import json

        told = {"ok": False, "error": "UsageError", "message": message, "signature": None}
        sys.stderr.write(json.dumps(told) + "\n")
    else:
        sys.stderr.write(f"{path}: {message} See {path} --help\n")
    return int(error.exit_code)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _help() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name.ljust(width)}  {text}" for name, text in COMMANDS.items())
    return (
        "Usage: choir COMMAND [ARGUMENTS]\n\n"
        "Threads with stakes, approvals and divestment on Solana.\n\n"
        f"Commands:\n{rows}\n\n"
        "choir COMMAND --help says more; --install-completion completes commands in the shell.\n"
    )
