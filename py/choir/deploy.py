"""Programs onto the chain from Python, through the upgradeable loader.

    deployer = Deployer(client.sender, payer=wallet)
    done = await deployer.deploy(KeypairSigner.from_file("program.json"), code)
    assert (await deployer.verify(done.program, code)).matches

Nothing is kept on this side. The buffer's address follows from authority, program and code, and
what is in it is read from the chain: after a kill at any point the same call goes on where it
stopped and writes only what differs. When everything was done already it says so and sends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import (
    AllocateParams,
    AllocateWithSeedParams,
    AssignParams,
    CreateAccountParams,
    CreateAccountWithSeedParams,
    TransferParams,
    allocate,
    allocate_with_seed,
    assign,
    create_account,
    create_account_with_seed,
    transfer,
)

from choir import loader
from choir.errors import (
    BlockhashExpired,
    ChoirError,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RpcUnreachable,
    TransactionFailed,
)
from choir.fees import FeeQuestion, FixedFee, bid
from choir.loader import BUFFER_HEADER, LOADER, PROGRAM_BYTES, ProgramData
from choir.rpc import Account, memcmp
from choir.transactions import UnsignedTransaction, compute_budget, unsigned_transaction
from choir.wallet import Signer, sign_message

if TYPE_CHECKING:
    from choir.sending import Sender

__all__ = [
    "AlreadyDeployed",
    "BufferUnusable",
    "DeployError",
    "Deployed",
    "Deployer",
    "NotAProgram",
    "NotTheAuthority",
    "ProgramFinal",
    "Progress",
    "Verification",
]

CHUNK: Final = 960
"""Bytes of code in one write, which nearly fill a transaction."""
ANOTHER_SIGNER: Final = 96
WRITE_UNITS: Final = 5_000
ROUNDS: Final = 20
MIN_EXTENSION: Final = 10_240
"""The least a program may be extended by, unless that is all there is room for."""
_SLOT: Final = 0.2


class DeployError(ChoirError):
    """A program that could not be put on the chain as asked."""


class AlreadyDeployed(DeployError):
    """Another code runs at this address: `upgrade` replaces it."""


class NotTheAuthority(DeployError):
    """The program or buffer is under another key; `authority` is it."""

    def __init__(self, message: str, *, authority: Pubkey) -> None:
        super().__init__(message)
        self.authority = authority


class ProgramFinal(DeployError):
    """The program has no upgrade authority: nobody can change it any more."""


class NotAProgram(DeployError):
    """The chain's verifier refused the code; `said` is its word for why.

    The buffer stays: give it up with `close_buffer`. Where it speaks of an sBPF version that is not
    enabled, the cluster wants programs built for another one (a test validator has features on that
    public clusters do not have yet).
    """

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


class BufferUnusable(DeployError):
    """There is something at the buffer's address that cannot become this program."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a deployment is: `step` is "buffer", "write", "extend", "deploy" or "upgrade";
    `done` of `total` transactions of that step have run."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Deployed:
    """A program that runs the code asked for; `changed` is false when it did so already.

    It can be called in the slots after `slot` (`Deployer.ready` waits for one).
    """

    program: Pubkey
    slot: int
    sha256: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """A program's code on the chain against a file; hashes leave zero bytes at the end out."""

    matches: bool
    on_chain: str
    expected: str
    authority: Pubkey | None
    slot: int
    capacity: int


