"""What a check answers with, and every problem that has a name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Problem", "Verdict", "fail", "ok", "skip", "warn"]


class Verdict(StrEnum):
    """How a check went.

    `WARN` is something one can work without; `SKIP` was not asked for, or could not be asked
    because of another finding.
    """

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Problem(StrEnum):
    """The name of a problem: stable, and its heading in docs/first-hour.md."""

    PLATFORM = "platform-without-localnet"
    PACKAGES_MISSING = "packages-missing"
    PACKAGES_OTHER = "packages-mismatch"
    STATE_DIR = "state-dir-unusable"
    DISK_FULL = "disk-full"
    PROGRAM_FILE = "program-file-damaged"
    MODEL_MISSING = "model-missing"
    MODEL_DAMAGED = "model-damaged"
    SECRET_WEAK = "secret-weak"  # noqa: S105 - a name, no secret
    SECRET_EXPOSED = "secret-exposed"  # noqa: S105
    PORT_TAKEN = "port-taken"
    RPC_UNREACHABLE = "rpc-unreachable"
    RPC_NOT_A_NODE = "rpc-not-a-node"
    PUBSUB_UNREACHABLE = "pubsub-unreachable"
    PROGRAM_ABSENT = "program-not-deployed"
    PROGRAM_OTHER = "program-other-build"
    NOT_SET_UP = "program-not-set-up"
    CLOCK_SKEW = "clock-skew"
    WALLET_MISSING = "wallet-missing"
    WALLET_EXPOSED = "wallet-exposed"
    WALLET_MALFORMED = "wallet-malformed"
    WALLET_NO_LAMPORTS = "wallet-without-lamports"
    WALLET_NO_TOKENS = "wallet-without-tokens"
    DATABASE_UNREACHABLE = "database-unreachable"
    DATABASE_REFUSED = "database-refused"
    DATABASE_TOO_OLD = "database-too-old"
    DATABASE_SCHEMA = "database-schema"
    DATABASE_OTHER_CHAIN = "database-other-chain"
    INDEXER_DEAD = "indexer-not-answering"
    INDEXER_LAGGING = "indexer-lagging"
    API_UNREACHABLE = "api-unreachable"
    API_NOT_CHOIR = "api-not-choir"
    API_FAILING = "api-failing"
    TIMED_OUT = "check-timed-out"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question: what was found and, where there is a problem, what to do."""

    check: str
    verdict: Verdict
    found: str
    problem: Problem | None = None
    advice: str = ""

    def as_json(self) -> dict[str, str | None]:
        """Plain values, for `--json`."""
        return {
            "check": self.check,
            "verdict": str(self.verdict),
            "problem": None if self.problem is None else str(self.problem),
            "found": self.found,
            "advice": self.advice,
        }


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Verdict.OK, found)


def skip(check: str, why: str) -> Finding:
    """Not looked at."""
    return Finding(check, Verdict.SKIP, why)


def warn(check: str, problem: Problem, found: str, advice: str) -> Finding:
    """Something one can work without, or for now."""
    return Finding(check, Verdict.WARN, found, problem, advice)


def fail(check: str, problem: Problem, found: str, advice: str) -> Finding:
    """Something that will not work."""
    return Finding(check, Verdict.FAIL, found, problem, advice)
