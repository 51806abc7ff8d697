"""The chain's state machine over LiteSVM: runs transactions in the open slot, closes slots.

It knows nothing of sockets, files or event loops, and takes the time as an argument.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir.localnet import rules, tokens
from choir.localnet.accounts_index import AccountsIndex
from choir.localnet.blockhashes import FORWARDING_DELAY, MAX_PROCESSING_AGE, BlockhashQueue
from choir.localnet.genesis import RUNTIME_ACCOUNTS, SYSVARS
from choir.localnet.message import (
    PRECOMPILES,
    NonceUse,
    Resolved,
    TableError,
    nonce_use,
    prioritization_fee,
    resolve,
    signature_fee,
)
from choir.localnet.model import (
    TOKEN_PROGRAMS,
    UPGRADEABLE_LOADER,
    AccountState,
    AccountUpdate,
    Block,
    TokenBalance,
    TransactionRecord,
)
from choir.localnet.svm import Execution, Svm


class Refused(NamedTuple):
    """A transaction that did not enter the block and cost nothing. `err` is a TransactionError."""

    err: object


class Landed(NamedTuple):
    """A transaction in the open slot's block, and the accounts it wrote."""

    record: TransactionRecord
    updates: list[AccountUpdate]


class Balances(NamedTuple):
    """Lamports and token holdings of a transaction's accounts, before and after it."""

    pre: list[int]
    post: list[int]
    pre_tokens: list[TokenBalance]
    post_tokens: list[TokenBalance]


class Simulated(NamedTuple):
    """The result of a simulation.

    `accounts` holds the states after it of the accounts written, `balances` those of all its
    accounts around it, when it ran. `fee` is in lamports.
    """

    execution: Execution
    accounts: dict[Pubkey, AccountState | None]
    resolved: Resolved | None = None
    balances: Balances | None = None
    fee: int | None = None
    loaded_bytes: int = 0