class Deployer:
    """Deploys over a `Sender`; `payer` pays, and is the authority unless another is given.

    `concurrency` is how many writes are under way at once. `progress` is told every step.
    Methods raise DeployError and its kinds, and what `Sender.send` raises.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        payer: Signer,
        authority: Signer | None = None,
        concurrency: int = 16,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        if concurrency < 1:
            raise InvalidInput(f"at least one write must be under way, not {concurrency}")
        self._sender = sender
        self._payer = payer
        self._authority = authority or payer
        self._signers = [payer] if authority is None else [payer, authority]
        self._chunk = CHUNK if authority is None else CHUNK - ANOTHER_SIGNER
        self._concurrency = concurrency
        self._progress = progress or (lambda _: None)

    async def deploy(
        self, program: Signer, code: bytes, *, capacity: int | None = None
    ) -> Deployed:
        """A new program at the key's address; `capacity` bytes of code at most, for upgrades.

        Raises AlreadyDeployed when other code runs there.
        """
        _check_code(code)
        capacity = max(capacity or 0, len(code))
        address = program.pubkey
        account, data = await self._look(address)
        if data is not None:
            if not data.holds(code):
                raise AlreadyDeployed(
                    f"{address} runs other code ({data.sha256}); upgrade it instead"
                )
            return self._deployed(address, data, changed=False)
        if account is not None and (account.owner != SYSTEM_PROGRAM or account.data):
            raise AlreadyDeployed(
                f"{address} is in use (owned by {account.owner}) or was closed; a program that "
                "was closed can never be deployed again: take another key"
            )
        buffer = await self._filled_buffer(address, code)
        rent = await self._sender.rpc.get_minimum_balance_for_rent_exemption(PROGRAM_BYTES)
        held = account.lamports if account is not None else 0
        instructions = [
            *_made(self._payer.pubkey, address, held, rent, PROGRAM_BYTES),
            loader.deploy(
                payer=self._payer.pubkey,
                program=address,
                buffer=buffer,
                authority=self._authority.pubkey,
                capacity=capacity,
            ),
        ]
        await self._last("deploy", instructions, program)
        return await self._proven(address, code)

    async def upgrade(
        self, program: Pubkey, code: bytes, *, spill: Pubkey | None = None
    ) -> Deployed:
        """Other code for a program; the buffer's rent goes to `spill` (the payer) when it is done.

        The program is extended first where the code has grown beyond its capacity. Raises
        NotFound, NotTheAuthority, ProgramFinal.
        """
        _check_code(code)
        data = await self._governed(program)
        if data.holds(code):
            return self._deployed(program, data, changed=False)
        if len(code) > len(data.code):
            await self._extend(program, len(code) - len(data.code))
        buffer = await self._filled_buffer(program, code)
        await self._past_slot_of(program)
        instruction = loader.upgrade(
            program=program,
            buffer=buffer,
            authority=self._authority.pubkey,
            spill=spill or self._payer.pubkey,
        )
        await self._last("upgrade", [instruction])
        return await self._proven(program, code)

    async def verify(self, program: Pubkey, code: bytes) -> Verification:
        """The code on the chain against `code`. Raises NotFound when there is no such program."""
        data = await self._existing(program)
        return Verification(
            matches=data.holds(code),
            on_chain=data.sha256,
            expected=loader.code_sha256(code),
            authority=data.authority,
            slot=data.slot,
            capacity=len(data.code),
        )

    async def ready(self, program: Pubkey) -> int:
        """Wait until the program can be called: until a slot after the one it was last changed in.

        Returns that slot. Raises NotFound.
        """
        changed = (await self._existing(program)).slot
        while True:
            slot = await self._sender.rpc.get_slot(commitment=self._sender.policy.commitment)
            if slot > changed:
                return slot
            await self._sender.clock.sleep(_SLOT)

    async def set_authority(self, program: Pubkey, new: Pubkey | None) -> None:
        """Give a program to another key; **None makes it final for ever**. Again does nothing."""
        if (await self._existing(program)).authority == new:
            return
        await self._governed(program)
        data = loader.program_data_address(program)
        await self._send([loader.set_authority(data, self._authority.pubkey, new)])

    async def close(self, program: Pubkey, *, recipient: Pubkey | None = None) -> None:
        """End a program **for ever**, and take its rent back. Its address cannot be used again."""
        await self._governed(program)
        await self._past_slot_of(program)
        await self._send(
            [
                loader.close(
                    loader.program_data_address(program),
                    authority=self._authority.pubkey,
                    recipient=recipient or self._payer.pubkey,
                    program=program,
                )
            ]
        )

    async def buffers(self) -> dict[Pubkey, int]:
        """The authority's buffers and the lamports in them: what was begun and not finished."""
        found = await self._sender.rpc.get_program_accounts(
            LOADER,
            filters=[
                memcmp(0, b"\x01\0\0\0"),
                memcmp(4, b"\x01" + bytes(self._authority.pubkey)),
            ],
            data_slice=(0, BUFFER_HEADER),
            commitment=self._sender.policy.commitment,
        )
        return {address: account.lamports for address, account in found.value}

    async def close_buffer(self, buffer: Pubkey, *, recipient: Pubkey | None = None) -> None:
        """Give up what was begun, and take its rent back."""
        await self._send(
            [
                loader.close(
                    buffer,
                    authority=self._authority.pubkey,
                    recipient=recipient or self._payer.pubkey,
                )
            ]
        )

    # ---- below: reading where it stands

    async def _account(self, address: Pubkey) -> Account | None:
        rpc, commitment = self._sender.rpc, self._sender.policy.commitment
        return (await rpc.get_account(address, commitment=commitment)).value

    async def _look(self, program: Pubkey) -> tuple[Account | None, ProgramData | None]:
        """The account at a program's address, and its data where it is a program of the loader."""
        account = await self._account(program)
        if account is None or account.owner != LOADER:
            return account, None
        data = await self._account(loader.read_program(account))
        return account, None if data is None else loader.read_program_data(data)

    async def _existing(self, program: Pubkey) -> ProgramData:
        account, data = await self._look(program)
        if data is not None:
            return data
        why = "there is nothing" if account is None else f"{account.owner} owns the account"
        raise NotFound(f"there is no upgradeable program at {program}: {why}")

    async def _governed(self, program: Pubkey) -> ProgramData:
        data = await self._existing(program)
        if data.authority is None:
            raise ProgramFinal(f"{program} has no upgrade authority: nobody can change it")
        if data.authority != self._authority.pubkey:
            raise NotTheAuthority(
                f"the upgrade authority of {program} is {data.authority}, "
                f"not {self._authority.pubkey}",
                authority=data.authority,
            )
        return data

    def _deployed(self, program: Pubkey, data: ProgramData, *, changed: bool) -> Deployed:
        return Deployed(program, data.slot, data.sha256, changed)

    async def _proven(self, program: Pubkey, code: bytes) -> Deployed:
        """What is on the chain afterwards is what was meant to be."""
        data = await self._existing(program)
        if not data.holds(code):
            raise DeployError(
                f"{program} runs other code ({data.sha256}) than was deployed: "
                "somebody else changed it in between"
            )
        return self._deployed(program, data, changed=True)

    # ---- the steps

    async def _filled_buffer(self, program: Pubkey, code: bytes) -> Pubkey:
        """The buffer with all of the code in it, whatever was there before."""
        authority = self._authority.pubkey
        address, seed = loader.buffer_address(authority, program, code)
        size = BUFFER_HEADER + len(code)
        account = await self._account(address)
        if account is None or account.owner == SYSTEM_PROGRAM:
            self._progress(Progress("buffer", 0, 1))
            rent = await self._sender.rpc.get_minimum_balance_for_rent_exemption(size)
            held = account.lamports if account is not None else 0
            made = _made_with_seed(self._payer.pubkey, authority, address, seed, held, rent, size)
            await self._send([*made, loader.initialize_buffer(address, authority)])
            self._progress(Progress("buffer", 1, 1))
        for _ in range(ROUNDS):
            account = await self._account(address)
            if account is None:
                raise BufferUnusable(f"the buffer {address} is gone: somebody closed it")
            found = loader.read_buffer(account)
            if found.authority != authority or len(found.code) != len(code):
                raise BufferUnusable(
                    f"the buffer {address} has {len(found.code)} bytes under {found.authority}; "
                    f"{len(code)} under {authority} were due"
                )
            missing = [
                offset
                for offset in range(0, len(code), self._chunk)
                if found.code[offset : offset + self._chunk] != code[offset : offset + self._chunk]
            ]
            if not missing:
                return address
            await self._write(address, code, missing)
        raise DeployError(
            f"the buffer {address} still differs from the code after {ROUNDS} rounds of writing; "
            "start again: what is written stays"
        )

    async def _write(self, buffer: Pubkey, code: bytes, offsets: Sequence[int]) -> None:
        """One round of writes. What got lost is seen when the buffer is read again."""
        authority, total = self._authority.pubkey, len(offsets)
        price = await self._price([loader.write(buffer, authority, 0, b"")])
        self._progress(Progress("write", 0, total))
        waiting = list(reversed(offsets))
        done = 0

        async def work() -> None:
            nonlocal done
            while waiting:
                offset = waiting.pop()
                data = code[offset : offset + self._chunk]
                instruction = loader.write(buffer, authority, offset, data)
                try:
                    await self._send_unsimulated(instruction, price)
                except (BlockhashExpired, OutcomeUnknown, RateLimited, RpcUnreachable):
                    continue
                done += 1
                self._progress(Progress("write", done, total))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._concurrency, total)):
                    group.create_task(work())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        if not done:
            raise DeployError(
                f"none of {total} writes to the buffer {buffer} came through; start again when "
                "the node answers: what is written stays"
            )

    async def _price(self, instructions: Sequence[Instruction]) -> int:
        policy = self._sender.policy.priority_fee
        if isinstance(policy, FixedFee):
            return policy.micro_lamports
        writable = tuple(
            dict.fromkeys(m.pubkey for ix in instructions for m in ix.accounts if m.is_writable)
        )
        recent = await self._sender.rpc.get_recent_prioritization_fees(writable)
        return await bid(policy, FeeQuestion(tuple(instructions), writable, tuple(recent)))

    async def _send_unsimulated(self, instruction: Instruction, price: int) -> None:
        """One write: always the same, so that a simulation of each would tell nothing."""
        sender = self._sender
        recent = await sender.rpc.get_latest_blockhash(commitment=sender.policy.commitment)
        prepared = UnsignedTransaction(
            transaction=unsigned_transaction(
                self._payer.pubkey,
                [*compute_budget(WRITE_UNITS, price), instruction],
                recent.value.hash,
            ),
            last_valid_block_height=recent.value.last_valid_block_height,
            min_context_slot=recent.slot,
            units=WRITE_UNITS,
            unit_price=price,
        )
        await sender.submit(
            await sign_message(prepared.message, self._signers),
            last_valid_block_height=prepared.last_valid_block_height,
            min_context_slot=prepared.min_context_slot,
        )

    async def _extend(self, program: Pubkey, more: int) -> None:
        more = max(more, MIN_EXTENSION)
        self._progress(Progress("extend", 0, 1))
        await self._past_slot_of(program)
        payer, authority = self._payer.pubkey, self._authority.pubkey
        try:
            await self._send([loader.extend(program=program, payer=payer, more=more)])
        except TransactionFailed as error:
            if not error.simulated:
                raise
            # where only the authority may extend, this one is refused in favour of the other
            await self._send(
                [
                    loader.extend_checked(
                        program=program, authority=authority, payer=payer, more=more
                    )
                ]
            )
        self._progress(Progress("extend", 1, 1))

    async def _past_slot_of(self, program: Pubkey) -> None:
        """Wait for the slot after the one the program was last changed in: only one a slot."""
        data = await self._existing(program)
        commitment = self._sender.policy.commitment
        while await self._sender.rpc.get_slot(commitment="processed") <= data.slot:
            await self._sender.clock.sleep(_SLOT)
        # what is simulated at the commitment must see that slot too
        while await self._sender.rpc.get_slot(commitment=commitment) < data.slot:
            await self._sender.clock.sleep(_SLOT)

    async def _last(self, step: str, instructions: Sequence[Instruction], *more: Signer) -> None:
        self._progress(Progress(step, 0, 1))
        try:
            await self._send(instructions, *more)
        except TransactionFailed as error:
            if said := _why_not_a_program(error.logs):
                raise NotAProgram(
                    f"this chain will not have the code as a program: {said}", said
                ) from error
            raise
        self._progress(Progress(step, 1, 1))

    async def _send(self, instructions: Sequence[Instruction], *more: Signer) -> None:
        await self._sender.send(
            instructions, signers=[*self._signers, *more], payer=self._payer.pubkey
        )


