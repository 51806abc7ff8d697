"""The rules: pure functions from facts to findings, each with a name, a measure and a limit.

The first three say that something is wrong; the others that something is unusual and that a
person should look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from solders.pubkey import Pubkey

from choir.ids import next_head
from choir_indexer.monitors.facts import Act, Pending, ThreadFacts, Vault

__all__ = [
    "RULES",
    "Finding",
    "Limits",
    "approval_stalls",
    "consistency",
    "drains",
    "near_expiry",
    "one_payer",
    "spec_floods",
    "token_flow",
    "vaults",
]

RULES = (
    "token_flow",
    "vaults",
    "consistency",
    "drain",
    "spec_flood",
    "approval_stall",
    "one_payer",
    "near_expiry",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a rule speaks.

    Attributes:
        short_units: base units that a vault may hold less than its thread owes.
        drain_percent: of a thread's largest stake in the window, taken out of it.
        floods: specs submitted to one thread in the window.
        wallets: wallets that one other wallet pays for in the window.
        stall_s: seconds that a spec may wait for a first decision.
        near_s: seconds before its window ends at which a spec that waits is spoken of.
    """

    short_units: int = 0
    drain_percent: int = 80
    floods: int = 20
    wallets: int = 10
    stall_s: int = 3 * 86_400
    near_s: int = 6 * 3_600


@dataclass(frozen=True, slots=True)
class Finding:
    """That a rule speaks of `subject` (an address): the `measure` that passed the `limit`."""

    rule: str
    subject: str
    detail: str
    measure: int
    limit: int


def token_flow(thread: ThreadFacts) -> Iterator[Finding]:
    """The amounts that events give before and after each move follow from each other, and end
    at what the thread's account says: nothing moved that no event tells of."""
    balance: int | None = None
    claimable: int | None = None
    wrong: list[str] = []
    off = 0

    def expect(what: str, is_now: int, should: int | None) -> None:
        nonlocal off
        if should is not None and is_now != should:
            wrong.append(f"{what} is {is_now}, events make it {should}")
            off = max(off, abs(is_now - should))

    for kind, told in thread.money:
        if kind == "ThreadCreated":
            expect("the first balance", told["balance_after"], told["deposit"])
            balance, claimable = told["balance_after"], 0
        elif kind == "RewardClaimed":
            expect("claimable", told["total_claimable_before"], claimable)
            claimable = told["total_claimable_after"]
            expect(
                "claimable after a claim",
                claimable,
                told["total_claimable_before"] - told["amount"],
            )
        elif kind == "ThreadClosed":
            expect("the balance at the end", told["balance_before"], balance)
            expect("claimable at the end", told["claimable_before"], claimable)
            balance, claimable = 0, 0
        else:
            expect(f"the balance before {kind}", told["balance_before"], balance)
            balance = told["balance_after"]
            moved = {"Deposited": 1, "Divested": -1}.get(kind, 0) * told.get("amount", 0)
            if kind == "SpecSettled":
                moved = told["to_thread"]
                parts = ("to_approvers", "to_thread", "to_treasury", "to_author")
                expect("a settled stake", told["stake"], sum(told[part] for part in parts))
                if claimable is not None:
                    claimable += told["to_approvers"]
            expect(f"the balance after {kind}", balance, told["balance_before"] + moved)
    expect("the balance", thread.balance, balance)
    expect("claimable", thread.total_claimable, claimable)
    if wrong:
        yield _of(thread.pubkey, "token_flow", "; ".join(wrong[:3]), off, 0)


def vaults(pair: Vault, limits: Limits) -> Iterator[Finding]:
    """A vault holds what its thread's stakes and rewards come to."""
    short = pair.owed - pair.held
    if short > limits.short_units:
        said = f"owes {pair.owed}, holds {pair.held}"
        yield _of(pair.thread, "vaults", said, short, limits.short_units)