class Bank:
    """One chain. `slot` is the open slot; `height` is the number of blocks before it."""

    def __init__(self, genesis_hash: bytes, unix_time: int) -> None:
        self.svm = Svm()
        self.accounts = AccountsIndex()
        self.genesis_hash = genesis_hash
        self.slot = 0
        self.parent_slot = 0
        self.height = 0
        self.unix_time = unix_time
        self.genesis_time = unix_time
        self.transaction_count = 0
        self.write_version = 0
        self.queue = BlockhashQueue()
        self.blockhash = Hash.from_bytes(genesis_hash)
        self._records: list[TransactionRecord] = []
        for address in RUNTIME_ACCOUNTS:
            state = self.svm.get(address)
            if state is not None:
                self.accounts.record(AccountUpdate(address, 0, 0, state))

    # Reading

    def account(self, pubkey: Pubkey, slot: int | None = None) -> AccountState | None:
        """The account as of the end of `slot`, or now. Sysvars are those of the open slot."""
        if pubkey in SYSVARS:
            return self.svm.get(pubkey)
        return self.accounts.get(pubkey, slot)

    @property
    def records(self) -> list[TransactionRecord]:
        """The open slot's transactions so far."""
        return self._records

    # Slots

    def load(self, accounts: list[AccountUpdate]) -> None:
        """Put accounts back, given in write order. Raises SvmError."""
        # A program can be loaded only once its program data is there.
        for update in sorted(accounts, key=lambda u: u.state is not None and u.state.executable):
            self.svm.set(update.pubkey, update.state)
        for update in accounts:
            self.accounts.record(update)

    def resume(
        self,
        blocks: list[Block],
        *,
        transaction_count: int,
        write_version: int,
        oldest_height: int,
        genesis_time: int,
    ) -> None:
        """Take up after `blocks` (oldest first, the last one newest)."""
        last = blocks[-1]
        for block in blocks:
            self.queue.add(block)
        self.queue.prune(last.height)
        self.transaction_count = transaction_count
        self.write_version = write_version
        self.queue.oldest_height = oldest_height
        self.genesis_time = genesis_time
        self.unix_time = last.time
        self.slot, self.height = last.slot, last.height
        self.blockhash = Hash.from_string(last.blockhash)

    def open_slot(self, slot: int, unix_time: int) -> None:
        """Begin `slot` on top of the last closed one. Time never goes back."""
        self.parent_slot = self.slot
        self.slot = slot
        self.height += 1
        self.unix_time = max(unix_time, self.unix_time)
        self._records = []
        self.svm.set_clock(slot, self.unix_time, self.genesis_time)
        self.svm.set_slot_hashes(self.queue.slot_hashes)
        self.queue.prune(self.height)

    def close_slot(self) -> Block:
        """End the open slot: give it a blockhash and hand over its block."""
        digest = hashlib.sha256()
        digest.update(bytes(self.blockhash))
        digest.update(self.genesis_hash)
        digest.update(self.slot.to_bytes(8, "little"))
        for record in self._records:
            digest.update(record.wire[:65])
        previous, self.blockhash = self.blockhash, Hash.from_bytes(digest.digest())
        block = Block(
            slot=self.slot,
            parent_slot=self.parent_slot,
            height=self.height,
            blockhash=str(self.blockhash),
            previous_blockhash=str(previous),
            time=self.unix_time,
            transactions=self._records,
        )
        self.queue.add(block)
        return block

    def forget_blockhashes(self) -> None:
        """Expire every blockhash handed out so far; the next closed slot brings a good one."""
        self.queue.oldest_height = self.height

    def rollback(self, block: Block, dropped: list[Block]) -> list[Pubkey]:
        """Go back to the end of `block`, forgetting the open slot and `dropped`.

        Answers the accounts whose state went back.
        """
        self.transaction_count -= len(self._records) + sum(len(b.transactions) for b in dropped)
        self.queue.rollback(block.slot, block.height)
        restored = self.accounts.rollback(block.slot)
        for pubkey, state in restored:
            self.svm.set(pubkey, state)
        for program in self._programs_with_data_in(restored):
            self.svm.set(program, self.account(program))
        self.slot, self.parent_slot, self.height = block.slot, block.parent_slot, block.height
        self.blockhash = Hash.from_string(block.blockhash)
        self._records = []
        return [pubkey for pubkey, _ in restored]

    def _programs_with_data_in(
        self, restored: list[tuple[Pubkey, AccountState | None]]
    ) -> list[Pubkey]:
        """The programs LiteSVM has to load again, with the code they have now."""
        data = {k for k, s in restored if s is not None and s.owner == UPGRADEABLE_LOADER}
        if not data:
            return []
        loaded = self.accounts.owned_by(UPGRADEABLE_LOADER)
        return [pubkey for pubkey, state in loaded if rules.data_account(state) in data]

    # Accounts by hand

    def set_account(self, pubkey: Pubkey, state: AccountState | None) -> AccountUpdate:
        """Write an account outside any transaction. Raises SvmError when it cannot be loaded."""
        if state is not None and state.lamports == 0:
            state = None
        self.svm.set(pubkey, state)
        return self._record(pubkey, state)

    # Transactions

    def execute(
        self, transaction: VersionedTransaction, wire: bytes, *, verified: bool = False
    ) -> Landed | Refused:
        """Run a transaction in the open slot. `verified`: its signatures have been checked."""
        prepared = self._prepare(transaction, wire)
        if isinstance(prepared, Refused):
            return prepared
        resolved, nonce = prepared
        if self.queue.seen(resolved.signature):
            return Refused("AlreadyProcessed")
        keys = resolved.keys
        before = {key: self.account(key) for key in keys}
        payer = keys[0]
        priority = prioritization_fee(resolved)
        if priority and not self._charge(payer, before[payer], priority):
            return Refused("InsufficientFundsForFee")
        verified = verified and PRECOMPILES.isdisjoint(keys)
        run = self.svm.send(transaction, verified=verified, closes=rules.closed_programs(resolved))
        if not run.included:
            if priority:
                self.svm.set(payer, before[payer])
            return Refused(rules.refusal(run.err, resolved, before))
        fee = signature_fee(resolved) + priority
        err = run.err
        if err is None:
            after = {keys[i]: self.svm.get(keys[i]) for i in resolved.writable_indexes}
            err = rules.rent_error(
                keys, resolved.writable_indexes, before, after, self.svm.rent_exempt(0)
            )
            if err is not None:
                for key in after:
                    self.svm.set(key, before[key])
                self._charge(payer, before[payer], fee)
        if err is not None:
            if nonce is not None:
                spent = self.svm.get(nonce.account)
                if spent is not None:
                    self.svm.set(nonce.account, rules.advanced_nonce(spent, resolved.blockhash))
            failed = [payer] if nonce is None else [payer, nonce.account]
            after = {key: self.svm.get(key) for key in failed}
        record = self._land(resolved, run, err, fee, priority, before, after)
        updates = []
        for key, state in after.items():
            earlier = before[key]
            if state is None:
                if earlier is None:
                    continue
                self.svm.set(key, None)
            elif key in SYSVARS or (state.executable and state == earlier):
                continue
            updates.append(self._record(key, state))
        return Landed(record, updates)

    def simulate(
        self,
        transaction: VersionedTransaction,
        wire: bytes,
        *,
        slot: int | None = None,
        height: int | None = None,
        replacement: Hash | None = None,
    ) -> Simulated:
        """Run without committing, on the accounts as of the end of `slot` (None: as they are now).

        A blockhash of a block above `height` is not known yet there. With a `replacement` it runs
        with that blockhash instead of its own.
        """
        if replacement is not None:
            transaction = rules.with_blockhash(transaction, replacement)
        age = MAX_PROCESSING_AGE - FORWARDING_DELAY
        prepared = self._prepare(transaction, wire, slot, height, age)
        if isinstance(prepared, Refused):
            return Simulated(refused(prepared.err), {})
        resolved, _ = prepared
        if replacement is None and self.queue.seen(resolved.signature, height):
            return Simulated(refused("AlreadyProcessed"), {}, resolved)
        keys = resolved.keys
        before = {key: self.account(key, slot) for key in keys}
        payer = keys[0]
        priority = prioritization_fee(resolved)
        borrowed = self._borrowed(before) if slot is not None else {}
        try:
            for key in borrowed:
                self.svm.set(key, before[key])
            if priority:
                borrowed.setdefault(payer, before[payer])
                if not self._charge(payer, before[payer], priority):
                    poor = refused("InsufficientFundsForFee")
                    return Simulated(poor, {}, resolved)
            run = self.svm.simulate(transaction)
        finally:
            for key, state in borrowed.items():
                self.svm.set(key, state)
        after: dict[Pubkey, AccountState | None] = {}
        if run.err is None:
            after = {k: s if s.lamports else None for k, s in run.post_accounts or ()}
            err = rules.rent_error(
                keys, resolved.writable_indexes, before, after, self.svm.rent_exempt(0)
            )
            if err is not None:
                run, after = run._replace(err=err), {}
        elif not run.included:
            run = run._replace(err=rules.refusal(run.err, resolved, before))
            return Simulated(run, after, resolved)
        fee = signature_fee(resolved) + priority
        state = before[payer]
        final = after
        if run.err is not None and state is not None:
            final = {payer: state._replace(lamports=state.lamports - fee)}
        loaded = sum(_ACCOUNT_OVERHEAD + len(s.data) for s in before.values() if s is not None)
        return Simulated(run, after, resolved, self._balances(keys, before, final), fee, loaded)

    def _borrowed(
        self, then: dict[Pubkey, AccountState | None]
    ) -> dict[Pubkey, AccountState | None]:
        """Of accounts as they were once, those that are different now, as they are now.

        Programs are left out: LiteSVM would have to load them anew.
        """
        borrowed = {}
        for key, state in then.items():
            now = self.account(key)
            executable = (now is not None and now.executable) or (
                state is not None and state.executable
            )
            if now is not state and now != state and not executable and key not in SYSVARS:
                borrowed[key] = now
        return borrowed

    def resolve(self, transaction: VersionedTransaction, wire: bytes = b"") -> Resolved:
        """The transaction with its lookup tables read. Raises TableError."""
        return resolve(transaction, wire, self.account)

    def _prepare(
        self,
        transaction: VersionedTransaction,
        wire: bytes,
        slot: int | None = None,
        height: int | None = None,
        age: int = MAX_PROCESSING_AGE,
    ) -> tuple[Resolved, NonceUse | None] | Refused:
        try:
            resolved = resolve(transaction, wire, lambda key: self.account(key, slot))
        except TableError as error:
            return Refused(error.err)
        keys = resolved.keys
        if len(set(keys)) != len(keys):
            return Refused("AccountLoadedTwice")
        now = self.height if height is None else height
        known = self.queue.height(resolved.blockhash, now, age)
        if known is not None and known <= now:
            return resolved, None
        nonce = nonce_use(resolved)
        if nonce is None or not rules.nonce_valid(
            self.account(nonce.account, slot), nonce, resolved.blockhash
        ):
            return Refused("BlockhashNotFound")
        return resolved, nonce

    def _charge(self, payer: Pubkey, state: AccountState | None, lamports: int) -> bool:
        if state is None or state.lamports < lamports:
            return False
        self.svm.set(payer, state._replace(lamports=state.lamports - lamports))
        return True

    def _land(
        self,
        resolved: Resolved,
        run: Execution,
        err: object,
        fee: int,
        priority: int,
        before: dict[Pubkey, AccountState | None],
        after: dict[Pubkey, AccountState | None],
    ) -> TransactionRecord:
        keys = resolved.keys
        balances = self._balances(keys, before, after)
        record = TransactionRecord(
            signature=resolved.signature,
            slot=self.slot,
            index=len(self._records),
            wire=resolved.wire or bytes(resolved.transaction),
            version=resolved.version,
            account_keys=keys,
            writable=resolved.writable,
            readonly=resolved.readonly,
            err=err,
            logs=run.logs,
            inner=run.inner,
            compute_units=run.compute_units,
            fee=fee,
            pre_balances=balances.pre,
            post_balances=balances.post,
            pre_tokens=balances.pre_tokens,
            post_tokens=balances.post_tokens,
            return_data=run.return_data,
            block_time=self.unix_time,
            prioritization_fee=priority,
        )
        self._records.append(record)
        self.queue.note(record.signature, self.height)
        self.transaction_count += 1
        return record

    def _balances(self, keys: list[Pubkey], before: rules.States, after: rules.States) -> Balances:
        pre = [before[key] for key in keys]
        post = [after.get(key, before[key]) for key in keys]
        pre_tokens: list[TokenBalance] = []
        post_tokens: list[TokenBalance] = []
        if not TOKEN_PROGRAMS.isdisjoint(keys):
            pre_tokens = tokens.token_balances(enumerate(pre), self.account)
            post_tokens = tokens.token_balances(
                enumerate(post), lambda k: after.get(k) or self.account(k)
            )
        return Balances(
            [0 if s is None else s.lamports for s in pre],
            [0 if s is None else s.lamports for s in post],
            pre_tokens,
            post_tokens,
        )

    def _record(self, pubkey: Pubkey, state: AccountState | None) -> AccountUpdate:
        self.write_version += 1
        update = AccountUpdate(pubkey, self.slot, self.write_version, state)
        self.accounts.record(update)
        return update


# What every loaded account counts for beside its data.
_ACCOUNT_OVERHEAD = 64


def refused(err: object) -> Execution:
    """The run of a transaction that did not come to run."""
    return Execution(err, False, [], [], 0, None, None)
