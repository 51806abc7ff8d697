"""Every verb and its refusals, on the real program."""

import asyncio
import json
from inspect import iscoroutinefunction

import pytest
from anchorpy import Context, Idl, Program, Provider, Wallet
from anchorpy.error import ProgramError
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.pubkey import Pubkey
from tests.choir.chain import DAY, PARAMS

from choir import events, ids
from choir import program_errors as refused
from choir.accounts import Decision, PrivacyLevel, SpecStatus, claimable_now, decision_of
from choir.client import ChoirClient, InstructionClient, UnsignedClient
from choir.errors import AnchorError, NotFound, TransactionFailed, WalletError
from choir.idl import load_idl, to_legacy
from choir.ids import content_hash
from choir.instructions import create_thread, post_message
from choir.testing import FakeRpc
from choir.tokens import create_associated_token_account
from choir.wallet import KeypairSigner, sign_message

HASH = content_hash("a thought")


def test_every_instruction_of_the_program_is_a_verb_of_every_client():
    names = {instruction["name"] for instruction in load_idl()["instructions"]}
    assert len(names) == 29
    for client in (ChoirClient, UnsignedClient, InstructionClient):
        assert {name for name in names if not iscoroutinefunction(getattr(client, name))} == set()


async def test_the_whole_story_from_thread_to_divestment(world):
    alice, bob = await world.person(), await world.person()
    receipt = await alice.create_thread("gardening", deposit=50_000)
    (created,) = await alice.events(receipt.signature)
    thread = await alice.thread("gardening")
    assert isinstance(created, events.ThreadCreated)
    assert (created.thread_id, created.creator) == ("gardening", alice.wallet)
    assert created.head == thread.head == ids.genesis_head("gardening")
    assert (thread.balance, thread.co_authors) == (50_000, (alice.wallet,))
    assert await alice.token_balance(alice.wallet) == 950_000

    await bob.submit_spec("gardening", HASH, stake=7_001)
    (spec,) = await bob.pending_specs("gardening")
    assert (spec.author, spec.stake, spec.expires_at - spec.submitted_at) == (
        bob.wallet,
        7_001,
        PARAMS.approval_window,
    )
    receipt = await alice.approve("gardening", bob.wallet, HASH)
    kinds = [type(event).__name__ for event in await alice.events(receipt.signature)]
    assert set(kinds) == {"SpecDecided", "SpecSettled", "AuthorJoined", "MessagePosted"}
    thread = await alice.thread("gardening")
    assert thread.co_authors == (alice.wallet, bob.wallet)
    assert (await alice.spec("gardening", bob.wallet, HASH)).status is SpecStatus.APPROVED
    (message,) = await alice.messages("gardening")
    assert (message.author, message.content_hash) == (bob.wallet, HASH)
    assert thread.head == ids.next_head(ids.genesis_head("gardening"), 0, bob.wallet, HASH)

    position = await alice.position("gardening", alice.wallet)
    assert claimable_now(thread, position) == 7_001
    await alice.claim("gardening")
    assert await alice.token_balance(alice.wallet) == 957_001
    with pytest.raises(refused.NothingToClaim):
        await alice.claim("gardening")

    await bob.deposit("gardening", 20_000)
    await bob.post_message("gardening", content_hash("another"))
    assert len(await bob.messages("gardening")) == 2
    await world.pass_time(DAY + 1)
    await alice.divest("gardening", 15_000)
    assert await alice.token_balance(alice.wallet) == 972_001
    assert (await alice.thread("gardening")).balance == 55_000
    assert [t.thread_id for t in await alice.threads_of(bob.wallet)] == ["gardening"]
    assert len(await alice.positions("gardening")) == 2


