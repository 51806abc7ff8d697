"""The accounts by key, by owner and by slot.

LiteSVM keeps the newest state only and cannot be listed, so the index is what
`getProgramAccounts`, reads at an older commitment and going back a few slots rest on. Versions
newer than the root are kept one per slot; rooting a slot folds its versions into one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from solders.pubkey import Pubkey

from choir.localnet.model import AccountState, AccountUpdate


class Version(NamedTuple):
    """An account's state at the end of `slot` (None: it does not exist)."""

    slot: int
    write_version: int
    state: AccountState | None


class AccountsIndex:
    """Versioned accounts. Reads take the newest version at or before a slot."""

    def __init__(self) -> None:
        self._versions: dict[Pubkey, list[Version]] = {}
        self._owned: dict[Pubkey, dict[Pubkey, None]] = {}
        self._touched: dict[int, dict[Pubkey, None]] = {}
        self._rooted = 0

    def __len__(self) -> int:
        return len(self._versions)

    def __contains__(self, pubkey: object) -> bool:
        return pubkey in self._versions

    def record(self, update: AccountUpdate) -> None:
        """Take in a write. Slots never go down from one call to the next."""
        pubkey, slot, write_version, state = update
        versions = self._versions.get(pubkey)
        version = Version(slot, write_version, state)
        if versions is None:
            self._versions[pubkey] = [version]
        elif versions[-1].slot == slot:
            versions[-1] = version
        else:
            versions.append(version)
        if state is not None:
            self._owned.setdefault(state.owner, {})[pubkey] = None
        self._touched.setdefault(slot, {})[pubkey] = None

    def version(self, pubkey: Pubkey, slot: int | None = None) -> Version | None:
        """The newest version, or the newest at or before `slot`, the root at the earliest."""
        versions = self._versions.get(pubkey)
        if not versions:
            return None
        if slot is None:
            return versions[-1]
        slot = max(slot, self._rooted)
        for version in reversed(versions):
            if version.slot <= slot:
                return version
        return None

    def get(self, pubkey: Pubkey, slot: int | None = None) -> AccountState | None:
        """The account's state, None when it does not exist."""
        version = self.version(pubkey, slot)
        return None if version is None else version.state

    def owned_by(
        self, owner: Pubkey, slot: int | None = None
    ) -> Iterator[tuple[Pubkey, AccountState]]:
        """Every account that `owner` owned at `slot`, in the order they were first seen."""
        for pubkey in list(self._owned.get(owner, ())):
            state = self.get(pubkey, slot)
            if state is not None and state.owner == owner:
                yield pubkey, state

    def all(self, slot: int | None = None) -> Iterator[tuple[Pubkey, AccountState]]:
        """Every account that exists at `slot`."""
        for pubkey in list(self._versions):
            state = self.get(pubkey, slot)
            if state is not None:
                yield pubkey, state

    def touched(self, slot: int) -> list[AccountUpdate]:
        """The accounts written in `slot`, each with its last state there, in write order."""
        updates = []
        for pubkey in self._touched.get(slot, ()):
            version = self.version(pubkey, slot)
            if version is not None and version.slot == slot:
                updates.append(AccountUpdate(pubkey, *version))
        updates.sort(key=lambda u: u.write_version)
        return updates

    def root(self, slot: int) -> None:
        """Make `slot` final: versions before it can no longer be read."""
        self._rooted = slot
        for touched in sorted(s for s in self._touched if s <= slot):
            for pubkey in self._touched.pop(touched):
                self._fold(pubkey, slot)

    def rollback(self, slot: int) -> list[tuple[Pubkey, AccountState | None]]:
        """Drop every version after `slot`; answers the accounts to put back, with their state."""
        keys: dict[Pubkey, None] = {}
        for touched in [s for s in self._touched if s > slot]:
            keys.update(self._touched.pop(touched))
        restored: list[tuple[Pubkey, AccountState | None]] = []
        for pubkey in keys:
            versions = self._versions[pubkey]
            kept = [v for v in versions if v.slot <= slot]
            self._replace(pubkey, versions[len(kept) :], kept)
            restored.append((pubkey, kept[-1].state if kept else None))
        return restored

    def _fold(self, pubkey: Pubkey, root: int) -> None:
        versions = self._versions.get(pubkey)
        if not versions or versions[0].slot > root:
            return
        keep = 0
        while keep + 1 < len(versions) and versions[keep + 1].slot <= root:
            keep += 1
        if versions[keep].state is None:
            keep += 1
        if keep:
            self._replace(pubkey, versions[:keep], versions[keep:])

    def _replace(self, pubkey: Pubkey, dropped: list[Version], kept: list[Version]) -> None:
        if kept:
            self._versions[pubkey] = kept
        else:
            del self._versions[pubkey]
        still = {v.state.owner for v in kept if v.state is not None}
        for owner in {v.state.owner for v in dropped if v.state is not None} - still:
            keys = self._owned.get(owner)
            if keys is not None:
                keys.pop(pubkey, None)
                if not keys:
                    del self._owned[owner]
