"""The localnet: time to the first transaction, transactions a second, listing, memory.

    scripts/bench localnet [--full]

What is measured, and how:

- First transaction: from the start of the process (imports included) until a transfer signed by
  its client is confirmed. The wallet comes with the chain (`--account`). Median of five starts.
- Transfers and program instructions: `sendTransaction` in plain single requests, one under way on
  each of a few keep-alive connections; the transactions are signed beforehand and preflight is
  skipped, unless said otherwise. Server and client are two processes, and the time ends when every
  transaction is confirmed without an error. The localnet keeps its journal, unless said otherwise.
- Listing: `getProgramAccounts` of 10,000 accounts of 200 bytes with a `memcmp` that half of them
  pass, over HTTP; the median of nine.
- Memory: resident size while 100,000 transfers go through a chain that keeps 20,000 of them
  (5,000 slots' worth), without HTTP, in a process of its own.

Beside them stands bare LiteSVM in this process: the same transactions, the same signature checks,
no server. The load average at the end is told too: with other work on the machine the figures are
lower, and only those beside one another can be compared. Small by default (under a minute on two
free cores); --full takes more of everything.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
from solders.account import Account
from solders.clock import Clock as ClockSysvar
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction

from choir.accounts import PrivacyLevel
from choir.artifact import program_so
from choir.client import ChoirClient
from choir.ids import PROGRAM_ID
from choir.rpc import HttpRpc
from choir.stack.first_run import ensure_initialized
from choir.wallet import KeypairSigner

SOL = 1_000_000_000
CONNECTIONS = 16
WALLETS = 8
CONFIRMED = {"commitment": "confirmed"}
SYSTEM = "11111111111111111111111111111111"


class Server:
    """A localnet in a process of its own."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "choir.localnet", "--rpc-port", "0", "--ws-port", "0", *options],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.url: str = self.ready["rpc_url"]
        self.http = httpx.Client(timeout=60)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait()

    def call(self, method: str, *params: Any) -> Any:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.http.post(self.url, json=call).json()
        assert "result" in answer, answer
        return answer["result"]

    def blockhash(self) -> Hash:
        return Hash.from_string(self.call("getLatestBlockhash", CONFIRMED)["value"]["blockhash"])

    def settle(self, signatures: Sequence[str]) -> None:
        """Return once all are confirmed; an error of any is one here."""
        waiting = list(signatures)
        while waiting:
            part = waiting[-256:]
            for status in self.call("getSignatureStatuses", part)["value"]:
                assert status is not None
                assert status["err"] is None, status
                if status["confirmationStatus"] == "processed":
                    break
            else:
                del waiting[-256:]


class Connection(asyncio.Protocol):
    """A keep-alive connection with one request under way."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests, self._done = requests, done
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._buffer.index(b"content-length: ") + 16
        size = int(self._buffer[at : self._buffer.index(b"\r\n", at)])
        if len(self._buffer) < head + 4 + size:
            return
        if b'"error"' in self._buffer:
            self._done.set_exception(AssertionError(self._buffer.decode()))
            return
        self._buffer = b""
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()


async def post_all(url: str, requests: Sequence[bytes]) -> None:
    """Send every request, each once the one before it on its connection is answered."""
    loop = asyncio.get_running_loop()
    host, port = url.removeprefix("http://").split(":")
    source = iter(requests)
    done = []
    for _ in range(CONNECTIONS):
        future = loop.create_future()
        done.append(future)
        await loop.create_connection(lambda f=future: Connection(source, f), host, int(port))
    await asyncio.gather(*done)


def request(method: str, *params: Any) -> bytes:
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    head = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return b"%scontent-length: %d\r\n\r\n%s" % (head, len(body), body)


def sends(transactions: Sequence[Transaction], *, preflight: bool = False) -> list[bytes]:
    config = {"encoding": "base64", "skipPreflight": not preflight}
    config["preflightCommitment"] = "processed"
    return [
        request("sendTransaction", base64.b64encode(bytes(t)).decode(), config)
        for t in transactions
    ]


def rate(server: Server, transactions: Sequence[Transaction], *, preflight: bool = False) -> float:
    """Transactions a second, from the first request until all are confirmed."""
    requests = sends(transactions, preflight=preflight)
    start = time.perf_counter()
    asyncio.run(post_all(server.url, requests))
    server.settle([str(t.signatures[0]) for t in transactions])
    return len(transactions) / (time.perf_counter() - start)


def transfers(wallets: Sequence[Keypair], count: int, blockhash: Hash) -> list[Transaction]:
    to = Keypair().pubkey()
    made = []
    for number in range(count):
        wallet = wallets[number % len(wallets)]
        pay = transfer(
            TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=to, lamports=SOL + number)
        )
        message = Message.new_with_blockhash([pay], wallet.pubkey(), blockhash)
        made.append(Transaction([wallet], message, blockhash))
    return made


def first_transaction(folder: Path) -> float:
    """Seconds from the start of the process to a confirmed transfer."""
    wallet = Keypair()
    account = {
        "pubkey": str(wallet.pubkey()),
        "account": {"lamports": 10 * SOL, "data": ["", "base64"], "owner": SYSTEM},
    }
    path = folder / "wallet.json"
    path.write_text(json.dumps(account))
    start = time.perf_counter()
    with Server("--account", str(path)) as server:
        [payment] = transfers([wallet], 1, server.blockhash())
        wire = base64.b64encode(bytes(payment)).decode()
        config = {"encoding": "base64", "preflightCommitment": "confirmed"}
        signature = server.call("sendTransaction", wire, config)
        server.settle([signature])
        return time.perf_counter() - start


BARE_FIRST = """
import time
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction
svm, wallet = LiteSVM(), Keypair()
svm.airdrop(wallet.pubkey(), 10**10)
to = Keypair().pubkey()
pay = transfer(TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=to, lamports=10**9))
blockhash = svm.latest_blockhash()
message = Message.new_with_blockhash([pay], wallet.pubkey(), blockhash)
svm.send_transaction(Transaction([wallet], message, blockhash))
"""


def bare_first() -> float:
    """The same with LiteSVM alone: a process that imports it and runs one transfer."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", BARE_FIRST], check=True)
    return time.perf_counter() - start


