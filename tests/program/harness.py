"""The real program in a virtual machine, and a world of wallets around it.

Instructions are built from the IDL alone: accounts by name, with the ones a test does not name
filled in with what an honest client would give.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass, field
from typing import Any

from solders.account import Account
from solders.clock import Clock
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata
from tests.program.borsh import IDL, decode_account, decode_event, discriminator, encode

from choir.artifact import program_so

PROGRAM_ID = Pubkey.from_string(IDL["address"])
TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
UPGRADEABLE_LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")
ERRORS: dict[str, int] = {error["name"]: error["code"] for error in IDL["errors"]}
_INSTRUCTIONS: dict[str, Any] = {
    instruction["name"]: instruction for instruction in IDL["instructions"]
}

DAY = 86_400
START = 1_800_000_000
PARAMS: dict[str, int] = {
    "min_stake": 1_000,
    "min_thread_balance": 10_000,
    "approval_window": 7 * DAY,
    "divest_cooldown": DAY,
    "inactivity_window": 30 * DAY,
    "messages_per_hour": 3,
}


def pda(*seeds: bytes | Pubkey, program: Pubkey = PROGRAM_ID) -> Pubkey:
    """A program-derived address."""
    return Pubkey.find_program_address([bytes(seed) for seed in seeds], program)[0]


def sha256(content: bytes | str) -> bytes:
    """The hash contents and thread ids go by."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).digest()


@dataclass(frozen=True)
class Done:
    """A transaction that went through."""

    events: list[tuple[str, dict[str, Any]]]
    compute_units: int
    logs: list[str]

    def event(self, name: str) -> dict[str, Any]:
        """The fields of the one event of this name."""
        (fields,) = [fields for kind, fields in self.events if kind == name]
        return fields


class Refused(Exception):
    """A transaction that failed; nothing it did remains."""

    def __init__(self, code: int | None, logs: list[str], reason: object) -> None:
        super().__init__(f"{code} {reason}\n" + "\n".join(logs))
        self.code = code
        self.logs = logs


@dataclass
class Wallet:
    """A keypair with lamports and a token account."""

    keypair: Keypair
    token: Pubkey

    @property
    def key(self) -> Pubkey:
        return self.keypair.pubkey()


