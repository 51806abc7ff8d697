"""The commands, run as a person runs them, against the real program."""

import asyncio
import json
import re
import subprocess
import sys
from functools import partial

import pytest
from solders.signature import Signature
from tests.choir.chain import DAY

from choir import cli
from choir.cli import main
from choir.cli._shared import run, span
from choir.cli.exit_codes import code_of
from choir.errors import BlockhashExpired, ChoirError, OutcomeUnknown
from choir.ids import content_hash, thread_pda
from choir.wallet import KeypairSigner

HASH = content_hash("a thought").hex()


class Shell:
    """Runs `choir` beside the localnet's loop and keeps what it wrote."""

    def __init__(self, world, capsys, folder):
        self.world, self.capsys, self.folder = world, capsys, folder

    async def wallet(self, name, *, tokens=1_000_000):
        signer = KeypairSigner.generate()
        signer.save(self.folder / f"{name}.json")
        await self.world.rpc.request_airdrop(signer.pubkey, 10**10)
        await self.world.mint_to(signer.pubkey, tokens)
        return signer.pubkey

    async def run(self, *arguments, who=None):
        asked = [*arguments, "--url", self.world.localnet.rpc_url]
        if who is not None:
            asked += ["--keypair", str(self.folder / f"{who}.json")]
        code = await asyncio.to_thread(main, asked)
        written = self.capsys.readouterr()
        return code, written.out, written.err

    async def json(self, *arguments, who=None):
        code, out, err = await self.run(*arguments, "--json", who=who)
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
async def shell(world, capsys, tmp_path):
    return Shell(world, capsys, tmp_path)


async def test_the_story_in_json(shell):
    alice, bob = await shell.wallet("alice"), await shell.wallet("bob")
    made = await shell.json("thread", "create", "garden", "--deposit", "0.05", who="alice")
    assert made["thread"] == str(thread_pda("garden"))
    made = await shell.json("spec", "submit", "garden", "a thought", "--stake", "0.002", who="bob")
    assert made["content_hash"] == HASH
    (pending,) = await shell.json("spec", "list", "garden")
    assert (pending["author"], pending["stake"]) == (str(bob), 2_000)
    await shell.json("spec", "approve", "garden", HASH, who="alice")
    shown = await shell.json("spec", "show", "garden", HASH)
    assert shown["spec"]["status"] == "approved"
    thread = (await shell.json("thread", "show", "garden"))["thread"]
    assert thread["co_authors"] == [str(alice), str(bob)]
    assert (await shell.json("stake", "show", "garden", who="alice"))["claimable"] == 2_000
    await shell.json("stake", "claim", "garden", who="alice")
    await shell.json("stake", "deposit", "garden", "0.01", who="bob")
    await shell.json("thread", "post", "garden", "hello", who="bob")
    await shell.json("thread", "privacy", "garden", "thread-only", who="bob")
    await shell.world.pass_time(DAY + 1)
    await shell.json("stake", "divest", "garden", "0.02", who="alice")
    (listed,) = await shell.json("thread", "list", "--author", str(bob))
    assert (listed["balance"], listed["message_count"]) == (40_000, 2)
    assert listed["privacy"] == "thread_only"


async def test_tables_for_people(shell):
    await shell.wallet("alice")
    assert (await shell.run("thread", "list"))[1] == "no threads\n"
    code, out, _ = await shell.run("thread", "create", "[b]x", "--deposit", "0.05", who="alice")
    assert code == 0
    assert "transaction" in out
    for command in (("thread", "list"), ("thread", "show", "[b]x"), ("config", "show")):
        code, out, err = await shell.run(*command)
        assert (code, err) == (0, "")
        assert "0.05" in out or "0.001" in out
    assert "approval window     7 days (604800 s)" in out
    assert "divest cooldown     1 day (86400 s)" in out
    assert "[b]x" in (await shell.run("thread", "list"))[1]
    code, out, _ = await shell.run("stake", "show", "[b]x", who="alice")
    assert "0.05 tokens" in out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (3, "3 s"), (90, "90 s"), (120, "2 minutes (120 s)"), (3_600, "1 hour (3600 s)")],
)
def test_lengths_of_time(seconds, said):
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("thread", "show", "nowhere"), 3, "no thread with the id 'nowhere'"),
        (("thread", "create", "t", "--deposit", "0.001"), 4, "below the minimum"),
        (("thread", "create", "t", "--deposit", "lots"), 2, "'lots' is not an amount"),
        (("thread", "create", "t", "--deposit", "0.0000001"), 2, "at most 6 decimals"),
        (("thread", "create", "x" * 65, "--deposit", "1"), 2, "at most 64 bytes"),
        (("thread", "create", "t"), 2, "--deposit"),
        (("thread", "privacy", "t", "secret"), 2, "no privacy level"),
        (("thread", "post", "t"), 2, "give the content once"),
        (("spec", "show", "t", "abc"), 2, "64 hexadecimal digits"),
        (("spec", "list", "t"), 3, "no thread"),
        (("thread", "list", "--author", "me"), 2, "not an address"),
        (("thread", "grow", "t"), 2, "grow"),
    ],
)
async def test_errors_are_a_message_and_a_code(shell, command, code, said):
    await shell.wallet("alice")
    ended, out, err = await shell.run(*command, who="alice" if "create" in command else None)
    assert (ended, out) == (code, "")
    assert said in re.sub(r"[│╭╮╰╯─\s]+", " ", err)
    assert "Traceback" not in err