def consistency(thread: ThreadFacts) -> Iterator[Finding]:
    """What a thread's account sums up is what its positions, specs and messages come to."""
    compared = [
        ("total_shares", thread.total_shares, sum(each.shares for each in thread.shares)),
        ("total_claimable", thread.total_claimable, sum(each.owed for each in thread.shares)),
        ("pending_specs", thread.pending_specs, thread.pending),
        ("message_count", thread.message_count, thread.messages),
    ]
    wrong = [
        f"{name} is {there}, its parts make {made}" for name, there, made in compared
        if there != made
    ]  # fmt: skip
    off = max((abs(there - made) for _, there, made in compared), default=0)
    broken = _broken_at(thread)
    if broken is not None:
        wrong.append(f"the hash chain breaks at message {broken}")
        off = max(off, 1)
    if wrong:
        yield _of(thread.pubkey, "consistency", "; ".join(wrong), off, 0)


def _broken_at(thread: ThreadFacts) -> int | None:
    """The message after which the hash chain does not go on as it should."""
    for number, link in enumerate(thread.tail):
        last = number + 1 == len(thread.tail)
        follows = thread.head if last else thread.tail[number + 1].previous_head
        author = Pubkey.from_bytes(link.author)
        if next_head(link.previous_head, link.index, author, link.content_hash) != follows:
            return link.index
    return None


def drains(acts: Iterable[Act], limits: Limits) -> Iterator[Finding]:
    """Much of a thread's stake leaves it within the window."""
    most: dict[bytes, int] = defaultdict(int)
    out: dict[bytes, int] = defaultdict(int)
    for act in acts:
        for name in ("balance_before", "balance_after"):
            most[act.thread] = max(most[act.thread], act.payload.get(name, 0))
        if act.kind == "Divested":
            out[act.thread] += act.payload["amount"]
    for thread, amount in out.items():
        percent = amount * 100 // max(most[thread], 1)
        if percent >= limits.drain_percent:
            said = f"{amount} of {most[thread]} taken out"
            yield _of(thread, "drain", said, percent, limits.drain_percent)


def spec_floods(acts: Iterable[Act], limits: Limits) -> Iterator[Finding]:
    """Many specs are submitted to one thread within the window."""
    count: dict[bytes, int] = defaultdict(int)
    for act in acts:
        if act.kind == "SpecSubmitted":
            count[act.thread] += 1
    for thread, specs in count.items():
        if specs >= limits.floods:
            yield _of(thread, "spec_flood", f"{specs} specs submitted", specs, limits.floods)


def one_payer(acts: Iterable[Act], limits: Limits) -> Iterator[Finding]:
    """One wallet pays for what many others do: perhaps one actor behind them all."""
    paid: dict[bytes, set[str]] = defaultdict(set)
    for act in acts:
        if act.fee_payer is None or act.actor is None:
            continue
        if act.actor != str(Pubkey.from_bytes(act.fee_payer)):
            paid[act.fee_payer].add(act.actor)
    for payer, wallets in paid.items():
        if len(wallets) >= limits.wallets:
            said = f"pays for {len(wallets)} other wallets"
            yield _of(payer, "one_payer", said, len(wallets), limits.wallets)


def approval_stalls(specs: Iterable[Pending], now: int, limits: Limits) -> Iterator[Finding]:
    """Specs of a thread wait long for a first decision."""
    waiting: dict[bytes, list[int]] = defaultdict(list)
    for spec in specs:
        if not spec.decided and now - spec.submitted_at >= limits.stall_s:
            waiting[spec.thread].append(now - spec.submitted_at)
    for thread, ages in waiting.items():
        said = f"{len(ages)} specs wait for a first decision"
        yield _of(thread, "approval_stall", said, max(ages), limits.stall_s)


def near_expiry(specs: Iterable[Pending], now: int, limits: Limits) -> Iterator[Finding]:
    """A spec waits near the end of its window, or past it."""
    for spec in specs:
        left = spec.expires_at - now
        if left <= limits.near_s:
            said = f"expires in {left} s" if left > 0 else f"expired {-left} s ago, not settled"
            yield _of(spec.pubkey, "near_expiry", said, left, limits.near_s)


def _of(subject: bytes, rule: str, detail: str, measure: int, limit: int) -> Finding:
    return Finding(rule, str(Pubkey.from_bytes(subject)), detail, measure, limit)
