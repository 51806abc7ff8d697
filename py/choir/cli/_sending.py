"""The options of every command that sends a transaction, given to them in one place.

A command that takes a node and a wallet sends; `with_options` adds the options to it, and what was
chosen is read back with `chosen`. The command itself knows nothing of them: its client bids,
limits, simulates or leaves unsigned as they say.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.cli import exit_codes
from choir.client import ChoirClient, Receipt
from choir.errors import InvalidInput, WalletError
from choir.fees import FixedFee, FixedUnits, PriorityFee, priority_fee_lamports
from choir.ids import as_pubkey
from choir.rpc import Rpc
from choir.sending import SendPolicy
from choir.simulation import SimulationResult
from choir.transactions import UnsignedTransaction
from choir.wallet import Signer, signer_from_environment

__all__ = ["Previewed", "Sending", "chosen", "with_options"]

PANEL: Final = "Sending"
READING: Final = frozenset({("choir.cli.stake", "show")})
"""Commands that take a wallet only to know whose."""
WITHOUT_PREVIEW: Final = frozenset({"choir.cli.program", "choir.cli.transaction"})
"""Modules whose commands send many transactions, or ones made before."""


class Commitment(StrEnum):
    """How sure the outcome must be."""

    PROCESSED = "processed"
    CONFIRMED = "confirmed"
    FINALIZED = "finalized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What was chosen for one run of a command."""

    priority_fee: str | None = None
    units: int | None = None
    commitment: Commitment = Commitment.CONFIRMED
    simulate: bool = False
    unsigned: str | None = None
    as_json: bool = False

    @property
    def previews(self) -> bool:
        """Whether nothing is to be sent."""
        return self.simulate or self.unsigned is not None

    def policy(self) -> SendPolicy:
        """How to send. Raises InvalidInput for a bid or a limit that cannot be."""
        policy = SendPolicy(commitment=self.commitment.value)
        more: dict[str, Any] = {}
        if self.priority_fee is not None:
            more["priority_fee"] = _bid(self.priority_fee)
        if self.units is not None:
            more["units"] = FixedUnits(self.units, simulate=True)
        return SendPolicy(commitment=policy.commitment, **more) if more else policy

    def signer(self, key_file: Path | None) -> Signer:
        """The wallet, or the address of one elsewhere."""
        if self.unsigned is not None:
            return _Elsewhere(as_pubkey(self.unsigned))
        return signer_from_environment(key_file=key_file)

    def client(self, rpc: Rpc, signer: Signer | None) -> ChoirClient:
        """A client that does as was chosen."""
        if self.previews:
            return _Previewing(rpc, signer, policy=self.policy(), simulate=self.simulate)
        return ChoirClient(rpc, signer, policy=self.policy())


_chosen: ContextVar[Sending] = ContextVar("sending", default=Sending())  # noqa: B039 - frozen


def chosen() -> Sending:
    """What was chosen for the command that runs."""
    return _chosen.get()


class Previewed(Exception):
    """Ends a command that was only to show what it would send."""

    def __init__(self, outcome: SimulationResult | UnsignedTransaction) -> None:
        super().__init__("previewed")
        self.outcome = outcome

    def show(self, *, as_json: bool) -> int:
        """Write it; the result is the exit code."""
        if isinstance(self.outcome, UnsignedTransaction):
            return _show_unsigned(self.outcome, as_json=as_json)
        return _show_simulation(self.outcome, as_json=as_json)


class _Elsewhere:
    """A wallet of which only the address is here."""

    def __init__(self, pubkey: Pubkey) -> None:
        self._pubkey = pubkey

    @property
    def pubkey(self) -> Pubkey:
        return self._pubkey

    async def sign(self, message: bytes) -> Signature:
        raise WalletError(f"the key of {self._pubkey} is not here")


class _Previewing(ChoirClient):
    """A client whose verbs end where they would send."""

    def __init__(
        self, rpc: Rpc, signer: Signer | None, *, policy: SendPolicy, simulate: bool
    ) -> None:
        super().__init__(rpc, signer, policy=policy)
        self._simulates = simulate

    async def _finish(
        self, instructions: Sequence[Instruction], *, units_at_least: int = 0
    ) -> Receipt:
        raise Previewed(await self._outcome(instructions, units_at_least))

    async def _outcome(
        self, instructions: Sequence[Instruction], units_at_least: int
    ) -> SimulationResult | UnsignedTransaction:
        if self._simulates:
            return await self.sender.simulate(instructions, payer=self.wallet)
        return await self.sender.prepare(
            instructions, payer=self.wallet, units_at_least=units_at_least
        )


