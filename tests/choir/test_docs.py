"""The examples of the documentation, run as written against the real program."""

import asyncio
import re
from pathlib import Path

import pytest
from tests.choir.chain import PARAMS, World

from choir.cli import exit_codes
from choir.localnet import Localnet, Settings

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python runnable\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["script-writer.md", "wallet-developer.md"])
async def test_the_examples_run_in_order(page, capsys):
    blocks = BLOCK.findall((DOCS / page).read_text())
    assert len(blocks) >= 3
    settings = Settings(http_port=0, ws_port=0, production="transaction", finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as world:
        await world.initialize(PARAMS)
        people = [await world.person(tokens=50_000_000) for _ in range(3)]
        names = {"url": localnet.rpc_url, "ws_url": localnet.ws_url}
        names |= zip(("alice", "bob", "carol"), (p.signer for p in people), strict=True)
        for number, block in enumerate(blocks, 1):
            code = compile(block, f"{page}, block {number}", "exec")
            await asyncio.to_thread(exec, code, dict(names, __name__="example"))
    assert capsys.readouterr().out


def test_every_exit_code_is_documented():
    page = (DOCS / "script-writer.md").read_text()
    table = exit_codes.__doc__ or ""
    codes = {v for k, v in vars(exit_codes).items() if k.isupper() and isinstance(v, int)}
    for code in codes:
        assert f"| {code} |" in table
    for code in codes - {exit_codes.OTHER, exit_codes.INTERRUPTED}:
        assert re.search(rf"\b{code}\b", page.split("Exit codes:")[1])
