"""`python -m choir.localnet`: serves until SIGTERM or Ctrl-C.

Prints one line of JSON on stdout when ready; logs go to stderr. Exit codes: 0 stopped, 2 wrong
options, 3 a port in use or a file that cannot be used, 1 anything else.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from solders.pubkey import Pubkey

from choir.localnet.settings import HTTP_PORT, WS_PORT, ProgramFile, Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from choir.localnet.app import Localnet

    Announce = Callable[[Mapping[str, object]], None]

EXIT_UNUSABLE = 3
_log = logging.getLogger("choir.localnet")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="python -m choir.localnet",
        description="A Solana localnet in one process: JSON-RPC and pub/sub over LiteSVM, with the"
        " Choir program, a stake mint and a faucet.",
    )
    add = options.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--rpc-port", type=int, default=HTTP_PORT, help="JSON-RPC port, 0 for a free one")
    add("--ws-port", type=int, default=WS_PORT, help="pub/sub port, 0 for a free one")
    add("--state-dir", type=Path, help="keep the chain here; without it, it is in memory only")
    add("--reset", action="store_true", help="start over: delete the chain kept in --state-dir")
    add(
        "--restore",
        metavar="NAME",
        help="start from a chain that localnet_save kept: its name, or a file",
    )
    add(
        "--production",
        choices=("clock", "transaction", "manual"),
        default="clock",
        help="when slots close: on the clock, after each transaction, or only on localnet_advance",
    )
    add("--slot-ms", type=int, default=400, help="milliseconds a slot takes (default: %(default)s)")
    add(
        "--finality-slots",
        type=int,
        default=31,
        help="slots from confirmed to finalized (default: %(default)s)",
    )
    add("--history-transactions", type=int, default=100_000, help="transactions kept in memory")
    add("--history-slots", type=int, default=432_000, help="slots kept in memory")
    add(
        "--program",
        action="append",
        default=[],
        metavar="ID=FILE.so",
        help="load a program at genesis (may be repeated)",
    )
    add("--no-choir", action="store_true", help="do not load the Choir program")
    add(
        "--account",
        action="append",
        default=[],
        type=Path,
        metavar="FILE.json",
        help="load an account at genesis, as `solana account --output json` writes it",
    )
    add("--fault-seed", type=int, default=0, help="seed of the faults that come by chance")
    add("--set-up", action="store_true", help="initialize the Choir program, unless it is")
    add("--verbose", action="store_true", help="log more")
    return options


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Settings from parsed options. Raises SettingsError."""
    return Settings(
        host=arguments.host,
        http_port=arguments.rpc_port,
        ws_port=arguments.ws_port,
        production=arguments.production,
        slot_ms=arguments.slot_ms,
        finality_slots=arguments.finality_slots,
        history_transactions=arguments.history_transactions,
        history_slots=arguments.history_slots,
        state_dir=arguments.state_dir,
        reset=arguments.reset,
        restore=arguments.restore,
        choir=not arguments.no_choir,
        programs=tuple(program_option(text) for text in arguments.program),
        accounts=tuple(arguments.account),
        fault_seed=arguments.fault_seed,
    )


def program_option(text: str) -> ProgramFile:
    """The value of --program. Raises SettingsError."""
    address, equals, path = text.partition("=")
    if not equals:
        raise SettingsError(f"--program takes ID=FILE.so, not {text!r}")
    try:
        return ProgramFile(Pubkey.from_string(address), Path(path))
    except ValueError as error:
        raise SettingsError(f"--program: {address!r} is not a program id: {error}") from error


async def serve(settings: Settings, announce: Announce, *, set_up: bool = False) -> None:
    """Serve until a signal says to stop; `announce` is given the addresses once ready."""
    from choir.localnet.app import Localnet

    if set_up and (settings.production == "manual" or not settings.choir):
        raise SettingsError(
            "--set-up sends a transaction to the Choir program: it goes neither with "
            "--production manual nor with --no-choir"
        )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Localnet(settings) as localnet:
        if set_up:
            await _initialize(localnet)
        announce(localnet.describe())
        failed = asyncio.ensure_future(localnet.failure())
        asked = asyncio.ensure_future(stopped.wait())
        await asyncio.wait([failed, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if failed.done():
            failed.result()
        failed.cancel()


async def _initialize(localnet: Localnet) -> None:
    from choir.stack.first_run import ensure_initialized
    from choir.wallet import KeypairSigner

    keys = localnet.chain.keys
    authority = KeypairSigner(keys.upgrade_authority)
    await ensure_initialized(localnet.rpc_url, authority, keys.stake_mint.pubkey())


def run(
    settings: Callable[[], Settings],
    announce: Announce,
    *,
    set_up: bool = False,
    verbose: bool = False,
) -> int:
    """Serve with the settings, which may raise SettingsError; answers the exit code."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        asyncio.run(serve(settings(), announce, set_up=set_up))
    except SettingsError as error:
        sys.stderr.write(f"choir localnet: {error}\n")
        return EXIT_UNUSABLE
    return 0


def announce_json(addresses: Mapping[str, object]) -> None:
    """One line on stdout for the program that started this one."""
    sys.stdout.write(orjson.dumps({"ready": True, **addresses}).decode() + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; answers its exit code."""
    given = parser().parse_args(arguments)
    return run(
        lambda: settings_of(given), announce_json, set_up=given.set_up, verbose=given.verbose
    )


if __name__ == "__main__":
    sys.exit(main())