async def test_errors_as_json_keep_the_class_and_the_logs(shell):
    await shell.wallet("alice")
    code, _, err = await shell.run(
        "thread", "create", "t", "--deposit", "0.001", "--json", who="alice"
    )
    told = json.loads(err)
    assert (code, told["ok"], told["error"]) == (4, False, "DepositBelowMinimum")


def test_a_node_that_is_not_there_and_a_wallet_that_is_not(capsys, monkeypatch, tmp_path):
    assert main(["thread", "list", "--url", "http://127.0.0.1:1"]) == 6
    said = capsys.readouterr().err
    assert "cannot reach the node" in said
    assert said.endswith("; `choir doctor` says what to do\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CHOIR_KEYPAIR", "ANCHOR_WALLET"):
        monkeypatch.delenv(name, raising=False)
    assert main(["stake", "claim", "t"]) == 5
    assert "choir config new-key" in capsys.readouterr().err


def test_a_new_key_is_private_and_never_overwritten(capsys, tmp_path):
    path = tmp_path / "keys" / "wallet.json"
    assert main(["config", "new-key", str(path), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(KeypairSigner.from_file(path).pubkey) == made["pubkey"]
    assert main(["config", "new-key", str(path)]) == 5


def test_help_version_and_what_does_not_exist(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {name}" in listed for name in cli.COMMANDS)
    assert main([]) == 2
    assert main(["--version"]) == 0
    assert re.search(r"^choir \d+\.\d+", capsys.readouterr().out, re.MULTILINE)
    assert main(["thred"]) == 2
    assert "did you mean 'thread'" in capsys.readouterr().err


def test_a_command_whose_parts_are_missing_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "choir.cli.search", None)
    assert main(["search", "x"]) == 9
    assert "pip install" in capsys.readouterr().err


def test_a_fault_of_ours_is_a_message_too(capsys, monkeypatch):
    monkeypatch.delenv("CHOIR_DEBUG", raising=False)
    monkeypatch.setattr("choir.cli.thread.run", lambda *_, **__: 1 / 0)
    assert main(["thread", "list"]) == 1
    assert "unexpected ZeroDivisionError" in capsys.readouterr().err


def test_an_interrupt_after_sending_names_the_transaction():
    signature = Signature.new_unique()

    async def interrupted(client, *, sent):
        if sent:
            client.sender.unsettled.add(signature)
        raise KeyboardInterrupt

    with pytest.raises(OutcomeUnknown, match=str(signature)):
        run(partial(interrupted, sent=True), url="http://127.0.0.1:1")
    with pytest.raises(KeyboardInterrupt):
        run(partial(interrupted, sent=False), url="http://127.0.0.1:1")


def test_completion_knows_every_command(capsys, monkeypatch):
    monkeypatch.setenv("_CHOIR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "choir ")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert main([]) == 0
    offered = capsys.readouterr().out.split()
    assert {"thread", "spec", "stake", "config", "localnet"} <= set(offered)


def test_every_error_has_a_code():
    assert code_of(BlockhashExpired("x")) == 7
    assert code_of(OutcomeUnknown("x")) == 8
    assert code_of(ChoirError("x")) == 1


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import choir", ["solders", "httpx", "anchorpy", "solana", "typer", "rich"]),
        ("import choir.cli", ["solders", "httpx", "anchorpy", "typer", "rich"]),
        ("import choir.cli.localnet", ["anchorpy", "rich", "httpx", "solana", "websockets"]),
        ("import choir.localnet.__main__", ["anchorpy", "rich", "typer", "httpx", "solana"]),
        ("import choir.client, choir.rpc", ["anchorpy", "solana", "httpx", "typer", "rich"]),
        ("import choir.money", ["solders", "httpx", "asyncio"]),
        (
            "import choir.accounts, choir.events, choir.instructions, choir.ids",
            ["httpx", "asyncio", "websockets", "sqlalchemy", "anchorpy", "construct"],
        ),
    ],
)
def test_what_an_import_must_not_bring_along(statement, forbidden):
    asked = f"import sys; {statement}; print([m for m in {forbidden!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
