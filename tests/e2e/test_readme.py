"""The script that README shows, run as it stands against a running stack."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Running, run

README = Path(__file__).parents[2] / "README.md"


def test_the_readmes_script_runs(state_dir: Path, up: Callable[..., Running]) -> None:
    [script] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    stack = up(state_dir)
    script = script.replace("http://127.0.0.1:8899", stack.urls["rpc"])
    script = script.replace("http://127.0.0.1:8000", stack.urls["api"])
    told = run(sys.executable, "-c", script, env=stack.env)
    assert told.code == 0, told.err
    signature, found = told.out.strip().split(" ", 1)
    assert len(signature) > 80
    assert found == "['Salt the water first.']"
