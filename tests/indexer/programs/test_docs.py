"""The example of docs/indexer.md, run as written over a mirrored program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from solders.pubkey import Pubkey
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.programs.test_mirror import follow
from tests.indexer.synthetic import SyntheticChain, SyntheticSource, key

from choir.idl import load_idl
from choir.ids import PROGRAM_ID
from choir_indexer.programs import load_programs

PAGE = (Path(__file__).parents[3] / "docs/indexer.md").read_text()


def _block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_example_runs(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    (tmp_path / "idl.json").write_text(json.dumps(load_idl()))
    (tmp_path / "programs.toml").write_text(_block("toml"))
    (listed,) = load_programs(tmp_path / "programs.toml", choir=PROGRAM_ID)
    assert set(listed.decoder.accounts) == {"Thread", "Position"}
    wallet, thread = Pubkey(key("wallet")), Pubkey(key("thread"))
    position = encode("Position", owner=wallet, thread=thread, shares=2**64 - 1)
    chain = SyntheticChain()
    chain.close_slot(({key("p"): position}, [encode("Deposited", thread=thread, amount=7)]))
    bench.run(follow(bench, SyntheticSource(chain)))
    names = {
        "database_url": bench.url.replace("postgresql://", "postgresql+asyncpg://"),
        "program": bytes(PROGRAM_ID),
        "wallet": str(wallet),
        "__name__": "example",
    }
    exec(compile(_block("python runnable"), "docs/indexer.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == [f"1 {thread} {2**64 - 1}", "1 7"]
