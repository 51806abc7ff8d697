"""Positions: what a wallet has in a thread."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from solders.pubkey import Pubkey

from choir_api.fields import Address, Amount
from choir_api.responses import Schema
from choir_api.threads.views import moment
from choir_indexer.store.read import PositionRow


class PositionView(Schema):
    """A wallet's position in a thread as of `slot`. Amounts in base units."""

    address: Address
    thread: Address
    owner: Address
    shares: Amount
    claimable: Amount = Field(description="what may be claimed now")
    last_stake_at: datetime | None = Field(description="of the last deposit or divestment")
    last_action_at: datetime | None
    slot: int


def position_view(row: PositionRow) -> PositionView:
    """The mirror's row as an answer."""
    return PositionView(
        address=Pubkey.from_bytes(row.pubkey),
        thread=Pubkey.from_bytes(row.thread),
        owner=Pubkey.from_bytes(row.owner),
        shares=row.shares,
        claimable=row.claimable,
        last_stake_at=moment(row.last_stake_at) if row.last_stake_at else None,
        last_action_at=moment(row.last_action_at) if row.last_action_at else None,
        slot=row.slot,
    )