def _why_not_a_program(logs: Sequence[str]) -> str:
    """The verifier's line: the one before the loader failed, where it failed for the code."""
    for line, following in pairwise(logs):
        if following == f"Program {LOADER} failed: invalid account data for instruction" and not (
            line.startswith("Program ")
        ):
            return line
    return ""


def _check_code(code: bytes) -> None:
    if not code.startswith(b"\x7fELF"):
        raise InvalidInput("this is no program: the file does not begin as an ELF object does")


def _made(payer: Pubkey, address: Pubkey, held: int, rent: int, size: int) -> list[Instruction]:
    """An account of the loader, also where somebody sent lamports to the address before."""
    if not held:
        return [
            create_account(
                CreateAccountParams(
                    from_pubkey=payer, to_pubkey=address, lamports=rent, space=size, owner=LOADER
                )
            )
        ]
    return [
        *_topped_up(payer, address, rent - held),
        allocate(AllocateParams(pubkey=address, space=size)),
        assign(AssignParams(pubkey=address, owner=LOADER)),
    ]


def _made_with_seed(
    payer: Pubkey, base: Pubkey, address: Pubkey, seed: str, held: int, rent: int, size: int
) -> list[Instruction]:
    if not held:
        return [
            create_account_with_seed(
                CreateAccountWithSeedParams(
                    from_pubkey=payer,
                    to_pubkey=address,
                    base=base,
                    seed=seed,
                    lamports=rent,
                    space=size,
                    owner=LOADER,
                )
            )
        ]
    # allocating gives it to the owner too
    return [
        *_topped_up(payer, address, rent - held),
        allocate_with_seed(
            AllocateWithSeedParams(address=address, base=base, seed=seed, space=size, owner=LOADER)
        ),
    ]


def _topped_up(payer: Pubkey, address: Pubkey, missing: int) -> list[Instruction]:
    if missing <= 0:
        return []
    return [transfer(TransferParams(from_pubkey=payer, to_pubkey=address, lamports=missing))]