def bare_rate(accounts: dict[Pubkey, Account], transactions: Sequence[Transaction]) -> float:
    """Transactions a second in LiteSVM alone, signature checks included."""
    svm: Any = LiteSVM()
    svm.with_blockhash_check(False)
    svm.with_transaction_history(0)
    svm.set_clock(ClockSysvar(1, 0, 0, 1, int(time.time())))
    svm.add_program(PROGRAM_ID, program_so().read_bytes())
    for key, account in accounts.items():
        svm.set_account(key, account)
    start = time.perf_counter()
    results = [svm.send_transaction(each) for each in transactions]
    taken = time.perf_counter() - start
    failed = [r for r in results if hasattr(r, "err")]
    assert not failed, failed[0]
    return len(transactions) / taken


def funded(server: Server) -> list[Keypair]:
    wallets = [Keypair() for _ in range(WALLETS)]
    for wallet in wallets:
        server.call("localnet_setAccount", str(wallet.pubkey()), lamports(1_000_000 * SOL))
    server.call("localnet_advance")
    return wallets


def lamports(amount: int) -> dict[str, Any]:
    return {"lamports": amount, "data": ["", "base64"], "owner": SYSTEM}


def measure_transfers(folder: Path, count: int) -> dict[str, float]:
    answer: dict[str, float] = {}
    wallets: list[Keypair] = []
    for name, options, preflight in (
        ("transfers_per_s", ("--state-dir", str(folder / "transfers")), False),
        ("transfers_in_memory_per_s", (), False),
        ("transfers_with_preflight_per_s", (), True),
    ):
        with Server(*options) as server:
            wallets = funded(server)
            made = transfers(wallets, count, server.blockhash())
            answer[name] = rate(server, made, preflight=preflight)
    rich = Account(1_000_000 * SOL, b"", Pubkey.from_string(SYSTEM), False, 0)
    made = transfers(wallets, count, Hash.new_unique())
    answer["bare_transfers_per_s"] = bare_rate({w.pubkey(): rich for w in wallets}, made)
    return answer


async def deposits(server: Server, authority: Path, wallet: Keypair) -> list[Instruction]:
    """Set the program up with a thread; answers the instruction of a deposit into it."""
    mint = Pubkey.from_string(server.ready["stake_mint"])
    await ensure_initialized(server.url, authority, mint)
    server.call("localnet_mintTo", str(wallet.pubkey()), 10**15)
    async with HttpRpc(server.url) as rpc:
        client = ChoirClient(rpc, KeypairSigner(wallet))
        await client.create_thread("bench", deposit=10**9, privacy=PrivacyLevel.PUBLIC)
        return list(await client.collect().deposit("bench", 1_000_000))


def measure_program(folder: Path, count: int) -> dict[str, float]:
    state = folder / "program"
    with Server("--state-dir", str(state)) as server:
        [wallet, *_] = funded(server)
        authority = state / "keys" / "upgrade-authority.json"
        instructions = asyncio.run(deposits(server, authority, wallet))
        blockhash = server.blockhash()
        made = []
        for number in range(count):
            # Another limit makes another transaction of the same instruction.
            limit = set_compute_unit_limit(200_000 + number)
            message = Message.new_with_blockhash([limit, *instructions], wallet.pubkey(), blockhash)
            made.append(Transaction([wallet], message, blockhash))
        keys = made[0].message.account_keys
        shown = server.call(
            "getMultipleAccounts", [str(k) for k in keys], {"encoding": "base64", **CONFIRMED}
        )["value"]
        before = {
            key: Account(
                each["lamports"],
                base64.b64decode(each["data"][0]),
                Pubkey.from_string(each["owner"]),
                False,
                0,
            )
            for key, each in zip(keys, shown, strict=True)
            if each is not None and not each["executable"]
        }
        per_second = rate(server, made)
        size = sum(f.stat().st_size for f in state.glob("localnet.sqlite*"))
    return {
        "program_ix_per_s": per_second,
        "bare_program_ix_per_s": bare_rate(before, made),
        "journal_mb": size / 2**20,
    }


