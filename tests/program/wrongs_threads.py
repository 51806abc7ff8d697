"""What can be wrong with threads, stakes, messages and specs."""

from __future__ import annotations

from solders.account import Account
from solders.keypair import Keypair
from tests.program.harness import PARAMS, pda, sha256
from tests.program.honest import Call
from tests.program.wrongs import given, wrong

for _id in ("", "x" * 65, "é" * 33):
    given("ThreadIdLength", "create_thread", thread_id=_id)
given("DepositBelowMinimum", "create_thread", deposit=9_999)
given("DepositBelowMinimum", "create_thread", deposit=0)
given("InsufficientFunds", "create_thread", deposit=10**9 + 1)
given("InsufficientFunds", "deposit", amount=2**64 - 1)
given("InsufficientFunds", "submit_spec", stake=10**9 + 1)
given("AmountZero", "deposit", amount=0)
given("AmountZero", "divest", amount=0)
given("StakeBelowMinimum", "submit_spec", stake=999)
given("StakeBelowMinimum", "submit_spec", stake=0)
given("BalanceBelowMinimum", "divest", amount=90_001)
given("BalanceBelowMinimum", "divest", amount=2**64 - 1)
given("SlippageExceeded", "deposit", min_shares=5_001)
given("SlippageExceeded", "divest", max_shares=4_999)
given("PrivacyMismatch", "post_message", privacy="Encrypted")
given("PrivacyMismatch", "submit_spec", privacy="Premium")
given("PrivacyUnchanged", "set_privacy", level="Public")


@wrong("ThreadAlreadyExists", "create_thread")
def an_id_that_is_taken(call: Call) -> None:
    call.send()


@wrong("ThreadAlreadyExists", "create_thread")
def an_id_whose_thread_was_closed(call: Call) -> None:
    call.send()
    stage, thread = call.stage, call.accounts["thread"]
    close = stage.as_author("close_thread", stage.carol)
    close.accounts |= {
        "thread": thread,
        "position": stage.position(stage.carol, thread),
        "vault": pda(b"vault", thread),
        "author_token": stage.carol.token,
        "creator": stage.carol.key,
        "rent_payer": stage.carol.key,
    }
    close.send()


def _dear_shares(call: Call) -> None:
    """Alice and Bob have shares, and each is worth more than 5 units."""
    stage = call.stage
    stage.deposit(stage.bob, 1_000).send()
    stage.deny(stage.carol, 5 * 101_000)


@wrong("DepositBuysNoShare", "deposit")
def less_than_a_share(call: Call) -> None:
    _dear_shares(call)
    call.arguments["amount"] = 5


@wrong("DepositTooCoarse", "deposit")
def not_a_multiple_of_a_share(call: Call) -> None:
    _dear_shares(call)
    call.arguments["amount"] = 11


@wrong("InsufficientShares", "divest")
def more_than_ones_own(call: Call) -> None:
    stage = call.stage
    stage.deposit(stage.bob, 90_000).send()
    call.arguments["amount"] = 100_001


@wrong("SharesBelowMinimum", "divest")
def the_last_share_by_one_who_has_none(call: Call) -> None:
    stage, week = call.stage, 7 * PARAMS["divest_cooldown"]
    thread = stage.open("dear", stage.alice, 10_000)
    stage.join(stage.bob, thread)
    stage.deny(stage.carol, 299_990_000, thread)  # a share is worth 30,000 now
    stage.deposit(stage.bob, 30_000, thread).send()
    stage.world.pass_time(week)
    stage.divest(stage.alice, 300_000_000, thread).send()
    stage.world.pass_time(week)
    last = stage.divest(stage.alice, 1, thread)
    call.accounts, call.arguments = last.accounts, last.arguments


@wrong("DivestCooldown", "divest")
def a_second_before_the_cooldown_ends(call: Call) -> None:
    call.world.pass_time(-1)


@wrong("DivestCooldown", "divest")
def right_after_a_deposit(call: Call) -> None:
    call.stage.deposit(call.stage.alice, 1_000).send()


@wrong("NothingToClaim", "claim")
def rewards_claimed_before(call: Call) -> None:
    call.send()


@wrong("MessageRateExceeded", "post_message")
def one_message_too_many(call: Call) -> None:
    for _ in range(PARAMS["messages_per_hour"]):
        call.send()
        call.accounts["message"] = call.stage.message()


@wrong("SharesRemain", "leave_thread")
def with_shares(call: Call) -> None:
    call.stage.deposit(call.stage.bob, 1_000).send()


@wrong("LastCoAuthor", "leave_thread")
def the_last_one(call: Call) -> None:
    call.change("Thread", "thread", co_authors=[call.stage.bob.key])


@wrong("CannotRetireSelf", "retire_author")
def oneself(call: Call) -> None:
    call.accounts["retiree_position"] = call.accounts["position"]


@wrong("RetireeNotCoAuthor", "retire_author")
def one_who_has_left(call: Call) -> None:
    call.stage.as_author("leave_thread", call.stage.bob).send()


