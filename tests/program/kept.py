"""What the kept sequences of steps have in common."""

from __future__ import annotations

from solders.pubkey import Pubkey
from tests.program.harness import sha256
from tests.program.model_state import U64, SpecId
from tests.program.steps import DUST, Steps


def twenty_wallets(token_program: Pubkey, *, treasury_mints: bool = False) -> Steps:
    """Twenty wallets, the first with all the tokens there can be; the smallest of settings."""
    made = Steps(token_program, [U64, *[10**9] * 19], treasury_mints=treasury_mints)
    assert made.initialize(made.state.upgrade_authority, params=DUST) == "done"
    return made


def split(spec_id: SpecId) -> tuple[bytes, str, bytes]:
    """Author, thread and content, as they are submitted."""
    thread_id, author, content = spec_id
    return author, thread_id, content


def settle(both: Steps, spec_id: SpecId, stake: int, decision: str) -> None:
    """Submits a spec, on which all co-authors decide alike."""
    assert both.submit_spec(*split(spec_id), stake) == "done"
    for author in both.state.threads[spec_id[0]].co_authors:
        assert both.process_approval(author, spec_id, decision) == "done"


def admit(both: Steps, thread_id: str, wallet: bytes, stake: int = 1_003) -> None:
    """Makes a wallet a co-author, by everybody's approval."""
    settle(both, (thread_id, wallet, sha256(b"let me in" + wallet)), stake, "Approve")
