"""The localnet put together: an async context manager that serves until it is left."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from choir.clock import Clock, SystemClock
from choir.localnet.chain import Chain
from choir.localnet.faults import Faults
from choir.localnet.genesis import (
    PROGRAM_DATA_HEADER,
    choir_program,
    genesis_accounts,
    genesis_hash,
    load_keys,
    program_data_address,
    read_elf,
)
from choir.localnet.http_server import HttpServer
from choir.localnet.producer import Producer
from choir.localnet.pubsub import PubSub
from choir.localnet.rpc import Dispatcher, cluster
from choir.localnet.rpc.context import Context
from choir.localnet.settings import Settings, SettingsError
from choir.localnet.socket_faults import Disturber
from choir.localnet.svm import SvmError
from choir.localnet.ws_server import WsServer

if TYPE_CHECKING:
    from choir.localnet.journal import Kept, SqliteJournal

BACKLOG = 1024
_log = logging.getLogger(__name__)


class Localnet:
    """A Solana localnet in this process.

        async with Localnet(Settings(http_port=0, ws_port=0)) as localnet:
            ...  # localnet.rpc_url, localnet.ws_url

    Raises SettingsError when a port is taken or a file cannot be used.
    """

    def __init__(self, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings or Settings()
        self._clock = clock or SystemClock()
        self._http: asyncio.Server | None = None
        self._sockets: list[socket.socket] = []
        self._journal: SqliteJournal | None = None
        self.rpc_url = ""
        self.ws_url = ""

    async def start(self) -> None:
        """Start the chain and listen. Returns once both ports answer."""
        settings = self.settings
        http = _bind(settings.host, settings.http_port, "RPC", "--rpc-port")
        self._sockets.append(http)
        try:
            websocket = _bind(settings.host, settings.ws_port, "WebSocket", "--ws-port")
            self._sockets.append(websocket)
            try:
                self.chain = self._chain()
            except SvmError as error:
                raise SettingsError(str(error)) from error
        except BaseException:
            self._release()
            raise
        self.rpc_url = _url("http", settings.host, http)
        self.ws_url = _url("ws", settings.host, websocket)
        self.faults = Faults(settings.fault_seed)
        self.producer = Producer(self.chain, self._journal)
        self.context = Context(self.chain, self.producer, self.faults)
        self.context.urls = {"rpc": self.rpc_url, "ws": self.ws_url}
        disturber = Disturber(self.faults, self._clock)
        self.pubsub = PubSub(self.chain, disturber.deliver)
        self.chain.listeners.append(self.pubsub)
        self._handler = HttpServer(
            Dispatcher(self.context), self.faults, self._clock, settings.max_request_bytes
        )
        loop = asyncio.get_running_loop()
        self._http = await loop.create_server(self._handler.connection, sock=http, backlog=BACKLOG)
        self.websocket = WsServer(self.pubsub, disturber)
        self.context.drop_sockets = self.websocket.drop
        await self.websocket.start(websocket)
        self.producer.start()

    def _chain(self) -> Chain:
        settings = self.settings
        if settings.choir:
            programs = (choir_program(), *settings.programs)
            settings = self.settings = replace(settings, choir=False, programs=programs)
        keys = load_keys(settings.state_dir)
        kept = self._open_journal()
        if kept is not None:
            for name, address in keys.addresses().items():
                if kept.keys[name] != address:
                    raise SettingsError(
                        f"the kept chain was begun with the {name.replace('_', ' ')}"
                        f" {kept.keys[name]}, and {settings.state_dir}/keys has {address}: put"
                        " that key file back, or start over with --reset"
                    )
            chain = Chain(settings, self._clock, keys, kept.genesis_hash)
            chain.resume(kept.accounts, kept.blocks, kept.state)
            _compare_programs(chain)
            return chain
        chain = Chain(settings, self._clock, keys, genesis_hash(keys, secrets.token_bytes(32)))
        closed = chain.start(list(genesis_accounts(settings, keys, chain.bank.svm.rent_exempt)))
        if self._journal is not None:
            self._journal.begin(chain.genesis_hash, keys.addresses())
            self._journal.append(closed, chain.state())
        return chain

    def _open_journal(self) -> Kept | None:
        if self.settings.state_dir is None:
            return None
        from choir.localnet.journal import FILE_NAME, SqliteJournal, delete, snapshot_path

        folder, restore = self.settings.state_dir, self.settings.restore
        path = folder / FILE_NAME
        saved = None
        if restore is not None:
            saved = Path(restore) if "/" in restore else snapshot_path(folder, restore)
        if saved is not None and not saved.is_file():
            raise SettingsError(f"there is no snapshot {saved}; localnet_save makes them")
        if self.settings.reset or saved is not None:
            delete(path)
        if saved is not None:
            shutil.copyfile(saved, path)
        self._journal = SqliteJournal(path)
        return self._journal.read()

    async def stop(self) -> None:
        """Stop serving and close."""
        if self._http is None:
            return
        self._http.close()
        await self.producer.stop()
        self._handler.close()
        await self.websocket.stop()
        self._http = None
        self._release()

    def describe(self) -> dict[str, object]:
        """What a client needs to know: addresses, keys, the chain's name."""
        keys = self.chain.keys
        return {
            "rpc_url": self.rpc_url,
            "ws_url": self.ws_url,
            "genesis_hash": cluster.genesis_hash(self.context),
            "stake_mint": str(keys.stake_mint.pubkey()),
            "faucet": str(keys.faucet.pubkey()),
            "program_id": str(self.settings.programs[0].program_id)
            if self.settings.programs
            else None,
        }

    async def failure(self) -> None:
        """Wait for the production of slots to break down, and raise why."""
        await self.producer.failure()

    async def advance(self, slots: int = 1) -> int:
        """Close slots now; answers the newest confirmed slot."""
        return await self.producer.advance(slots)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _release(self) -> None:
        for each in self._sockets:
            each.close()
        self._sockets.clear()
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def _compare_programs(chain: Chain) -> None:
    for program in chain.settings.programs:
        kept = chain.account(program_data_address(program.program_id))
        if kept is None:
            _log.warning(
                "the kept chain does not have program %s; --reset starts a new one with it",
                program.program_id,
            )
        elif kept.data[PROGRAM_DATA_HEADER:].rstrip(b"\0") != read_elf(program).rstrip(b"\0"):
            _log.warning(
                "the kept chain has another build of program %s than %s; upgrade it, or start a"
                " new chain with --reset",
                program.program_id,
                program.path,
            )


def _bind(host: str, port: int, what: str, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise SettingsError(
            f"the {what} port {port} on {host} cannot be used: {error.strerror}. Another"
            f" validator or localnet may hold it; stop that one, or take another port with"
            f" {option} (0 takes a free one)"
        ) from error
    sock.setblocking(False)
    return sock


def _url(scheme: str, host: str, sock: socket.socket) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"{scheme}://{shown}:{sock.getsockname()[1]}"
