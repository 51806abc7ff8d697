"""The instructions on the settings and the treasury, as an honest client would give them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.program.harness import DAY, PARAMS, PROGRAM_ID, Done, Wallet, World, pda

WEEK = 7 * DAY
FORTNIGHT = 14 * DAY
FAMILIES = {
    "threads": 1,
    "messages": 2,
    "specs": 4,
    "decisions": 8,
    "exits": 16,
    "settings": 32,
    "treasury": 64,
}
GUARDIAN = Pubkey.from_bytes(bytes([9] * 32))
TREASURY = pda(b"treasury")


def change(**changes: Any) -> dict[str, Any]:
    """A change of the settings as they are after :meth:`World.initialize`."""
    made: dict[str, Any] = {
        "params": dict(PARAMS),
        "guardian": GUARDIAN,
        "parameter_timelock": DAY,
    }
    for key, value in changes.items():
        place = made["params"] if key in PARAMS else made
        place[key] = value
    return made


@dataclass
class Settings:
    """The instructions on the settings of a world."""

    world: World

    @property
    def state(self) -> dict[str, Any]:
        return self.world.read("Config", self.world.config)

    def _send(
        self, name: str, role: str, signer: Keypair | None, arguments: dict[str, Any] | None = None
    ) -> Done:
        signer = signer or self.world.authority
        accounts = {role: signer.pubkey()}
        instruction = self.world.instruction(name, accounts, arguments)
        return self.world.send(instruction, signers=(signer,))

    def propose(self, signer: Keypair | None = None, **changes: Any) -> Done:
        arguments = {"change": change(**changes)}
        return self._send("propose_config", "authority", signer, arguments)

    def apply(self, signer: Keypair | None = None) -> Done:
        return self._send("apply_config", "authority", signer)

    def cancel(self, signer: Keypair | None = None) -> Done:
        return self._send("cancel_config", "authority", signer)

    def offer(self, to: Pubkey, signer: Keypair | None = None) -> Done:
        return self._send("transfer_authority", "authority", signer, {"new_authority": to})

    def accept(self, signer: Keypair) -> Done:
        return self._send("accept_authority", "new_authority", signer)

    def pause(self, families: int, seconds: int, signer: Keypair | None = None) -> Done:
        arguments = {"families": families, "seconds": seconds}
        return self._send("pause", "guardian", signer, arguments)

    def unpause(self, families: int, signer: Keypair | None = None) -> Done:
        return self._send("unpause", "guardian", signer, {"families": families})


@dataclass
class Treasury:
    """The treasury of a world, and the instructions on it."""

    world: World
    signers: list[Wallet] = field(default_factory=list)

    @property
    def state(self) -> dict[str, Any]:
        return self.world.read("Treasury", TREASURY)

    @staticmethod
    def address(index: int) -> Pubkey:
        """Address of a proposal."""
        return pda(b"treasury", struct.pack("<Q", index))

    def proposal(self, index: int) -> dict[str, Any]:
        return self.world.read("TreasuryProposal", self.address(index))

    def fund(self, amount: int) -> None:
        """Puts tokens into the vault."""
        self.world.donate(self.world.treasury_vault, amount)

    @property
    def held(self) -> int:
        """What the vault holds."""
        return self.world.amount(self.world.treasury_vault)

    def _send(
        self, name: str, signer: Wallet, accounts: dict[str, Any], arguments: dict[str, Any]
    ) -> Done:
        return self.world.send(
            self.world.instruction(name, {"treasury": TREASURY, **accounts}, arguments),
            signers=(signer.keypair,),
        )

    def propose(self, action: dict[str, Any], by: Wallet | None = None, **accounts: Pubkey) -> Done:
        (fields,) = action.values()
        proposer = by or self.signers[0]
        given = {
            "proposer": proposer.key,
            "proposal": self.address(self.state["proposal_count"]),
            "destination": fields.get("destination", PROGRAM_ID),
        }
        return self._send("propose_treasury", proposer, {**given, **accounts}, {"action": action})

    def approve(self, index: int, *by: Wallet) -> Done:
        """Some signers approve, each in a transaction."""
        for signer in by:
            accounts = {"signer": signer.key, "proposal": self.address(index)}
            done = self._send("approve_treasury", signer, accounts, {})
        return done

    def execute(self, index: int, by: Wallet | None = None, **accounts: Pubkey) -> Done:
        signer = by or self.signers[0]
        (fields,) = self.proposal(index)["action"].values()
        given = {
            "signer": signer.key,
            "proposal": self.address(index),
            "destination": fields.get("destination", PROGRAM_ID),
        }
        return self._send("execute_treasury", signer, {**given, **accounts}, {})

    def cancel(self, index: int, by: Wallet | None = None) -> Done:
        proposer = by or self.signers[0]
        accounts = {"proposer": proposer.key, "proposal": self.address(index)}
        return self._send("cancel_treasury", proposer, accounts, {})

    def cleanup(self, index: int, **accounts: Pubkey) -> Done:
        """Closes a proposal; the world's authority, who has no part in it, sends it."""
        held = self.world.data(self.address(index))
        given = {
            "proposal": self.address(index),
            "proposer": self.proposal(index)["proposer"] if held else self.signers[0].key,
        }
        instruction = self.world.instruction("cleanup_treasury", {**given, **accounts})
        return self.world.send(instruction)


def spend(amount: int, destination: Pubkey) -> dict[str, Any]:
    """The action of paying out of the vault."""
    return {"Spend": {"amount": amount, "destination": destination}}


def mint(amount: int, destination: Pubkey) -> dict[str, Any]:
    """The action of minting."""
    return {"Mint": {"amount": amount, "destination": destination}}


def set_signers(signers: list[Wallet], threshold: int) -> dict[str, Any]:
    """The action of replacing the signers."""
    keys = [signer.key for signer in signers]
    return {"SetSigners": {"signers": keys, "threshold": threshold}}


def treasury_world(token_program: Pubkey, signers: int = 3, threshold: int = 2) -> Treasury:
    """A world whose treasury has wallets for signers and holds 50,000 base units."""
    world = World(token_program)
    wallets = [world.wallet() for _ in range(signers)]
    keys = [wallet.key for wallet in wallets]
    world.initialize(treasury_signers=keys, treasury_threshold=threshold)
    made = Treasury(world, wallets)
    made.fund(50_000)
    return made


def give_mint_to(world: World, authority: Pubkey | None) -> None:
    """Makes somebody the authority of the stake mint, or nobody."""
    data = bytearray(world.data(world.mint))
    data[:36] = struct.pack("<I32s", authority is not None, bytes(authority or bytes(32)))
    world.put(world.mint, bytes(data), world.token_program)


def set_token_state(world: World, token: Pubkey, state: int) -> None:
    """Sets whether a token account is initialized (1) or frozen (2)."""
    data = bytearray(world.data(token))
    data[108] = state
    world.put(token, bytes(data), world.token_program)
