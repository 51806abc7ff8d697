"""`--simulate`, `--unsigned`, bids and limits, against the real program."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from tests.choir.cli.test_commands import Shell

from choir.cli import _sending, main
from choir.errors import InvalidInput
from choir.fees import FixedFee, PriorityFee


@pytest.fixture
async def shell(world, capsys, tmp_path):
    return Shell(world, capsys, tmp_path)


CREATE = ("thread", "create", "garden", "--deposit", "0.05")


async def test_a_simulation_says_what_would_happen_and_does_nothing(shell):
    address = await shell.wallet("alice")
    told = (await shell.json(*CREATE, "--simulate", who="alice"))["simulation"]
    assert (told["ok"], told["error"]) == (True, None)
    assert told["units"] > 1_000
    assert any(line.endswith(" success") for line in told["logs"])
    code, out, _ = await shell.run(*CREATE, "--simulate", "--unsigned", str(address))
    assert (code, out.splitlines()[0]) == (0, "would succeed")
    assert await shell.json("thread", "list") == []


async def test_a_simulation_that_fails_says_so_and_ends_with_4(shell):
    """The wallet has the stake and nothing to pay rent with, which only the chain can tell."""
    await shell.wallet("alice")
    await shell.json(*CREATE, who="alice")
    poor = await shell.world.person(lamports=0)
    poor.signer.save(shell.folder / "poor.json")
    submit = ("spec", "submit", "garden", "hello", "--stake", "0.002", "--simulate")
    code, out, err = await shell.run(*submit, who="poor")
    assert (code, err) == (4, "")
    assert out.startswith("would fail: ")
    code, out, _ = await shell.run(*submit, "--json", who="poor")
    told = json.loads(out)["simulation"]
    assert (code, told["ok"]) == (4, False)
    assert told["message"]
    assert told["error"]


async def test_unsigned_is_signed_elsewhere_and_submitted(shell, tmp_path):
    address = await shell.wallet("alice")
    limits = ("--units", "300000", "--priority-fee", "7")
    made = await shell.json(*CREATE, "--unsigned", str(address), *limits)
    told = made["unsigned"]
    assert told["signers"] == [str(address)]
    assert (told["units"], told["unit_price"], told["priority_fee_lamports"]) == (300_000, 7, 3)
    code, out, err = await shell.run(*CREATE, "--unsigned", str(address))
    assert (code, len(out.split())) == (0, 1)
    assert f"to be signed by {address}" in err

    code, out, _ = await sign(shell, told["transaction"], "alice")
    signed = out.strip()
    assert code == 0
    receipt = (await shell.json("transaction", "submit", signed))["receipt"]
    again = (await shell.json("transaction", "submit", signed))["receipt"]
    assert receipt["signature"] == again["signature"]
    (thread,) = await shell.json("thread", "list")
    assert thread["balance"] == 50_000

    asked = {"encoding": "base64", "maxSupportedTransactionVersion": 0, "commitment": "confirmed"}
    found = await shell.world.rpc.request("getTransaction", [receipt["signature"], asked])
    message = VersionedTransaction.from_bytes(base64.b64decode(found["transaction"][0])).message
    data = [bytes(each.data) for each in message.instructions]
    assert bytes(set_compute_unit_limit(300_000).data) in data
    assert bytes(set_compute_unit_price(7).data) in data


async def test_what_is_no_transaction_is_refused(shell):
    code, _, err = await shell.run("transaction", "submit", "hello there")
    assert (code, "no transaction in base64" in err) == (2, True)
    await shell.wallet("alice")
    await shell.wallet("bob")
    made = await shell.json(*CREATE, "--unsigned", str(await shell.wallet("carol")))
    code, _, err = await shell.run("transaction", "submit", made["unsigned"]["transaction"])
    assert (code, "signature of" in err) == (5, True)
    code, _, err = await sign(shell, made["unsigned"]["transaction"], "bob")
    assert (code, "needs the signature of" in err) == (5, True)


async def sign(shell, transaction, who):
    """The one command that asks no node."""
    key_file = str(shell.folder / f"{who}.json")
    code = await asyncio.to_thread(main, ["transaction", "sign", transaction, "-k", key_file])
    written = shell.capsys.readouterr()
    return code, written.out, written.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--priority-fee", "lots"), "--priority-fee takes micro-lamports"),
        (("--priority-fee", "p101"), "a percentile is from 0 to 100"),
        (("--priority-fee", "-1"), "--priority-fee takes micro-lamports"),
        (("--units", "0"), "a limit is from 1"),
        (("--units", "1400001"), "a limit is from 1"),
        (("--commitment", "sure"), "--commitment"),
        (("--unsigned", "me"), "not an address"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(shell, options, said):
    await shell.wallet("alice")
    code, out, err = await shell.run(*CREATE, *options, who="alice")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert await shell.json("thread", "list") == []


def test_bids():
    assert _sending._bid("0") == FixedFee(0)
    assert _sending._bid("p90") == PriorityFee(percentile=90)
    with pytest.raises(InvalidInput):
        _sending._bid("٣")


def test_reading_commands_have_no_options_of_sending(capsys):
    for command in (["thread", "list"], ["stake", "show", "x"], ["program", "verify"]):
        assert main([*command, "--simulate"]) == 2
        assert "--simulate" in capsys.readouterr().err


async def test_a_commitment_is_kept_to(shell):
    await shell.wallet("alice")
    receipt = (await shell.json(*CREATE, "--commitment", "processed", who="alice"))["receipt"]
    status = await shell.world.rpc.get_signature_statuses(
        [Signature.from_string(receipt["signature"])]
    )
    assert status.value[0] is not None
