"""`getProgramAccounts` of any size, read piece by piece: the slot first, then account by account.

The answer is one JSON text. Its list is cut where one account ends and the next begins, and each
cut is proven by parsing what lies before it; what cannot be cut that way is kept until it can. So
a node that writes its JSON otherwise costs memory, never correctness: with blanks between the
accounts, or with the context after the value, the answer is held whole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from math import inf
from typing import Any, Final, TypeAlias

import orjson
from solders.pubkey import Pubkey

from choir.errors import RpcError
from choir.rpc import account_from_json
from choir_indexer.model import AccountUpdate

__all__ = ["Listed", "listed", "updates_of"]

Listed: TypeAlias = tuple[int, Sequence[Mapping[str, Any]]]

_VALUE: Final = re.compile(rb'"value"\s*:\s*\[')  # a quote inside a JSON string has a \ before it
_BETWEEN: Final = b"},{"
STRETCH: Final = 32  # accounts read in one go


async def listed(pieces: AsyncIterator[bytes], *, part_bytes: int) -> AsyncGenerator[Listed, None]:
    """The slot of the answer with some of its accounts (their JSON), until all have been given.

    Gives at least one, the last of which may be without accounts. What comes before the last is
    only true if it comes: an answer that breaks off raises.

    Args:
        pieces: the bytes of the answer as they arrive.
        part_bytes: how much to read before looking for a place to cut.

    Raises:
        RpcError: the answer is not a list of accounts in a context, or not a whole one.
    """
    head: bytes | None = None
    slot = 0
    rest = bytearray()
    enough: float = part_bytes
    async for piece in pieces:
        rest += piece
        if head is None:
            found = _VALUE.search(rest)
            if found is None:
                continue
            head = bytes(rest[: found.end()])
            del rest[: found.end()]
            early = _slot_before(head)
            if early is None:
                enough = inf
            else:
                slot = early
        if len(rest) < enough:
            continue
        cut = rest.rfind(_BETWEEN)
        items = _list(bytes(rest[: cut + 1])) if cut >= 0 else None
        if items is None:
            enough = 2 * len(rest)  # what cannot be cut is not searched again and again
            continue
        enough = part_bytes
        del rest[: cut + 2]
        yield slot, items
    yield _whole((head or b"") + rest)


async def updates_of(
    items: Sequence[Mapping[str, Any]], slot: int, version: int
) -> list[AccountUpdate]:
    """Listed accounts; others have their turn while they are read. Raises as `_update`."""
    updates: list[AccountUpdate] = []
    for start in range(0, len(items), STRETCH):
        updates += [_update(item, slot, version) for item in items[start : start + STRETCH]]
        await asyncio.sleep(0)
    return updates


def _update(item: Mapping[str, Any], slot: int, version: int) -> AccountUpdate:
    """A listed account. Raises RpcError, KeyError, TypeError, ValueError."""
    account = account_from_json(item["account"])
    pubkey = bytes(Pubkey.from_string(item["pubkey"]))
    return AccountUpdate(
        pubkey, slot, version, account.data, account.lamports, bytes(account.owner)
    )


def _slot_before(head: bytes) -> int | None:
    """The slot that an answer names before its list, None if it does not."""
    try:
        return _slot(orjson.loads(head + b"]}}"))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def _list(items: bytes) -> list[Mapping[str, Any]] | None:
    """The accounts of a text that begins and ends with one, None when it is not such a text."""
    try:
        found = orjson.loads(b"[%b]" % items)
    except orjson.JSONDecodeError:
        return None
    return found  # type: ignore[no-any-return]  # between brackets there is a list


def _whole(text: bytes) -> tuple[int, list[Mapping[str, Any]]]:
    """What is left of an answer, as if nothing had been cut out of it."""
    try:
        answer = orjson.loads(text)
        slot, value = _slot(answer), answer["result"]["value"]
    except orjson.JSONDecodeError:
        begins = text[:80].decode("utf-8", "replace")
        raise RpcError(f"it breaks off, or is no JSON: {begins!r}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise RpcError(f"it has no slot or no value: {error!r}") from error
    if not isinstance(value, list):
        raise RpcError(f"{type(value).__name__} where a list was due")
    return slot, value


def _slot(answer: Any) -> int:
    return int(answer["result"]["context"]["slot"])
