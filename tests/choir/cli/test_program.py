"""`choir program` and `choir faucet` against the localnet's upgradeable loader."""

from __future__ import annotations

import json

import pytest
from tests.choir.chain import World
from tests.choir.cli.test_commands import Shell
from tests.choir.test_deploy import tiny_program

from choir.artifact import program_so
from choir.cli.exit_codes import REFUSED
from choir.ids import PROGRAM_ID
from choir.loader import BUFFER_HEADER
from choir.localnet import Localnet, Settings
from choir.wallet import KeypairSigner


@pytest.fixture
async def shell(capsys, tmp_path):
    """Slots close on the clock: a program is changed once a slot at most."""
    settings = Settings(http_port=0, ws_port=0, slot_ms=20, finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as world:
        yield Shell(world, capsys, tmp_path)


@pytest.fixture
async def funded(shell):
    signer = KeypairSigner.generate()
    signer.save(shell.folder / "payer.json")
    await shell.world.rpc.request_airdrop(signer.pubkey, 100 * 10**9)
    return signer


async def test_the_package_s_own_program_is_verified(shell, tmp_path):
    told = await shell.json("program", "verify")
    assert (told["program"], told["matches"]) == (str(PROGRAM_ID), True)
    assert told["on_chain"] == told["expected"]
    other = tmp_path / "other.so"
    other.write_bytes(program_so().read_bytes() + b"\x01")
    code, out, _ = await shell.run("program", "verify", "--code", str(other))
    assert code == 1
    assert "they differ" in out
    code, _, err = await shell.run("program", "verify", str(KeypairSigner.generate().pubkey))
    assert (code, "no upgradeable program" in err) == (3, True)
    code, _, err = await shell.run("program", "verify", "--code", str(tmp_path / "none"))
    assert (code, "cannot read" in err) == (2, True)


async def test_deploy_that_runs_out_of_money_goes_on_and_again_does_nothing(shell, tmp_path):
    small = tmp_path / "small.so"
    small.write_bytes(tiny_program(size=12_000))
    key = tmp_path / "program.json"
    deploy = ("program", "deploy", "--program", str(key), "--code", str(small))
    payer, rpc = KeypairSigner.generate(), shell.world.rpc
    payer.save(shell.folder / "payer.json")
    # the buffer, what an account must keep, and the fees of five writes of thirteen
    for size in (BUFFER_HEADER + 12_000, 0):
        rent = await rpc.get_minimum_balance_for_rent_exemption(size)
        await rpc.request_airdrop(payer.pubkey, rent)
    await rpc.request_airdrop(payer.pubkey, 6 * 5_000)
    code, _, err = await shell.run(*deploy, who="payer")
    assert code == REFUSED
    assert err.startswith("made ")
    await rpc.request_airdrop(payer.pubkey, 10**9)

    begun = await shell.json("program", "buffers", who="payer")
    assert [b["lamports"] > 0 for b in begun["buffers"]] == [True]
    done = await shell.json(*deploy, who="payer")
    assert done["changed"] is True
    assert done["program"] == str(KeypairSigner.from_file(key).pubkey)
    again = await shell.json(*deploy, who="payer")
    assert again == {**done, "changed": False}
    assert (await shell.json("program", "buffers", who="payer"))["buffers"] == []

    small.write_bytes(tiny_program(7, size=12_000))
    upgrade = ("program", "upgrade", done["program"], "--code", str(small))
    assert (await shell.json(*upgrade, who="payer"))["changed"] is True
    code, _, err = await shell.run("program", "upgrade", who="payer")
    assert (code, "the upgrade authority of" in err) == (REFUSED, True)
    text = tmp_path / "text.so"
    text.write_text("not a program")
    code, _, err = await shell.run(
        "program", "upgrade", done["program"], "--code", str(text), who="payer"
    )
    assert (code, "does not begin as an ELF" in err) == (2, True)


async def test_authority_and_close(shell, funded, tmp_path):
    stranger = KeypairSigner.generate()
    code, _, err = await shell.run(
        "program", "set-authority", "--to", str(stranger.pubkey), who="payer"
    )
    assert (code, "the upgrade authority of" in err) == (REFUSED, True)
    code, _, err = await shell.run("program", "set-authority", who="payer")
    assert (code, "--final" in err) == (2, True)
    code_file, key = tmp_path / "small.so", tmp_path / "program.json"
    code_file.write_bytes(tiny_program())
    KeypairSigner.generate().save(key)
    deploy = ("program", "deploy", "--program", str(key), "--code", str(code_file))
    program = (await shell.json(*deploy, who="payer"))["program"]
    hand_over = ("program", "set-authority", program, "--to", str(stranger.pubkey))
    told = await shell.json(*hand_over, who="payer")
    assert told == {"program": program, "authority": str(stranger.pubkey)}
    code, _, err = await shell.run("program", "close", program, "--yes", who="payer")
    assert (code, "the upgrade authority of" in err) == (REFUSED, True)
    stranger.save(shell.folder / "stranger.json")
    await shell.world.rpc.request_airdrop(stranger.pubkey, 10**9)
    told = await shell.json("program", "close", program, "--yes", who="stranger")
    assert told == {"closed": program}
    code, _, err = await shell.run("program", "verify", program)
    assert (code, "no upgradeable program" in err) == (3, True)


async def test_the_faucet(shell):
    signer = KeypairSigner.generate()
    got = await shell.json("faucet", str(signer.pubkey), "--sol", "3", "--tokens", "7.5")
    assert (got["lamports"], got["tokens"]) == (3 * 10**9, 7_500_000)
    assert len(got["signatures"]) == 2
    assert (await shell.world.rpc.get_balance(signer.pubkey)).value == 3 * 10**9
    code, _, err = await shell.run("faucet", str(signer.pubkey), "--sol", "many")
    assert code == 2
    assert json.dumps("many")[1:-1] in err