def measure_listing(count: int) -> dict[str, float]:
    program = str(Keypair().pubkey())
    with Server("--no-choir", "--production", "manual") as server:
        calls = []
        for number in range(count):
            data = bytes([number % 2]) + os.urandom(199)
            account = {
                "lamports": SOL,
                "data": [base64.b64encode(data).decode(), "base64"],
                "owner": program,
            }
            calls.append(request("localnet_setAccount", str(Keypair().pubkey()), account))
        asyncio.run(post_all(server.url, calls))
        server.call("localnet_advance")
        config = {
            **CONFIRMED,
            "encoding": "base64",
            "filters": [{"memcmp": {"offset": 0, "bytes": "2"}}, {"dataSize": 200}],
        }
        taken = []
        for _ in range(9):
            start = time.perf_counter()
            call = {"jsonrpc": "2.0", "id": 1, "method": "getProgramAccounts"}
            answer = server.http.post(server.url, json={**call, "params": [program, config]})
            taken.append(time.perf_counter() - start)
            assert answer.content.count(b'"pubkey"') == count // 2
    return {"gpa_10k_ms": statistics.median(taken) * 1000}


MEMORY = """
import asyncio, json, sys
from solders.hash import Hash
from choir.localnet import Localnet, Settings
from tests.bench.bench_localnet import SOL, resident_mb, transfers
from choir.localnet.model import AccountState, SYSTEM_PROGRAM
from solders.keypair import Keypair

async def run(total, kept, each):
    settings = Settings(http_port=0, ws_port=0, choir=False, production="manual",
                        history_transactions=kept)
    seen = {}
    async with Localnet(settings) as net:
        wallets = [Keypair() for _ in range(8)]
        for wallet in wallets:
            net.chain.set_account(wallet.pubkey(), AccountState(10**18, b"", SYSTEM_PROGRAM))
        await net.advance()
        for number in range(0, total, each):
            blockhash = net.chain.bank.blockhash
            for made in transfers(wallets, each, blockhash):
                net.chain.execute(made_versioned(made), bytes(made), verified=True)
            await net.advance()
            if number + each in (kept, total // 2, total):
                seen[number + each] = resident_mb()
    print(json.dumps(seen))

def made_versioned(made):
    from solders.transaction import VersionedTransaction
    return VersionedTransaction.from_legacy(made)

asyncio.run(run(*map(int, sys.argv[1:])))
"""


def resident_mb() -> float:
    """The resident size of this process, MiB."""
    status = Path("/proc/self/status").read_text()
    [line] = [each for each in status.splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def measure_memory(total: int, kept: int, each: int) -> dict[str, float]:
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, str(total), str(kept), str(each)],
        check=True,
        capture_output=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    seen = json.loads(ran.stdout)
    return {
        "memory_transactions": total,
        "memory_history_setting": kept,
        "memory_at_setting_mb": seen[str(kept)],
        "memory_at_half_mb": seen[str(total // 2)],
        "memory_at_end_mb": seen[str(total)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="more of everything: a few minutes")
    full = parser.parse_args().full
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        starts = [first_transaction(folder) for _ in range(15 if full else 5)]
        result["first_tx_p50_s"] = statistics.median(starts)
        result["bare_first_tx_p50_s"] = statistics.median(bare_first() for _ in starts)
        result |= measure_transfers(folder, 50_000 if full else 5_000)
        result |= measure_program(folder, 20_000 if full else 2_000)
        result |= measure_listing(10_000)
        result |= measure_memory(400_000 if full else 100_000, 20_000, 250)
    result["transfers_of_bare"] = result["transfers_per_s"] / result["bare_transfers_per_s"]
    result["program_ix_of_bare"] = result["program_ix_per_s"] / result["bare_program_ix_per_s"]
    result["first_tx_over_bare"] = result["first_tx_p50_s"] / result["bare_first_tx_p50_s"]
    result["load_average"] = os.getloadavg()[0]
    result = {name: round(value, 3) for name, value in result.items()}
    rows = [
        ("start to first confirmed transaction, s", "first_tx_p50_s", "bare_first_tx_p50_s"),
        ("transfers a second, journaled", "transfers_per_s", "bare_transfers_per_s"),
        ("  in memory", "transfers_in_memory_per_s", None),
        ("  in memory, with preflight", "transfers_with_preflight_per_s", None),
        ("deposits into a thread a second, journaled", "program_ix_per_s", "bare_program_ix_per_s"),
        ("getProgramAccounts of 10,000, ms", "gpa_10k_ms", None),
        ("memory when the history is full, MiB", "memory_at_setting_mb", None),
        (f"  after {result['memory_transactions']:,} transactions", "memory_at_end_mb", None),
    ]
    print(f"{'':<45}{'localnet':>10}{'LiteSVM':>10}")
    for label, ours, bare in rows:
        print(f"{label:<45}{result[ours]:>10}{'' if bare is None else result[bare]:>10}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