@dataclass
class World:
    """A chain with the program deployed, a stake mint, and whoever a test needs."""

    token_program: Pubkey = TOKEN_PROGRAM
    svm: LiteSVM = field(default_factory=LiteSVM)
    authority: Keypair = field(default_factory=lambda: Keypair.from_seed(bytes([7] * 32)))
    minted: int = 0
    tokens: list[Pubkey] = field(default_factory=lambda: [pda(b"treasury_vault")])
    """Every account that may hold tokens of the stake mint."""
    _made: int = 0

    def __post_init__(self) -> None:
        self.svm.airdrop(self.authority.pubkey(), 10**12)
        self._deploy()
        self.set_time(START)
        self.mint = self.create_mint()

    # ---- the machine

    def _deploy(self) -> None:
        """Puts the object where an upgradeable deployment would have it."""
        data = pda(PROGRAM_ID, program=UPGRADEABLE_LOADER)
        header = struct.pack("<IQB", 3, 0, 1) + bytes(self.authority.pubkey())
        self.put(data, header + program_so().read_bytes(), UPGRADEABLE_LOADER)
        program = struct.pack("<I", 2) + bytes(data)
        self.put(PROGRAM_ID, program, UPGRADEABLE_LOADER, executable=True)

    def put(self, key: Pubkey, data: bytes, owner: Pubkey, *, executable: bool = False) -> None:
        """Sets an account as it is, rent-exempt."""
        lamports = self.svm.minimum_balance_for_rent_exemption(len(data))
        self.svm.set_account(key, Account(lamports, data, owner, executable))

    def set_time(self, now: int) -> None:
        """Sets the chain's clock, Unix seconds."""
        clock = self.svm.get_clock()
        self.now = now
        self.svm.set_clock(
            Clock(
                slot=clock.slot + 1,
                epoch_start_timestamp=clock.epoch_start_timestamp,
                epoch=clock.epoch,
                leader_schedule_epoch=clock.leader_schedule_epoch,
                unix_timestamp=now,
            )
        )

    def pass_time(self, seconds: int) -> None:
        """Moves the chain's clock on."""
        self.set_time(self.now + seconds)

    def send(self, *instructions: Instruction, signers: tuple[Keypair, ...] = ()) -> Done:
        """Sends one transaction, paid by the authority.

        Raises:
            Refused: it failed.
        """
        message = Message(list(instructions), self.authority.pubkey())
        needed = message.account_keys[: message.header.num_required_signatures]
        keys = {key.pubkey(): key for key in (self.authority, *signers) if key.pubkey() in needed}
        transaction = Transaction(list(keys.values()), message, self.svm.latest_blockhash())
        result = self.svm.send_transaction(transaction)
        self.svm.expire_blockhash()
        if isinstance(result, FailedTransactionMetadata):
            logs = result.meta().logs()
            found = re.search(r"custom program error: 0x([0-9a-f]+)", "\n".join(logs))
            raise Refused(int(found.group(1), 16) if found else None, logs, result.err())
        return self._done(result)

    @staticmethod
    def _done(result: TransactionMetadata) -> Done:
        events = [
            decode_event(bytes(call.instruction().data)[8:])
            for calls in result.inner_instructions()
            for call in calls
            if bytes(call.instruction().data)[:8] == EVENT_TAG
        ]
        return Done(events, result.compute_units_consumed(), result.logs())

    def data(self, key: Pubkey) -> bytes:
        """An account's data; empty when there is none."""
        account = self.svm.get_account(key)
        return bytes(account.data) if account else b""

    def lamports(self, key: Pubkey) -> int:
        """An account's lamports."""
        return self.svm.get_balance(key) or 0

    def read(self, kind: str, key: Pubkey) -> dict[str, Any]:
        """Fields of one of the program's accounts."""
        return decode_account(kind, self.data(key))

    # ---- tokens

    def _fresh(self) -> Keypair:
        self._made += 1
        return Keypair.from_seed(sha256(f"key {self._made}"))

    def create_mint(self, program: Pubkey | None = None, extensions: bytes = b"") -> Pubkey:
        """A mint with 6 decimals whose authority is the world's."""
        key = self._fresh().pubkey()
        authority = bytes(self.authority.pubkey())
        base = struct.pack("<I32sQ??I32s", 1, authority, 0, 6, True, 0, bytes(32))
        base = base[:44] + bytes([6]) + base[45:]
        if extensions:
            base += bytes(165 - len(base)) + b"\x01" + extensions
        self.put(key, base, program or self.token_program)
        return key

    def create_token(self, owner: Pubkey, mint: Pubkey | None = None, amount: int = 0) -> Pubkey:
        """A token account holding newly minted tokens."""
        key, mint = self._fresh().pubkey(), mint or self.mint
        account = self.svm.get_account(mint)
        assert account is not None
        data = (
            bytes(mint) + bytes(owner) + struct.pack("<Q", amount) + bytes(36) + b"\x01" + bytes(56)
        )
        self.put(key, data, account.owner)
        if mint == self.mint:
            self.tokens.append(key)
            self._mint_supply(amount)
        return key

    def _mint_supply(self, amount: int) -> None:
        self.minted += amount
        data = bytearray(self.data(self.mint))
        struct.pack_into("<Q", data, 36, self.minted)
        self.put(self.mint, bytes(data), self.token_program)

    def amount(self, token: Pubkey) -> int:
        """What a token account holds, base units; 0 when there is none."""
        data = self.data(token)
        return int(struct.unpack_from("<Q", data, 64)[0]) if data else 0

    def donate(self, token: Pubkey, amount: int) -> None:
        """A stranger mints tokens into any token account."""
        data = bytearray(self.data(token))
        struct.pack_into("<Q", data, 64, self.amount(token) + amount)
        self.put(token, bytes(data), self.token_program)
        self._mint_supply(amount)

    def wallet(self, amount: int = 10**9) -> Wallet:
        """A new wallet with lamports and tokens."""
        keypair = self._fresh()
        self.svm.airdrop(keypair.pubkey(), 10**10)
        return Wallet(keypair, self.create_token(keypair.pubkey(), amount=amount))

    # ---- the program

    @property
    def config(self) -> Pubkey:
        return pda(b"config")

    @property
    def treasury_vault(self) -> Pubkey:
        return pda(b"treasury_vault")

    def instruction(
        self, name: str, accounts: dict[str, Pubkey], arguments: dict[str, Any] | None = None
    ) -> Instruction:
        """An instruction from the IDL; well-known accounts need not be named."""
        definition = _INSTRUCTIONS[name]
        known = {
            "config": self.config,
            "stake_mint": self.mint,
            "token_program": self.token_program,
            "system_program": SYSTEM_PROGRAM,
            "event_authority": pda(b"__event_authority"),
            "program": PROGRAM_ID,
            "treasury_vault": self.treasury_vault,
        }
        keys = {**known, **accounts}
        metas = [
            AccountMeta(
                keys[account["name"]], account.get("signer", False), account.get("writable", False)
            )
            for account in definition["accounts"]
        ]
        values = arguments or {}
        assert set(values) == {argument["name"] for argument in definition["args"]}
        data = b"".join(
            encode(argument["type"], values[argument["name"]]) for argument in definition["args"]
        )
        return Instruction(PROGRAM_ID, bytes(definition["discriminator"]) + data, metas)

    def initialize(self, signer: Keypair | None = None, **changes: Any) -> Done:
        """Initializes the program; ``changes`` replace arguments and accounts by name."""
        signer = signer or self.authority
        accounts = {
            "authority": signer.pubkey(),
            "program_data": pda(PROGRAM_ID, program=UPGRADEABLE_LOADER),
            "treasury": pda(b"treasury"),
        }
        arguments: dict[str, Any] = {
            "params": dict(PARAMS),
            "guardian": Pubkey.from_bytes(bytes([9] * 32)),
            "treasury_signers": [self.authority.pubkey()],
            "treasury_threshold": 1,
            "parameter_timelock": DAY,
        }
        for key, value in changes.items():
            place = (
                arguments["params"]
                if key in PARAMS
                else arguments
                if key in arguments
                else accounts
            )
            place[key] = value
        return self.send(self.instruction("initialize", accounts, arguments), signers=(signer,))

    def pause(self, bits: int, until: int) -> None:
        """Pauses families (a bit each) until a time, by writing to the account of the settings."""
        config = self.read("Config", self.config)
        config["paused_until"] = [
            until if bits >> family & 1 else end
            for family, end in enumerate(config["paused_until"])
        ]
        self.rewrite("Config", self.config, config)

    def rewrite(self, kind: str, key: Pubkey, fields: dict[str, Any]) -> None:
        """Writes one of the program's accounts as no instruction would."""
        data = discriminator("account", kind) + encode({"defined": {"name": kind}}, fields)
        self.put(key, data.ljust(len(self.data(key)), b"\0"), PROGRAM_ID)

    def open(
        self, creator: Wallet | None = None, thread_id: str = "a thread", **changes: Any
    ) -> Thread:
        """Opens a thread."""
        thread = Thread(self, thread_id)
        thread.create(creator or self.wallet(), **changes)
        return thread