def _bid(text: str) -> FixedFee | PriorityFee:
    kind, digits = (PriorityFee, text[1:]) if text.startswith("p") else (FixedFee, text)
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidInput(
            f"--priority-fee takes micro-lamports per compute unit, or a percentile of what was "
            f"lately paid such as p90; not {text!r}"
        )
    return kind(int(digits))


def _show_simulation(result: SimulationResult, *, as_json: bool) -> int:
    error = result.error
    if as_json:
        told = {
            "ok": result.succeeded,
            "slot": result.slot,
            "units": result.units,
            "error": None if error is None else type(error).__name__,
            "message": None if error is None else str(error),
            "logs": list(result.logs),
        }
        sys.stdout.write(json.dumps({"simulation": told}, ensure_ascii=False) + "\n")
    else:
        would = "would succeed" if error is None else f"would fail: {error}"
        sys.stdout.write(f"{would}\n{result.units} compute units, on slot {result.slot}\n")
        sys.stdout.writelines(f"  {line}\n" for line in result.logs)
    return exit_codes.OK if result.succeeded else exit_codes.REFUSED


def _show_unsigned(made: UnsignedTransaction, *, as_json: bool) -> int:
    fee = priority_fee_lamports(made.units, made.unit_price)
    if as_json:
        told = {
            "transaction": made.to_base64(),
            "signers": [str(key) for key in made.signers],
            "last_valid_block_height": made.last_valid_block_height,
            "min_context_slot": made.min_context_slot,
            "units": made.units,
            "unit_price": made.unit_price,
            "priority_fee_lamports": fee,
        }
        sys.stdout.write(json.dumps({"unsigned": told}) + "\n")
    else:
        sys.stderr.write(
            f"to be signed by {', '.join(map(str, made.signers))}, and to land until block height "
            f"{made.last_valid_block_height}\n"
        )
        sys.stdout.write(made.to_base64() + "\n")
    return exit_codes.OK


_POLICY: Final[dict[str, Any]] = {
    "priority_fee": (
        Annotated[
            str | None,
            typer.Option(
                "--priority-fee",
                metavar="N|pNN",
                help="Micro-lamports per compute unit, or a percentile of what was lately paid "
                "for the same accounts; p75 unless given.",
                rich_help_panel=PANEL,
            ),
        ],
        None,
    ),
    "commitment": (
        Annotated[
            Commitment,
            typer.Option("--commitment", help="How sure to be.", rich_help_panel=PANEL),
        ],
        Commitment.CONFIRMED,
    ),
}
_PREVIEW: Final[dict[str, Any]] = {
    "units": (
        Annotated[
            int | None,
            typer.Option(
                "--units",
                help="Compute-unit limit; what a simulation used and a fifth more unless given.",
                rich_help_panel=PANEL,
            ),
        ],
        None,
    ),
    "simulate": (
        Annotated[
            bool,
            typer.Option(
                "--simulate",
                help="Send nothing: run it on the node without effect and show what it does.",
                rich_help_panel=PANEL,
            ),
        ],
        False,
    ),
    "unsigned": (
        Annotated[
            str | None,
            typer.Option(
                "--unsigned",
                metavar="ADDRESS",
                help="Send nothing: print the transaction (base64) for this wallet to sign.",
                rich_help_panel=PANEL,
            ),
        ],
        None,
    ),
}


def with_options(app: typer.Typer) -> typer.Typer:
    """The app, with the options of sending on each of its commands that sends. Again is no harm."""
    for command in app.registered_commands:
        if command.callback is not None and _sends(command.callback):
            command.callback = _extended(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            with_options(group.typer_instance)
    return app


def _sends(command: Any) -> bool:
    if hasattr(command, "sending_options"):
        return False
    taken = inspect.signature(command).parameters
    if (command.__module__, command.__name__) in READING:
        return False
    return "url" in taken and "keypair" in taken


def _extended(command: Any) -> Any:
    own = inspect.signature(command, eval_str=True)
    options = dict(_POLICY)
    if command.__module__ not in WITHOUT_PREVIEW:
        options |= _PREVIEW
    more = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
        )
        for name, (annotation, default) in options.items()
    ]

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        picked = {name: given.pop(name) for name in options if name in given}
        token = _chosen.set(Sending(**picked, as_json=bool(given.get("as_json"))))
        try:
            return command(**given)
        finally:
            _chosen.reset(token)

    run.__signature__ = own.replace(parameters=[*own.parameters.values(), *more])  # type: ignore[attr-defined]
    run.sending_options = tuple(options)  # type: ignore[attr-defined]
    return run


def ended(previewed: Previewed) -> NoReturn:
    """Show what would have been sent, and end the command."""
    raise typer.Exit(previewed.show(as_json=chosen().as_json))
