"""LiteSVM as the bank needs it: executes, simulates, holds accounts; checks no blockhash.

solders 0.26 ships LiteSVM with `with_*` methods that change the object in place, while its type
stubs name them `set_*`; everything that depends on this lives here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from solders.account import Account
from solders.clock import Clock as ClockSysvar
from solders.epoch_schedule import EpochSchedule
from solders.hash import Hash
from solders.litesvm import FeatureSet, LiteSVM
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from choir.localnet.model import (
    SYSTEM_PROGRAM,
    AccountState,
    InnerCall,
    InnerInstructions,
)
from choir.localnet.rules import data_account

SLOTS_PER_EPOCH = 432_000
_UNPROCESSED = Signature.default()
# Not active on any public cluster; with it the upgradeable loader refuses every deployment.
_NO_NEW_DEPLOYMENTS = Pubkey.from_string("EmhbpdVtZ2hWRGFWBDjn2i3SJD8Z36z4mpMcZJEnebnP")


class SvmError(Exception):
    """LiteSVM refused an account or broke down; the message says what it was given."""


class Execution(NamedTuple):
    """What a run of a transaction gave. `included` is False when it was refused before running."""

    err: Any
    included: bool
    logs: list[str]
    inner: list[InnerInstructions]
    compute_units: int
    return_data: tuple[Pubkey, bytes] | None
    post_accounts: list[tuple[Pubkey, AccountState]] | None = None


class Svm:
    """One LiteSVM with signature checks on and its own blockhash check and history off."""

    def __init__(self) -> None:
        svm: Any = LiteSVM()
        svm.with_builtins(_features())
        svm.with_blockhash_check(False)
        svm.with_transaction_history(0)
        svm.set_epoch_schedule(EpochSchedule.without_warmup())
        self._svm: Any = svm
        # Programs whose data account is gone, or is about to be. To everybody they are executable
        # still; LiteSVM, which would load them again as it stores them, must not know.
        self._closed: set[Pubkey] = set()

    def get(self, pubkey: Pubkey) -> AccountState | None:
        """The account as it stands, None when it has no lamports."""
        account = self._svm.get_account(pubkey)
        if account is None or account.lamports == 0:
            return None
        executable = account.executable or pubkey in self._closed
        return AccountState(account.lamports, account.data, account.owner, executable)

    def lamports(self, pubkey: Pubkey) -> int:
        """The account's lamports, 0 when it does not exist."""
        return self._svm.get_balance(pubkey) or 0

    def set(self, pubkey: Pubkey, state: AccountState | None) -> None:
        """Put an account there, or remove it.

        Raises SvmError when it is executable but not a program LiteSVM can load, or a sysvar
        that does not parse.
        """
        if state is None:
            state = AccountState(0, b"", SYSTEM_PROGRAM, rent_epoch=0)
        self._closed.discard(pubkey)
        if self._without_data(state):
            self._closed.add(pubkey)
        executable = state.executable and pubkey not in self._closed
        account = Account(state.lamports, state.data, state.owner, executable, state.rent_epoch)
        try:
            self._svm.set_account(pubkey, account)
        except Exception as error:
            raise SvmError(f"account {pubkey} cannot be loaded: {error}") from error
        if self._closed and not state.executable:
            self._reopen()

    def _reopen(self) -> None:
        """Make programs callable again whose data account is there again."""
        for pubkey in list(self._closed):
            state = self.get(pubkey)
            if state is None or not self._without_data(state):
                self.set(pubkey, state)

    def _without_data(self, program: AccountState) -> bool:
        data = data_account(program)
        return data is not None and self.get(data) is None

    def rent_exempt(self, size: int) -> int:
        """The least lamports an account of `size` bytes must hold."""
        return int(self._svm.minimum_balance_for_rent_exemption(size))

    def set_clock(self, slot: int, unix_time: int, epoch_start_time: int) -> None:
        """Set the Clock sysvar; the epoch follows from the slot."""
        epoch = slot // SLOTS_PER_EPOCH
        self._svm.set_clock(ClockSysvar(slot, epoch_start_time, epoch, epoch + 1, unix_time))

    def set_slot_hashes(self, hashes: list[tuple[int, Hash]]) -> None:
        """Set the SlotHashes sysvar, newest first (at most 512)."""
        self._svm.set_slot_hashes(hashes)

    def send(
        self,
        transaction: VersionedTransaction,
        *,
        verified: bool = False,
        closes: Iterable[Pubkey] = (),
    ) -> Execution:
        """Run and commit. `verified` skips the signature check when it has been done already;
        `closes` are the programs it may close."""
        svm = self._svm
        for program in closes:
            self._hide(program)
        if verified:
            svm.with_sigverify(False)
        try:
            result = svm.send_transaction(transaction)
        except BaseException as error:
            raise _broke(error) from error
        finally:
            if verified:
                svm.with_sigverify(True)
            if closes:
                self._reopen()
        return _execution(result)

    def simulate(self, transaction: VersionedTransaction) -> Execution:
        """Run without checking signatures and without committing."""
        svm = self._svm
        svm.with_sigverify(False)
        try:
            result = svm.simulate_transaction(transaction)
        except BaseException as error:
            raise _broke(error) from error
        finally:
            svm.with_sigverify(True)
        return _execution(result)

    def _hide(self, program: Pubkey) -> None:
        state = self.get(program)
        if state is not None and data_account(state) is not None:
            self._closed.add(program)
            hidden = Account(state.lamports, state.data, state.owner, False, state.rent_epoch)
            self._svm.set_account(program, hidden)


def _features() -> FeatureSet:
    active = FeatureSet.all_enabled().active
    del active[_NO_NEW_DEPLOYMENTS]
    make: Any = FeatureSet  # its stub does not know that it can be made
    made: FeatureSet = make(active, {_NO_NEW_DEPLOYMENTS})
    return made


def _broke(error: BaseException) -> BaseException:
    # A Rust panic comes as pyo3's PanicException, which is no Exception.
    if type(error).__name__ == "PanicException":
        return SvmError(f"LiteSVM broke down on this transaction: {error}")
    return error


def _execution(result: Any) -> Execution:
    err: Any = None
    post: list[tuple[Pubkey, AccountState]] | None = None
    meta = result
    if hasattr(result, "err"):
        err = orjson.loads(result.to_json())["err"]
        meta = result.meta()
    elif hasattr(result, "post_accounts"):
        meta = result.meta()
        post = [
            (key, AccountState(a.lamports, a.data, a.owner, a.executable))
            for key, a in result.post_accounts()
        ]
    returned = meta.return_data()
    data = bytes(returned.data)
    return Execution(
        err=err,
        included=meta.signature() != _UNPROCESSED,
        logs=meta.logs(),
        inner=_inner(meta.inner_instructions()),
        compute_units=meta.compute_units_consumed(),
        return_data=(returned.program_id, data) if data else None,
        post_accounts=post,
    )


def _inner(groups: list[list[Any]]) -> list[InnerInstructions]:
    found = []
    for index, group in enumerate(groups):
        if group:
            calls = []
            for inner in group:
                call = inner.instruction()
                calls.append(
                    InnerCall(
                        call.program_id_index,
                        bytes(call.accounts),
                        bytes(call.data),
                        inner.stack_height(),
                    )
                )
            found.append(InnerInstructions(index, calls))
    return found
