"""Writes the golden vectors: inputs and exact results of every formula of the program.

The results come from fractions and hashlib, not from the formulas they judge. The same files are
run through the program's Rust (``programs/choir/tests/golden.rs``) and the library's Python
(``tests/program/test_golden.py``).

    python -m tests.program.golden.generate
"""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TOP = 2**64 - 1
EDGES = (0, 1, 2, 3, 999, 1_000, 2**32 - 1, 2**32, 2**32 + 1, 2**63, TOP - 1, TOP)
Vector = dict[str, Any]


def _fits(value: int) -> int | None:
    return value if 0 <= value <= TOP else None


def _ratio(a: int, b: int, divisor: int, *, up: bool) -> int | None:
    if divisor == 0:
        return None
    exact = Fraction(a * b, divisor)
    return _fits(math.ceil(exact) if up else math.floor(exact))


def _number(rng: random.Random) -> int:
    return rng.choice(EDGES) if rng.random() < 0.3 else rng.getrandbits(rng.randint(1, 64))


def money_vectors() -> list[Vector]:
    """Shares, ratios and settlements. ``result`` is null where the formula refuses."""
    rng = random.Random(20_261_123)
    vectors: list[Vector] = []
    for _ in range(300):
        a, b, c = _number(rng), _number(rng), _number(rng)
        both = {"down": _ratio(a, b, c, up=False), "up": _ratio(a, b, c, up=True)}
        vectors += [
            {"function": f"mul_div_{way}", "arguments": [a, b, c], "result": result}
            for way, result in both.items()
        ]
        bought = a if c == 0 else _ratio(a, c, b, up=False)
        vectors.append({"function": "shares_for_deposit", "arguments": [a, b, c], "result": bought})
        cost = _ratio(a, c, b, up=True)
        vectors.append({"function": "shares_for_divest", "arguments": [a, b, c], "result": cost})
        coarse = _coarse(a, b, c)
        vectors.append(
            {"function": "deposit_is_too_coarse", "arguments": [a, b, c], "result": coarse}
        )
        worth = 0 if c == 0 else _ratio(a, b, c, up=False)
        vectors.append({"function": "value_of_shares", "arguments": [a, b, c], "result": worth})
    for _ in range(300):
        # near the limit: of a deposit of n shares and a bit, the bit is lost
        price, n = rng.randint(1, 1 << 20), rng.randint(1, 1 << 12)
        shares = rng.randint(1, 1 << 30)
        amount = price * n + max(0, price * n // 999 + rng.randint(-2, 2))
        vectors.append(
            {
                "function": "deposit_is_too_coarse",
                "arguments": [amount, price * shares, shares],
                "result": _coarse(amount, price * shares, shares),
            }
        )
        balance = _number(rng)
        shares = rng.randint(0, balance)
        vectors.append(
            {"function": "rebased_shares", "arguments": [balance, shares], "result": balance}
        )
    for _ in range(300):
        stake, approvals, denials = _number(rng), rng.randint(0, 16), rng.randint(0, 16)
        vectors.append(
            {
                "function": "settle",
                "arguments": [stake, approvals, denials],
                "result": _settle(stake, approvals, denials),
            }
        )
    return vectors


def _coarse(amount: int, balance: int, shares: int) -> bool | None:
    """Whether what buys nothing is over a thousandth of the deposit."""
    if shares == 0:
        return False
    if balance == 0:
        return None
    bought = math.floor(Fraction(amount * shares, balance))
    lost = amount - Fraction(bought * balance, shares)
    return lost * 1_000 > amount


def privacy_vectors() -> list[Vector]:
    """The stricter of two levels, by their numbers."""
    return [
        {"function": "stricter_privacy", "arguments": [a, b], "result": max(a, b)}
        for a in range(4)
        for b in range(4)
    ]


def _settle(stake: int, approvals: int, denials: int) -> list[int] | None:
    if approvals + denials == 0:
        return None
    if denials == 0:
        each = math.floor(Fraction(stake, approvals))
        return [each, each * approvals, stake - each * approvals, 0]
    treasury = math.floor(Fraction(stake * approvals, approvals + denials))
    return [0, 0, stake - treasury, treasury]


def rate_vectors() -> list[Vector]:
    """The hourly window: start, count, now, width, limit → start and count, null when over."""
    rng = random.Random(3_600)
    vectors = []
    for _ in range(200):
        start, count, limit = rng.randint(0, 10_000), rng.randint(0, 5), rng.randint(1, 5)
        now = start + rng.choice((0, 1, 3_599, 3_600, 3_601, rng.randint(0, 10_000)))
        fresh = count == 0 or now >= start + 3_600
        result = [now, 1] if fresh else [start, count + 1] if count < limit else None
        vectors.append(
            {
                "function": "count_message",
                "arguments": [start, count, now, 3_600, limit],
                "result": result,
            }
        )
    return vectors


def chain_vectors() -> list[Vector]:
    """Hash chains of a few threads, hexadecimal."""
    rng = random.Random(64)
    chains = []
    for thread_id in ("a", "a thread", "ünïcödé ∿", "x" * 64):
        id_hash = sha256(thread_id.encode()).digest()
        head = genesis = sha256(b"choir:thread" + id_hash).digest()
        messages = []
        for index in range(4):
            author, content = rng.randbytes(32), rng.randbytes(32)
            head = sha256(head + index.to_bytes(8, "little") + author + content).digest()
            messages.append(
                {"author": author.hex(), "content_hash": content.hex(), "head": head.hex()}
            )
        chains.append(
            {
                "thread_id": thread_id,
                "thread_id_hash": id_hash.hex(),
                "genesis": genesis.hex(),
                "messages": messages,
            }
        )
    return chains


def files() -> dict[Path, str]:
    """What each file holds."""
    made = {
        "money": money_vectors(),
        "privacy": privacy_vectors(),
        "rate": rate_vectors(),
        "chain": chain_vectors(),
    }
    return {
        HERE / f"{name}.json": "[\n"
        + ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
        + "\n]\n"
        for name, vectors in made.items()
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