async def test_denials_and_splits_settle_as_the_formulas_say(world):
    alice, bob, carol = [await world.person() for _ in range(3)]
    await alice.create_thread("t", deposit=10_000)
    await bob.submit_spec("t", HASH, stake=2_000)
    await alice.deny("t", bob.wallet, HASH)
    assert (await alice.spec("t", bob.wallet, HASH)).status is SpecStatus.DENIED
    assert (await alice.thread("t")).balance == 12_000

    await bob.submit_spec("t", content_hash("again"), stake=2_000)
    await alice.approve("t", bob.wallet, content_hash("again"))
    await carol.submit_spec("t", HASH, stake=2_001)
    await alice.approve("t", carol.wallet, HASH)
    thread, spec = await alice.thread("t"), await alice.spec("t", carol.wallet, HASH)
    assert decision_of(thread, spec, alice.wallet) is Decision.APPROVE
    assert decision_of(thread, spec, bob.wallet) is None
    with pytest.raises(refused.AlreadyDecided, match="already approved"):
        await alice.deny("t", carol.wallet, HASH)
    receipt = await bob.deny("t", carol.wallet, HASH)
    settled = next(
        e for e in await bob.events(receipt.signature) if isinstance(e, events.SpecSettled)
    )
    assert (settled.outcome, settled.to_treasury, settled.to_thread) == (
        SpecStatus.SPLIT,
        1_000,
        1_001,
    )


async def test_expiry_returns_the_stake_and_says_when_it_is_too_early(world):
    alice, bob, anybody = await world.person(), await world.person(), await world.person(tokens=0)
    await alice.create_thread("t", deposit=10_000)
    await bob.submit_spec("t", HASH, stake=5_000)
    with pytest.raises(refused.SpecWindowOpen, match=r"until \d{4}-\d\d-\d\d .* UTC"):
        await anybody.expire_spec("t", bob.wallet, HASH)
    await world.pass_time(PARAMS.approval_window + 1)
    with pytest.raises(refused.SpecWindowEnded, match="can only be expired"):
        await alice.approve("t", bob.wallet, HASH)
    await anybody.expire_spec("t", bob.wallet, HASH)
    assert await bob.token_balance(bob.wallet) == 1_000_000
    with pytest.raises(refused.SpecNotPending, match="expired at"):
        await anybody.expire_spec("t", bob.wallet, HASH)


async def test_refusals_are_told_before_anything_is_sent(world):
    alice, bob, poor = await world.person(), await world.person(), await world.person(tokens=1_500)
    with pytest.raises(refused.DepositBelowMinimum, match=r"9999 base units.*10000 base units"):
        await alice.create_thread("t", deposit=9_999)
    with pytest.raises(refused.InsufficientFunds, match=str(poor.wallet)):
        await poor.create_thread("t", deposit=10_000)
    with pytest.raises(NotFound, match="no thread with the id 'nowhere'"):
        await bob.submit_spec("nowhere", HASH, stake=5_000)
    await alice.create_thread("t", deposit=10_000)
    sent = len(await world.rpc.get_signatures_for_address(ids.thread_pda("t")))

    refusals = [
        (alice.create_thread("t", deposit=10_000), refused.ThreadAlreadyExists),
        (alice.create_thread("u", deposit=0), refused.AmountZero),
        (bob.submit_spec("t", HASH, stake=999), refused.StakeBelowMinimum),
        (poor.submit_spec("t", HASH, stake=1_501), refused.InsufficientFunds),
        (alice.submit_spec("t", HASH, stake=5_000), refused.CoAuthorCannotSubmit),
        (bob.post_message("t", HASH), refused.NotCoAuthor),
        (bob.deposit("t", 5), refused.NotCoAuthor),
        (alice.deposit("t", 0), refused.AmountZero),
        (alice.divest("t", 1), refused.DivestCooldown),
        (alice.set_privacy("t", PrivacyLevel.PUBLIC), refused.PrivacyUnchanged),
        (bob.set_privacy("t", PrivacyLevel.PREMIUM), refused.NotCoAuthor),
        (alice.approve("t", bob.wallet, HASH), NotFound),
        (bob.claim("t"), NotFound),
        (world.client().claim("t"), WalletError),
    ]
    for attempt, error in refusals:
        with pytest.raises(error):
            await attempt
    assert len(await world.rpc.get_signatures_for_address(ids.thread_pda("t"))) == sent

    await world.pass_time(DAY + 1)
    with pytest.raises(refused.BalanceBelowMinimum, match=r"at most 0 tokens"):
        await alice.divest("t", 1)
    with pytest.raises(refused.InsufficientShares, match=r"at most 0\.01 tokens"):
        await alice.divest("t", 10_001)


