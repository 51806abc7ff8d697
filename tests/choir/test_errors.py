"""Errors of a transaction, from what nodes say to what people read."""

import pytest

from choir import program_errors
from choir.errors import (
    AnchorError,
    SystemError,
    TokenError,
    TransactionFailed,
    UnknownProgramError,
    failure_of,
)
from choir.ids import PROGRAM_ID

SYSTEM, TOKEN = "1" * 32, "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
OTHER = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"


def failing(code, *programs):
    """The logs of a failure that began in the first program."""
    return [f"Program {p} failed: custom program error: {code:#x}" for p in programs]


@pytest.mark.parametrize(
    ("code", "logs", "programs", "kind", "name"),
    [
        (
            6034,
            failing(6034, PROGRAM_ID),
            (),
            program_errors.InsufficientShares,
            "InsufficientShares",
        ),
        (6034, [], (str(PROGRAM_ID),), program_errors.InsufficientShares, "InsufficientShares"),
        (6034, [], (OTHER,), UnknownProgramError, "Custom6034"),
        (
            6034,
            failing(6034, OTHER, PROGRAM_ID),
            (str(PROGRAM_ID),),
            UnknownProgramError,
            "Custom6034",
        ),
        (1, failing(1, SYSTEM, PROGRAM_ID), (), SystemError, "ResultWithNegativeLamports"),
        (1, failing(1, TOKEN, PROGRAM_ID), (), TokenError, "InsufficientFunds"),
        (17, [], (TOKEN,), TokenError, "AccountFrozen"),
        (3012, failing(3012, PROGRAM_ID), (), AnchorError, "AccountNotInitialized"),
        (2006, [], (str(PROGRAM_ID),), AnchorError, "ConstraintSeeds"),
        (99, failing(99, PROGRAM_ID), (), UnknownProgramError, "Custom99"),
    ],
)
def test_a_code_belongs_to_the_program_that_failed_first(code, logs, programs, kind, name):
    error = failure_of({"InstructionError": [0, {"Custom": code}]}, logs, programs=programs)
    assert type(error) is kind
    assert (error.code, error.name, error.instruction) == (code, name, 0)
    assert error.logs == tuple(logs)


def test_choir_deployed_elsewhere_is_known_by_its_address():
    err = {"InstructionError": [0, {"Custom": 6000}]}
    assert isinstance(
        failure_of(err, failing(6000, OTHER), choir_program=OTHER),
        program_errors.ArithmeticOverflow,
    )


def test_anchor_names_the_account():
    logs = [
        "Program log: AnchorError caused by account: position. Error Code: AccountNotInitialized.",
        *failing(3012, PROGRAM_ID),
    ]
    error = failure_of({"InstructionError": [0, {"Custom": 3012}]}, logs)
    assert "account `position`" in str(error)


@pytest.mark.parametrize(
    ("err", "said"),
    [
        ("BlockhashNotFound", "too old or from another chain"),
        ("InsufficientFundsForFee", "enough SOL for the fee"),
        ({"InsufficientFundsForRent": {"account_index": 1}}, "too little SOL to exist"),
        (
            {"InstructionError": [1, "MissingRequiredSignature"]},
            "instruction 2 .*signature is missing",
        ),
        ({"InstructionError": [0, {"BorshIoError": "x"}]}, "BorshIoError"),
        ("SomethingNew", "SomethingNew"),
        ({}, "unknown error"),
    ],
)
def test_what_is_no_programs_number_is_said_in_words(err, said):
    with pytest.raises(TransactionFailed, match=said):
        raise failure_of(err, [], programs=(SYSTEM, SYSTEM))


def test_a_simulated_failure_says_would():
    assert "would fail" in str(failure_of("AccountNotFound", simulated=True))