@wrong("AuthorActive", "retire_author")
def a_second_before_the_window_ends(call: Call) -> None:
    call.world.pass_time(-1)


@wrong("AuthorActive", "retire_author")
def one_who_has_just_acted(call: Call) -> None:
    call.stage.as_author("set_privacy", call.stage.bob, level="Premium").send()


@wrong("OthersHaveStake", "close_thread")
def when_others_have_rewards(call: Call) -> None:
    stage = call.stage
    stage.join(stage.bob)
    stage.join(stage.carol)
    for who in (stage.bob, stage.carol):
        stage.as_author("leave_thread", who).send()


@wrong("OthersHaveStake", "close_thread")
def when_others_have_shares(call: Call) -> None:
    call.change("Position", "position", shares=99_999)


@wrong("OwnerIsCoAuthor", "cleanup_position")
def of_a_co_author(call: Call) -> None:
    call.stage.join(call.stage.bob)


@wrong("PositionNotEmpty", "cleanup_position")
def with_rewards_in_it(call: Call) -> None:
    stage = call.stage
    stage.join(stage.bob)
    stage.join(stage.carol)
    stage.as_author("leave_thread", stage.bob).send()


# ---- specs


@wrong("CoAuthorCannotSubmit", "submit_spec")
def a_co_author(call: Call) -> None:
    stage = call.stage
    call.accounts |= stage.submit(stage.bob).accounts
    call.signers = [stage.bob]


def _fill(call: Call) -> None:
    """All seats are taken; the honest ones keep theirs."""
    authors = call.stage.state()["co_authors"]
    strangers = [Keypair.from_seed(sha256(f"seat {seat}")).pubkey() for seat in range(16)]
    call.change("Thread", "thread", co_authors=[*authors, *strangers][:16])


@wrong("ThreadFull", "submit_spec", "process_approval")
def when_all_seats_are_taken(call: Call) -> None:
    _fill(call)


@wrong("ThreadFull", "process_approval")
def a_denial_when_all_seats_are_taken(call: Call) -> None:
    _fill(call)
    call.arguments["decision"] = "Deny"


@wrong("ReserveTooSmall", "process_approval")
def a_spec_whose_rent_for_the_message_is_gone(call: Call) -> None:
    svm, spec = call.world.svm, call.accounts["spec"]
    account = svm.get_account(spec)
    assert account is not None
    left = svm.minimum_balance_for_rent_exemption(len(account.data))
    svm.set_account(spec, Account(left, account.data, account.owner))


@wrong("SpecAlreadyExists", "submit_spec")
def the_same_content_again(call: Call) -> None:
    call.send()


@wrong("SpecAlreadyExists", "submit_spec")
def the_same_content_before_it_is_cleaned_up(call: Call) -> None:
    call.send()
    call.stage.withdraw(call.stage.carol).send()


@wrong("SpecNotPending", "process_approval", "withdraw_spec", "expire_spec")
def a_settled_spec(call: Call) -> None:
    call.send()
    if call.name == "process_approval":
        call.accounts["message"] = call.stage.message()


@wrong("SpecWindowEnded", "process_approval")
def at_the_end_of_the_window(call: Call) -> None:
    call.world.pass_time(PARAMS["approval_window"])


@wrong("SpecWindowOpen", "expire_spec")
def a_second_before_the_end_of_the_window(call: Call) -> None:
    call.world.pass_time(-1)


given("ContentHashMismatch", "process_approval", content_hash=sha256("something else"))
given("StaleSpec", "process_approval", sequence=0)
given("StaleAuthorEpoch", "process_approval", author_epoch=0)


@wrong("StaleSpec", "process_approval")
def a_decision_on_an_earlier_submission(call: Call) -> None:
    stage = call.stage
    stage.world.pass_time(PARAMS["approval_window"])
    stage.withdraw(stage.carol).send()
    stage.cleanup_spec(stage.carol).send()
    stage.submit(stage.carol).send()


@wrong("StaleAuthorEpoch", "process_approval")
def a_decision_of_another_set_of_co_authors(call: Call) -> None:
    call.stage.as_author("leave_thread", call.stage.bob).send()


@wrong("AlreadyDecided", "process_approval")
def a_second_decision(call: Call) -> None:
    stage = call.stage
    stage.submit(stage.zoe).send()
    again = stage.decide(stage.bob, stage.zoe, "Deny")
    again.send()
    call.accounts, call.arguments, call.signers = again.accounts, again.arguments, again.signers


@wrong("NotSpecAuthor", "withdraw_spec")
def somebody_elses_spec(call: Call) -> None:
    call.sign("author", call.stage.zoe)


@wrong("SpecHasDecisions", "withdraw_spec")
def after_a_decision(call: Call) -> None:
    call.stage.decide(call.stage.bob, call.stage.carol, "Deny").send()


@wrong("SpecPending", "cleanup_spec")
def a_spec_that_waits(call: Call) -> None:
    call.send()
    call.stage.submit(call.stage.carol).send()
