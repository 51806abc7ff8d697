"""The test program, built by the road of scripts/sbf when its tools are there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[[int, bytes], bytes | None]

_BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, "scripts/sbf")
import crate, toolchain
gaps = toolchain.missing()
if gaps:
    sys.exit("MISSING " + ", ".join(gaps))
print(crate.build(toolchain.find(), "sbf-lowering", Path("target/sbf"), quiet=True))
"""


@pytest.fixture(scope="session")
def lowering_object() -> Path:
    """The object, freshly built. Skips where the tools are missing."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "MISSING" in done.stderr:
        pytest.skip(f"not built, missing here: {done.stderr.partition('MISSING ')[2].strip()}")
    assert done.returncode == 0, done.stderr[-4000:]
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def run(lowering_object: Path) -> Run:
    """Runs an operation of the test program: its return data, or None when it aborted."""
    svm, program, payer = LiteSVM(), Pubkey.from_bytes(bytes([5] * 32)), Keypair()
    svm.airdrop(payer.pubkey(), 10**12)
    svm.add_program_from_file(program, lowering_object)

    def call(operation: int, data: bytes) -> bytes | None:
        instruction = Instruction(program, bytes([operation]) + data, [])
        message = Message([instruction], payer.pubkey())
        result = svm.send_transaction(Transaction([payer], message, svm.latest_blockhash()))
        svm.expire_blockhash()
        if isinstance(result, FailedTransactionMetadata):
            assert "ProgramFailedToComplete" in str(result.err()) or any(
                "panicked" in line for line in result.meta().logs()
            ), result.meta().logs()
            return None
        return bytes(result.return_data().data)

    return call