async def test_the_program_refuses_what_the_checks_did_not_see(world):
    """The same classes come from the chain, with logs."""
    alice, bob = await world.person(), await world.person()
    await alice.create_thread("t", deposit=10_000)
    thread = ids.thread_pda("t")
    with pytest.raises(AnchorError) as caught:
        await bob.send(
            post_message(
                author=bob.wallet,
                thread=thread,
                content_hash=HASH,
                privacy=PrivacyLevel.PUBLIC,
                message_index=0,
            )
        )
    assert caught.value.name == "AccountNotInitialized"
    assert "position" in str(caught.value)
    with pytest.raises(refused.DepositBelowMinimum) as refusal:
        await alice.send(
            create_thread(creator=alice.wallet, thread_id="u", deposit=1, stake_mint=world.mint)
        )
    assert refusal.value.logs
    assert refusal.value.simulated
    assert str(refusal.value) == refused.DepositBelowMinimum.MESSAGE


async def test_the_message_rate_says_when_the_next_may_be_posted(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    for number in range(3):
        await alice.post_message("t", content_hash(str(number)))
    with pytest.raises(refused.MessageRateExceeded, match="may be posted at"):
        await alice.post_message("t", HASH)
    await world.pass_time(3_600)
    await alice.post_message("t", HASH)


async def test_a_decision_under_an_old_set_of_co_authors_is_refused(world):
    alice, bob, carol = [await world.person() for _ in range(3)]
    await alice.create_thread("t", deposit=10_000)
    epoch = (await alice.thread("t")).author_epoch
    await bob.submit_spec("t", HASH, stake=2_000)
    await carol.submit_spec("t", HASH, stake=2_000)
    await alice.approve("t", bob.wallet, HASH)
    with pytest.raises(refused.StaleAuthorEpoch, match="co-authors have changed"):
        await alice.process_approval("t", carol.wallet, HASH, Decision.DENY, author_epoch=epoch)


async def test_unsigned_transactions_are_for_another_wallet_to_sign(world):
    alice = await world.person()
    stranger = ChoirClient(world.rpc)
    unsigned = await stranger.unsigned(alice.wallet).create_thread("t", deposit=10_000)
    assert unsigned.transaction.signatures[0] == type(unsigned.transaction.signatures[0]).default()
    assert unsigned.blockhash == unsigned.message.recent_blockhash
    assert unsigned.last_valid_block_height > 0
    assert len(unsigned.to_base64()) > 100
    signed = await sign_message(unsigned.message, [alice.signer])
    await stranger.sender.submit(signed, last_valid_block_height=unsigned.last_valid_block_height)
    assert (await stranger.thread("t")).creator == alice.wallet
    with pytest.raises(refused.ThreadAlreadyExists):
        await stranger.unsigned(alice.wallet).create_thread("t", deposit=10_000)


async def test_a_decision_that_becomes_the_last_one_while_it_is_signed_still_settles(world):
    alice, bob, carol = [await world.person() for _ in range(3)]
    await alice.create_thread("t", deposit=10_000)
    await bob.submit_spec("t", HASH, stake=2_000)
    await alice.approve("t", bob.wallet, HASH)
    await carol.submit_spec("t", HASH, stake=2_000)
    first = await alice.unsigned(alice.wallet).approve("t", carol.wallet, HASH)
    await bob.approve("t", carol.wallet, HASH)
    assert (await alice.spec("t", carol.wallet, HASH)).status is SpecStatus.PENDING
    signed = await sign_message(first.message, [alice.signer])
    await alice.sender.submit(signed, last_valid_block_height=first.last_valid_block_height)
    assert (await alice.spec("t", carol.wallet, HASH)).status is SpecStatus.APPROVED
    assert carol.wallet in (await alice.thread("t")).co_authors


async def test_two_co_authors_posting_at_once_both_get_their_index(world):
    alice, bob = await world.person(), await world.person()
    await alice.create_thread("t", deposit=10_000)
    await bob.submit_spec("t", HASH, stake=2_000)
    await alice.approve("t", bob.wallet, HASH)
    async with asyncio.TaskGroup() as group:
        for who in (alice, bob):
            for number in range(2):
                text = content_hash(f"{who.wallet} {number}")
                group.create_task(who.post_message("t", text))
    messages = await alice.messages("t")
    assert [m.index for m in messages] == [0, 1, 2, 3, 4]
    assert len({m.content_hash for m in messages}) == 5


async def test_initialize_is_for_the_upgrade_authority_and_once(bare_world):
    stranger = await bare_world.person()
    with pytest.raises(NotFound, match="not initialized"):
        await stranger.config()
    with pytest.raises(NotFound, match="not initialized"):
        await stranger.create_thread("t", deposit=1)
    with pytest.raises(refused.NotUpgradeAuthority):
        await stranger.initialize(stake_mint=bare_world.mint, params=PARAMS)
    await bare_world.initialize()
    config = await stranger.config()
    assert (config.params, config.stake_mint) == (PARAMS, bare_world.mint)
    assert config.treasury_vault == ids.treasury_vault_pda()
    assert (await stranger.treasury()).signers == (bare_world.authority.pubkey,)
    with pytest.raises(refused.AlreadyInitialized):
        await stranger.initialize(stake_mint=bare_world.mint, params=PARAMS)


async def test_privacy_changes_are_told(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    receipt = await alice.set_privacy("t", PrivacyLevel.ENCRYPTED)
    (changed,) = await alice.events(receipt.signature)
    assert (changed.from_, changed.to) == (PrivacyLevel.PUBLIC, PrivacyLevel.ENCRYPTED)
    assert (await alice.thread("t")).privacy is PrivacyLevel.ENCRYPTED


async def test_a_wallet_without_sol_is_told_so(world):
    alice = await world.person(lamports=0)
    with pytest.raises(TransactionFailed, match=r"needs SOL|enough SOL"):
        await alice.create_thread("t", deposit=10_000)


async def test_threads_are_found_by_address_and_by_awkward_ids(world):
    alice = await world.person()
    for thread_id in ("ĉ" * 32, "a", " ", "🎶"):
        await alice.create_thread(thread_id, deposit=10_000)
        found = await alice.thread(ids.thread_pda(thread_id))
        assert found.thread_id == thread_id
    assert len(await alice.threads()) == 4


async def test_anchorpy_drives_the_program_from_the_converted_idl(world):
    """Real anchorpy, from create_thread to divest, by the IDL and nothing else of ours."""
    alice, bob = await world.person(), await world.person()
    idl = Idl.from_json(json.dumps(to_legacy(load_idl())))
    event_authority = ids.event_authority_pda()
    thread = ids.thread_pda("t")
    stake = await alice.stake()

    async with AsyncClient(world.localnet.rpc_url, Confirmed) as connection:

        def program_of(who):
            return Program(idl, ids.PROGRAM_ID, Provider(connection, Wallet(who.signer.keypair)))

        def accounts(who, **more):
            token = stake.account_of(who.wallet)
            return {
                "config": ids.config_pda(),
                "thread": thread,
                "vault": ids.vault_pda(thread),
                "position": ids.position_pda(thread, who.wallet),
                "stake_mint": world.mint,
                "token_program": stake.token_program,
                "system_program": Pubkey.default(),
                "event_authority": event_authority,
                "program": ids.PROGRAM_ID,
                "owner": who.wallet,
                "creator": who.wallet,
                "author": who.wallet,
                "approver": who.wallet,
                "owner_token": token,
                "creator_token": token,
                "author_token": token,
                **more,
            }

        mine, theirs = program_of(alice), program_of(bob)
        level = mine.type["PrivacyLevel"]
        signature = await mine.rpc["create_thread"](
            "t", 50_000, level.Public(), ctx=Context(accounts=accounts(alice))
        )
        await mine.rpc["deposit"](1_000, 1_000, ctx=Context(accounts=accounts(alice)))
        spec = ids.spec_pda(thread, bob.wallet, HASH)
        escrow = ids.escrow_pda(spec)
        await theirs.rpc["submit_spec"](
            list(HASH),
            2_000,
            level.Public(),
            ctx=Context(accounts=accounts(bob, spec=spec, escrow=escrow)),
        )
        found = await mine.account["Thread"].fetch(thread)
        assert (found.thread_id, found.balance, found.pending_specs) == ("t", 51_000, 1)
        await mine.rpc["process_approval"](
            list(HASH),
            found.author_epoch,
            0,
            mine.type["Decision"].Approve(),
            ctx=Context(
                accounts=accounts(
                    alice,
                    spec=spec,
                    escrow=escrow,
                    approver_position=ids.position_pda(thread, alice.wallet),
                    author_position=ids.position_pda(thread, bob.wallet),
                    treasury_vault=ids.treasury_vault_pda(),
                    message=ids.message_pda(thread, 0),
                )
            ),
        )
        await theirs.rpc["post_message"](
            list(content_hash("b")),
            level.Public(),
            ctx=Context(accounts=accounts(bob, message=ids.message_pda(thread, 1))),
        )
        await theirs.rpc["set_privacy"](level.ThreadOnly(), ctx=Context(accounts=accounts(bob)))
        await mine.rpc["claim"](ctx=Context(accounts=accounts(alice)))
        await world.pass_time(DAY + 1)
        await mine.rpc["divest"](10_000, 2**64 - 1, ctx=Context(accounts=accounts(alice)))

        found = await mine.account["Thread"].fetch(thread)
        assert (found.balance, list(found.co_authors)) == (41_000, [alice.wallet, bob.wallet])
        assert str(found.privacy) == "PrivacyLevel.ThreadOnly()"
        assert await alice.token_balance(alice.wallet) == 1_000_000 - 51_000 + 2_000 + 10_000
        everything = await mine.account["Message"].fetch_multiple(
            [ids.message_pda(thread, 0), ids.message_pda(thread, 1)]
        )
        assert [bytes(m.content_hash) for m in everything] == [HASH, content_hash("b")]

        transaction = await world.rpc.get_transaction(signature)
        (ours,) = events.events_of_transaction(transaction)
        parsed = mine.coder.events.parse(bytes(ours.DISCRIMINATOR) + _event_bytes(transaction)[16:])
        assert (parsed.name, parsed.data.thread_id, parsed.data.deposit) == (
            "ThreadCreated",
            ours.thread_id,
            ours.deposit,
        )
        with pytest.raises(ProgramError, match=refused.InsufficientShares.MESSAGE):
            await theirs.rpc["divest"](1, 2**64 - 1, ctx=Context(accounts=accounts(bob)))


def _event_bytes(transaction):
    import base58

    found = [
        base58.b58decode(ix["data"])
        for group in transaction["meta"]["innerInstructions"]
        for ix in group["instructions"]
    ]
    return next(data for data in found if data.startswith(events.EVENT_INSTRUCTION))


async def test_a_wallet_can_make_its_token_account(world):
    alice = await world.person(tokens=0)
    stake = await alice.stake()
    await alice.send(
        create_associated_token_account(payer=alice.wallet, owner=alice.wallet, mint=stake.mint)
    )
    assert await alice.token_balance(alice.wallet) == 0


async def test_a_client_without_a_wallet_says_so():
    client = ChoirClient(FakeRpc())
    with pytest.raises(WalletError, match="give it a signer"):
        _ = client.wallet
    signer = KeypairSigner.generate()
    assert ChoirClient(FakeRpc(), signer).wallet == signer.pubkey
