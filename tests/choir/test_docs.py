"""The examples of the documentation, run as written against the real program."""

import asyncio
import re
from pathlib import Path

import pytest
from tests.choir.chain import World

from choir.cli import exit_codes
from choir.localnet import Localnet, Settings
from choir.stack.first_run import LOCALNET_PARAMS

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python runnable\n(.*?)^```", re.DOTALL | re.MULTILINE)
GIVEN = re.compile(r"^```python given\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["script-writer.md", "wallet-developer.md"])
async def test_the_examples_run_in_order(page, capsys):
    blocks = BLOCK.findall((DOCS / page).read_text())
    assert len(blocks) >= 3
    settings = Settings(http_port=0, ws_port=0, production="transaction", finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as world:
        await world.initialize(LOCALNET_PARAMS)
        [given] = GIVEN.findall((DOCS / "script-writer.md").read_text())
        for usual, here in (("8899", localnet.rpc_url), ("8900", localnet.ws_url)):
            given = given.replace(f"127.0.0.1:{usual}", here.partition("//")[2])
        names = {"__name__": "example"}
        for number, block in enumerate([given, *blocks]):
            code = compile(block, f"{page}, block {number}", "exec")
            space = names if block is given else dict(names)
            await asyncio.to_thread(exec, code, space)
    assert capsys.readouterr().out


def test_every_exit_code_is_documented():
    page = (DOCS / "script-writer.md").read_text()
    table = exit_codes.__doc__ or ""
    codes = {v for k, v in vars(exit_codes).items() if k.isupper() and isinstance(v, int)}
    for code in codes:
        assert f"| {code} |" in table
    for code in codes - {exit_codes.OTHER, exit_codes.INTERRUPTED}:
        assert re.search(rf"\b{code}\b", page.split("Exit codes:")[1])
