"""Amounts for people, and the formulas' properties; shared vectors are in tests/program."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.errors import InvalidInput
from choir.money import (
    Rounding,
    count_message,
    format_amount,
    mul_div,
    parse_amount,
    settle,
    shares_for_deposit,
    shares_for_divest,
    value_of_shares,
)

U64 = st.integers(0, 2**64 - 1)
SOME = st.integers(1, 2**62)


@given(U64, st.integers(0, 16), st.integers(0, 16))
def test_a_settlement_loses_and_makes_nothing(stake, approvals, denials):
    if approvals + denials == 0:
        with pytest.raises(InvalidInput):
            settle(stake, approvals, denials)
        return
    parts = settle(stake, approvals, denials)
    assert parts.to_approvers + parts.to_thread + parts.to_treasury == stake
    assert parts.to_approvers == parts.per_approver * approvals
    assert min(parts.to_approvers, parts.to_thread, parts.to_treasury) >= 0
    assert parts.to_treasury == 0 or (approvals and denials)


@given(SOME, SOME, SOME)
def test_no_deposit_or_divestment_lowers_the_price_of_a_share(amount, balance, shares):
    try:
        minted = shares_for_deposit(amount, balance, shares)
    except InvalidInput:
        minted = None
    if minted is not None:
        assert (balance + amount) * shares >= balance * (shares + minted)
    if amount <= balance:
        burned = shares_for_divest(amount, balance, shares)
        assert burned <= shares
        assert (balance - amount) * shares >= balance * (shares - burned)


@given(U64, U64, st.integers(1, 2**64 - 1))
def test_rounding_brackets_the_quotient(a, b, divisor):
    if a * b // divisor >= 2**64 - 1:
        return
    down = mul_div(a, b, divisor, Rounding.DOWN)
    up = mul_div(a, b, divisor, Rounding.UP)
    assert down * divisor <= a * b <= up * divisor
    assert up - down == (a * b % divisor > 0)


def test_what_does_not_fit_is_refused():
    for bad in ((2**64, 1, 1), (-1, 1, 1), (1, 1, 0), (2**63, 4, 1)):
        with pytest.raises(InvalidInput):
            mul_div(*bad, Rounding.DOWN)


@given(SOME, SOME)
def test_all_shares_are_worth_the_balance(balance, shares):
    assert value_of_shares(shares, balance, shares) == balance
    assert value_of_shares(shares, balance, 0) == 0


@given(st.integers(1, 9), st.lists(st.integers(0, 1_000), max_size=60))
def test_no_window_holds_more_than_the_limit(limit, steps):
    now, window = 10**9, (0, 0)
    posted = []
    for step in steps:
        now += step
        after = count_message(*window, now, 3_600, limit)
        if after is None:
            continue
        window = after
        posted.append((after[0], now))
    for start in {start for start, _ in posted}:
        assert sum(start <= at < start + 3_600 for s, at in posted if s == start) <= limit


@given(U64, st.integers(0, 18))
def test_amounts_survive_being_written_and_read(amount, decimals):
    assert parse_amount(format_amount(amount, decimals), decimals) == amount


@pytest.mark.parametrize(
    ("text", "decimals", "amount"),
    [
        ("1.5", 6, 1_500_000),
        (" 1_000 ", 2, 100_000),
        ("0", 6, 0),
        (".5", 1, 5),
        ("1.50", 1, 15),
        ("7.", 0, 7),
    ],
)
def test_amounts_people_write(text, decimals, amount):
    assert parse_amount(text, decimals) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1,5",
        "-1",
        "nan",
        "inf",
        "0.0000001",
        "99999999999999999999",
        "1e3",
        ".",
        "٣",
        "1" * 99,
    ],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_amount(text, 6)
