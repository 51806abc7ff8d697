"""The scenes, in order. Amounts are base units of the stake mint."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

from choir.ids import content_hash, thread_pda, vault_pda
from choir.money import settle
from choir.sdk import ApiError, Built, Delta, Update
from choir.spaces.client import ResonanceClient
from choir.spaces.models import Telemetry
from choir.story.stage import PATIENCE_S, Stage, StoryBroken, expect

FIRST = "How should a library of voices decide what to keep?"
SPEC = "Let every co-author decide once, and let the stake of a refused message stay with them."
QUESTION = "who gets the deposit when a contribution is rejected"
SECOND = "Count the votes of the loudest twice."
PRIMES = [2, 3, 5, 7, 11, 13]
NUDGE = 0.25  # radians
NUDGES = 2  # of each of the two
LONGEST_WAIT_S = 15


async def tell_story(stage: Stage) -> None:
    """Play every scene. Raises StoryBroken at the first step that is not what it should be."""
    watching = asyncio.create_task(stage.watch())
    try:
        before = await _holdings(stage)
        await _open_thread(stage)
        await _stake_and_approve(stage)
        await _find(stage)
        await _reward(stage)
        await _split(stage)
        await _divest(stage)
        await _nothing_lost(stage, before)
        await _share_a_space(stage)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _open_thread(stage: Stage) -> None:
    deposit = 2 * stage.config.params.min_thread_balance
    async with stage.step("opener", "opens a thread with a deposit and a first message") as came:
        await stage.do(
            stage.opener,
            stage.opener.create_thread(stage.thread_id, deposit=deposit, initial_message=FIRST),
        )
        thread = await stage.watcher.thread(stage.thread_id)
        expect("the balance", thread.balance, deposit)
        expect("the number of messages", thread.message_count, 1)
        came.append(f"balance {stage.shown(thread.balance)}")
    async with stage.step("watcher", "subscribes to it over the socket") as came:
        snapshot = await stage.socket.subscribe(stage.thread_id)
        expect("the snapshot's first message", snapshot.messages[0].content.text, FIRST)
        came.append(f"snapshot at position ({snapshot.epoch}, {snapshot.seq})")


async def _stake_and_approve(stage: Stage) -> None:
    stake = 2 * stage.config.params.min_stake
    author = stage.author.wallet.pubkey
    spec = content_hash(SPEC)
    async with stage.step("author", "tries content that does not match its hash") as came:
        wrong = stage.author.submit_message(
            stage.thread_id, SPEC, stake=stake, content_hash=content_hash("something else")
        )
        came.append(_said(await stage.refused(wrong, "content_hash_mismatch")))
    async with stage.step("author", "tries a stake below the minimum") as came:
        low = stage.author.submit_message(stage.thread_id, SPEC, stake=1)
        came.append(_said(await stage.refused(low, "stake_below_minimum")))
    async with stage.step("author", f"submits a spec with a stake of {stage.shown(stake)}") as came:
        await stage.do(
            stage.author, stage.author.submit_message(stage.thread_id, SPEC, stake=stake)
        )
        [pending] = (await stage.opener.specs(stage.thread_id, status="pending")).items
        expect("the stake in escrow", pending.stake, stake)
        came.append("in escrow, window of 7 days")
    async with stage.step("opener", "approves it; the author joins") as came:
        await stage.do(
            stage.opener,
            stage.opener.decide(stage.thread_id, author=author, content_hash=spec, approve=True),
        )
        thread = await stage.watcher.thread(stage.thread_id)
        expect("the co-authors", thread.co_authors, (stage.opener.wallet.pubkey, author))
        came.append(f"{len(thread.co_authors)} co-authors, author epoch {thread.author_epoch}")
    async with stage.step("watcher", "sees the message arrive over the socket") as came:
        arrived = await stage.arrival("the message", _is_message(spec))
        assert isinstance(arrived, Delta)
        assert arrived.content is not None
        expect("its text", arrived.content.text, SPEC)
        came.append(f"position ({arrived.epoch}, {arrived.seq})")


async def _find(stage: Stage) -> None:
    async with stage.step("watcher", f"searches: {QUESTION}") as came:
        page = await stage.eventually(
            "the message among the results",
            lambda: stage.watcher.search(QUESTION, thread=stage.thread_id),
            lambda page: any(hit.content.text == SPEC for hit in page.items),
        )
        expect("the best result", page.items[0].content.text, SPEC)
        came.append(f"found first of {len(page.items)}, score {page.items[0].score:.3f}")


async def _reward(stage: Stage) -> None:
    stake = 2 * stage.config.params.min_stake
    async with stage.step("opener", "claims the reward for approving") as came:
        held = await stage.tokens_of(stage.opener.wallet)
        await stage.do(stage.opener, stage.opener.claim(stage.thread_id))
        gained = await stage.tokens_of(stage.opener.wallet) - held
        expect("the reward", gained, stake)
        came.append(f"{stage.shown(gained)} paid out")


async def _split(stage: Stage) -> None:
    stake = stage.config.params.min_stake
    author = stage.watcher.wallet.pubkey
    spec = content_hash(SECOND)
    shares = settle(stake, 1, 1)
    async with stage.step("watcher", f"submits one too, stake {stage.shown(stake)}") as came:
        await stage.do(
            stage.watcher, stage.watcher.submit_message(stage.thread_id, SECOND, stake=stake)
        )
        came.append("in escrow")
    async with stage.step("opener", "approves it, and tries to decide a second time") as came:
        before = await stage.watcher.thread(stage.thread_id)
        treasury = await stage.tokens_at(stage.config.treasury_vault)
        await stage.do(
            stage.opener,
            stage.opener.decide(stage.thread_id, author=author, content_hash=spec, approve=True),
        )
        again = stage.opener.decide(
            stage.thread_id, author=author, content_hash=spec, approve=False
        )
        came.append(_said(await stage.refused(again, "already_decided")))
    async with stage.step("author", "denies it: the stake is split") as came:
        await stage.do(
            stage.author,
            stage.author.decide(stage.thread_id, author=author, content_hash=spec, approve=False),
        )
        after = await stage.watcher.thread(stage.thread_id)
        expect("the thread's part", after.balance - before.balance, shares.to_thread)
        gained = await stage.tokens_at(stage.config.treasury_vault) - treasury
        if gained < shares.to_treasury:  # other runs may pay into the same treasury
            raise StoryBroken(f"the treasury gained {gained}, not {shares.to_treasury}")
        came.append(
            f"{stage.shown(shares.to_thread)} to the thread, "
            f"{stage.shown(shares.to_treasury)} to the treasury"
        )


async def _divest(stage: Stage) -> None:
    amount = stage.config.params.min_thread_balance
    async with stage.step("author", f"deposits {stage.shown(amount)}") as came:
        await stage.do(stage.author, stage.author.deposit(stage.thread_id, amount))
        position = await stage.watcher.position(stage.thread_id, stage.author.wallet.pubkey)
        assert position is not None
        came.append(f"{position.shares} shares")
    if stage.config.params.divest_cooldown > LONGEST_WAIT_S:
        return
    async with stage.step("author", "tries to take it out at once") as came:
        early = stage.author.divest(stage.thread_id, amount)
        refusal = await stage.refused(early, "divest_cooldown")
        came.append(_said(refusal))
    async with stage.step("author", "waits for the cooldown and divests") as came:
        out = amount // 2
        held = await stage.tokens_of(stage.author.wallet)
        built = await stage.eventually(
            "the end of the cooldown",
            lambda: _unless_refused(stage, out),
            lambda built: built is not None,
        )
        assert built is not None
        await stage.author.mirrored(await stage.author.submit(built))
        gained = await stage.tokens_of(stage.author.wallet) - held
        expect("what came out", gained, out)
        came.append(f"{stage.shown(gained)} back in the wallet")


async def _nothing_lost(stage: Stage, before: int) -> None:
    async with stage.step("everybody", "counts: nothing was made or lost") as came:
        wallets = await _holdings(stage)
        vault = await stage.tokens_at(vault_pda(thread_pda(stage.thread_id)))
        treasury = settle(stage.config.params.min_stake, 1, 1).to_treasury
        expect("the sum of wallets, vault and treasury", wallets + vault + treasury, before)
        thread = await stage.watcher.thread(stage.thread_id)
        expect("the vault", vault, thread.balance + thread.total_claimable)
        came.append(
            f"{stage.shown(wallets)} in wallets, {stage.shown(vault)} in the vault, "
            f"{stage.shown(treasury)} in the treasury"
        )


async def _share_a_space(stage: Stage) -> None:
    async with (
        ResonanceClient(token=stage.opener.access_token, base_url=stage.opener.url) as opener,
        ResonanceClient(token=stage.author.access_token, base_url=stage.author.url) as author,
    ):
        async with stage.step("opener", "makes a space and lets the author in") as came:
            space = await opener.spaces.create({"name": stage.name, "basis": {"primes": PRIMES}})
            await opener.spaces.put_member(space.id, str(stage.author.wallet.pubkey), "writer")
            came.append(f"{len(PRIMES)} phases, epoch {space.epoch}, version {space.version}")
        async with (
            await opener.sessions.open(space.id) as one,
            await author.sessions.open(space.id) as other,
        ):
            async with stage.step("opener and author", "nudge the same phase at once") as came:
                heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()

                def hear(telemetry: Telemetry) -> None:
                    if not heard.done():
                        heard.set_result(telemetry.coherence)

                one.on("telemetry", hear)
                start = one.phases[3]
                await asyncio.gather(
                    *(member.shift_phase(3, NUDGE) for member in (one, other) * NUDGES)
                )
                version = max(one.version, other.version)
                await asyncio.gather(one.reached(version), other.reached(version))
                expect("the other's replica", other.digest, one.digest)
                turned = (one.phases[3] - start) % math.tau
                if not math.isclose(turned, 2 * NUDGES * NUDGE, abs_tol=1e-12):
                    raise StoryBroken(f"the phase turned by {turned}, not {2 * NUDGES * NUDGE}")
                came.append(f"both at version {version}, same bits")
            async with stage.step("opener", "hears the space's telemetry") as came:
                async with asyncio.timeout(PATIENCE_S):
                    coherence = await heard
                came.append(f"coherence {coherence:.3f}")


async def _holdings(stage: Stage) -> int:
    wallets = (stage.opener.wallet, stage.author.wallet, stage.watcher.wallet)
    return sum([await stage.tokens_of(wallet) for wallet in wallets])


async def _unless_refused(stage: Stage, amount: int) -> Built | None:
    try:
        return await stage.author.divest(stage.thread_id, amount)
    except ApiError as error:
        if error.code != "divest_cooldown":
            raise
        return None


def _is_message(content: bytes) -> Callable[[Update], bool]:
    def wanted(update: Update) -> bool:
        return (
            isinstance(update, Delta)
            and update.event == "NewMessage"
            and update.content is not None
            and update.content.content_hash == content
        )

    return wanted


def _said(refusal: ApiError) -> str:
    return f"refused ({refusal.status}): {refusal}"