def world(token_program: Pubkey = TOKEN_PROGRAM, **changes: Any) -> World:
    """A world with the program initialized; ``changes`` as for :meth:`World.initialize`."""
    made = World(token_program)
    made.initialize(**changes)
    return made


@dataclass
class Thread:
    """One thread, and the instructions on it."""

    world: World
    thread_id: str
    specs: list[Spec] = field(default_factory=list)
    people: list[Wallet] = field(default_factory=list)

    @property
    def key(self) -> Pubkey:
        return pda(b"thread", sha256(self.thread_id))

    @property
    def vault(self) -> Pubkey:
        return pda(b"vault", self.key)

    @property
    def state(self) -> dict[str, Any]:
        return self.world.read("Thread", self.key)

    def __post_init__(self) -> None:
        self.world.tokens.append(self.vault)

    def position(self, owner: Wallet | Pubkey) -> Pubkey:
        """Address of somebody's position."""
        return pda(b"position", self.key, owner.key if isinstance(owner, Wallet) else owner)

    def held(self, owner: Wallet) -> dict[str, Any]:
        """Fields of somebody's position."""
        return self.world.read("Position", self.position(owner))

    def message(self, index: int) -> Pubkey:
        """Address of a message."""
        return pda(b"message", self.key, struct.pack("<Q", index))

    def _run(
        self,
        name: str,
        signer: Wallet,
        accounts: dict[str, Pubkey],
        arguments: dict[str, Any],
        changes: dict[str, Any],
    ) -> Done:
        """Sends an instruction and checks the books after it."""
        for key, value in changes.items():
            place = arguments if key in arguments else accounts
            place[key] = value
        instruction = self.world.instruction(name, accounts, arguments)
        if signer not in self.people:
            self.people.append(signer)
        done = self.world.send(instruction, signers=(signer.keypair,))
        self.check()
        return done

    def create(self, creator: Wallet, **changes: Any) -> Done:
        accounts = {
            "creator": creator.key,
            "thread": self.key,
            "vault": self.vault,
            "position": self.position(creator),
            "creator_token": creator.token,
        }
        arguments = {"thread_id": self.thread_id, "deposit": 100_000, "privacy": "Public"}
        return self._run("create_thread", creator, accounts, arguments, changes)

    def _money(
        self, name: str, owner: Wallet, arguments: dict[str, Any], changes: dict[str, Any]
    ) -> Done:
        accounts = {
            "owner": owner.key,
            "thread": self.key,
            "vault": self.vault,
            "position": self.position(owner),
            "owner_token": owner.token,
        }
        return self._run(name, owner, accounts, arguments, changes)

    def deposit(self, owner: Wallet, amount: int, **changes: Any) -> Done:
        return self._money("deposit", owner, {"amount": amount, "min_shares": 0}, changes)

    def divest(self, owner: Wallet, amount: int, **changes: Any) -> Done:
        arguments = {"amount": amount, "max_shares": 2**64 - 1}
        return self._money("divest", owner, arguments, changes)

    def claim(self, owner: Wallet, **changes: Any) -> Done:
        return self._money("claim", owner, {}, changes)

    def leave(self, author: Wallet, **changes: Any) -> Done:
        accounts = {"author": author.key, "thread": self.key, "position": self.position(author)}
        return self._run("leave_thread", author, accounts, {}, changes)

    def retire(self, author: Wallet, retiree: Wallet, **changes: Any) -> Done:
        accounts = {
            "author": author.key,
            "thread": self.key,
            "position": self.position(author),
            "retiree_position": self.position(retiree),
        }
        return self._run("retire_author", author, accounts, {}, changes)

    def wind_down(self, author: Wallet, **changes: Any) -> Done:
        accounts = {"author": author.key, "thread": self.key}
        return self._run("wind_down_thread", author, accounts, {}, changes)

    def close(self, author: Wallet, **changes: Any) -> Done:
        held = self.world.data(self.position(author))
        accounts = {
            "author": author.key,
            "thread": self.key,
            "vault": self.vault,
            "position": self.position(author),
            "author_token": author.token,
            "creator": self.state["creator"],
            "rent_payer": self.held(author)["rent_payer"] if held else author.key,
        }
        return self._run("close_thread", author, accounts, {}, changes)

    def cleanup_position(self, owner: Wallet, **changes: Any) -> Done:
        held = self.world.data(self.position(owner))
        accounts = {
            "thread": self.key,
            "position": self.position(owner),
            "rent_payer": self.held(owner)["rent_payer"] if held else owner.key,
        }
        return self._run("cleanup_position", owner, accounts, {}, changes)

    def post(self, author: Wallet, content: str = "hello", **changes: Any) -> Done:
        accounts = {
            "author": author.key,
            "thread": self.key,
            "position": self.position(author),
            "message": self.message(self.state["message_count"]),
        }
        arguments = {"content_hash": sha256(content), "privacy": self.state["privacy"]}
        return self._run("post_message", author, accounts, arguments, changes)

    def set_privacy(self, author: Wallet, level: str, **changes: Any) -> Done:
        accounts = {"author": author.key, "thread": self.key, "position": self.position(author)}
        return self._run("set_privacy", author, accounts, {"level": level}, changes)

    def submit(
        self, author: Wallet, content: str = "let me in", stake: int = 6_000, **changes: Any
    ) -> Spec:
        """Submits a spec; :attr:`Spec.submitted` is what came of it."""
        spec = Spec(self, author, sha256(content))
        accounts = {
            "author": author.key,
            "thread": self.key,
            "spec": spec.key,
            "escrow": spec.escrow,
            "author_token": author.token,
        }
        self.specs.append(spec)
        try:
            arguments = {
                "content_hash": spec.content_hash,
                "stake": stake,
                "privacy": self.state["privacy"],
            }
            spec.submitted = self._run("submit_spec", author, accounts, arguments, changes)
        except Refused:
            self.specs.remove(spec)
            raise
        return spec

    def join(self, *wallets: Wallet) -> None:
        """Makes wallets co-authors, each by a spec that everybody approves."""
        for number, wallet in enumerate(wallets):
            self.submit(wallet, f"{self.thread_id} {number} {wallet.key}").decide_all("Approve")

    def check(self) -> None:
        """The books: the vault covers what is owed, positions sum up, nothing was made or lost."""
        state, world = self.state, self.world
        positions = [
            self.held(person) for person in self.people if world.data(self.position(person))
        ]
        assert sum(held["shares"] for held in positions) == state["total_shares"]
        owed = sum(
            held["claimable"]
            + (state["reward_per_author"] - held["reward_checkpoint"])
            * (held["owner"] in state["co_authors"])
            for held in positions
        )
        assert owed == state["total_claimable"]
        assert world.amount(self.vault) >= state["balance"] + state["total_claimable"]
        assert state["created_at"] <= state["updated_at"]
        assert state["total_shares"] <= state["balance"]
        assert 1 <= len(set(state["co_authors"])) == len(state["co_authors"]) <= 16
        # an address that was cleaned up may have been submitted to again
        specs = {spec.key: spec for spec in self.specs if world.data(spec.key)}.values()
        assert state["pending_specs"] == sum(spec.state["status"] == "Pending" for spec in specs)
        for spec in specs:
            pending = spec.state["status"] == "Pending"
            assert world.amount(spec.escrow) >= (spec.state["stake"] if pending else 0)
        assert sum(map(world.amount, set(world.tokens))) == world.minted


@dataclass
class Spec:
    """One spec, and the instructions on it."""

    thread: Thread
    author: Wallet
    content_hash: bytes
    submitted: Done | None = None

    def __post_init__(self) -> None:
        self.thread.world.tokens.append(self.escrow)

    @property
    def key(self) -> Pubkey:
        return pda(b"spec", self.thread.key, self.author.key, self.content_hash)

    @property
    def escrow(self) -> Pubkey:
        return pda(b"escrow", self.key)

    @property
    def state(self) -> dict[str, Any]:
        return self.thread.world.read("Spec", self.key)

    def decide(self, approver: Wallet, decision: str, **changes: Any) -> Done:
        thread, world = self.thread, self.thread.world
        accounts = {
            "approver": approver.key,
            "thread": thread.key,
            "spec": self.key,
            "approver_position": thread.position(approver),
            "author_position": thread.position(self.author),
            "escrow": self.escrow,
            "vault": thread.vault,
            "message": thread.message(thread.state["message_count"]),
        }
        arguments = {
            "content_hash": self.content_hash,
            "author_epoch": thread.state["author_epoch"],
            "sequence": self.state["sequence"] if world.data(self.key) else 0,
            "decision": decision,
        }
        return thread._run("process_approval", approver, accounts, arguments, changes)

    def decide_all(self, *decisions: str) -> Done:
        """Every co-author decides, in their order; one decision stands for all."""
        authors = self.thread.state["co_authors"]
        by_key = {wallet.key: wallet for wallet in self.thread.people}
        chosen = decisions * len(authors) if len(decisions) == 1 else decisions
        done = [
            self.decide(by_key[author], decision)
            for author, decision in zip(authors, chosen, strict=True)
        ]
        return done[-1]

    def expire(self, **changes: Any) -> Done:
        accounts = {
            "thread": self.thread.key,
            "spec": self.key,
            "escrow": self.escrow,
            "author_token": self.author.token,
        }
        return self.thread._run("expire_spec", self.author, accounts, {}, changes)

    def withdraw(self, **changes: Any) -> Done:
        accounts = {
            "author": self.author.key,
            "thread": self.thread.key,
            "spec": self.key,
            "escrow": self.escrow,
            "author_token": self.author.token,
        }
        return self.thread._run("withdraw_spec", self.author, accounts, {}, changes)

    def cleanup(self, **changes: Any) -> Done:
        held = self.thread.world.data(self.key)
        accounts = {
            "spec": self.key,
            "escrow": self.escrow,
            "rent_payer": self.state["rent_payer"] if held else self.author.key,
        }
        return self.thread._run("cleanup_spec", self.author, accounts, {}, changes)
