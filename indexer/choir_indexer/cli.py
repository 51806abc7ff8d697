"""``choir-indexer``: run the mirror, look at it, and put it right."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, NoReturn, TypeVar

import structlog
import typer
from pydantic import ValidationError

from choir_indexer.settings import Settings
from choir_indexer.store import MirrorError, migrate, rebuild

T = TypeVar("T")
USAGE = 2
DIFFERS = 3

app = typer.Typer(
    help="The Choir indexer. Settings come from the environment (CHOIR_…; docs/indexer.md).",
    no_args_is_help=True,
    add_completion=False,
)
AsJson = Annotated[bool, typer.Option("--json", help="one line of JSON for scripts")]


@app.command()
def run() -> None:
    """Follow the chain until told to stop; one line of JSON on stdout once attached."""
    from choir_indexer.programs import ProgramsError
    from choir_indexer.runner import PortTaken, collect_seldom, serve

    settings = _settings()
    _log_to_stderr()
    collect_seldom()

    def ready(url: str) -> None:
        sys.stdout.write(json.dumps({"ready": True, "indexer_url": url}) + "\n")
        sys.stdout.flush()

    try:
        _run(serve(settings, on_ready=ready))
    except PortTaken as error:
        _fail(str(error))
    except ProgramsError as error:
        _fail(str(error), USAGE)


@app.command("migrate")
def migrate_schema(
    anew: Annotated[
        bool,
        typer.Option("--rebuild", help="drop the mirror first; it fills again from the chain"),
    ] = False,
) -> None:
    """Bring schema `chain` to its newest version and end."""
    settings = _settings()
    if not anew:
        _guard(lambda: migrate(settings.database_url))
        return
    from choir_indexer.store.writer import Writer

    async def drop() -> None:
        async def waiting() -> None:
            typer.echo("an indexer works on this database; waiting until it ends", err=True)

        await asyncio.to_thread(migrate, settings.database_url)
        writer = await Writer.open(settings.database_url, waiting=waiting)
        try:
            await asyncio.to_thread(rebuild, settings.database_url)
        finally:
            await writer.close()

    _run(drop())


@app.command()
def status(as_json: AsJson = False) -> None:
    """How far the mirror is, what it holds, and how far the chain is."""
    from choir_indexer.status import status as look

    found = _run(look(_settings()))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            for inner, number in value.items():
                _line(inner if name == "rows" else f"{name} {inner}", number)
        elif isinstance(value, list):
            _line(name, len(value))
            for each in value:
                typer.echo(f"{'':>20}  " + ", ".join(f"{k} {v}" for k, v in each.items()))
        else:
            _line(name, value)


@app.command()
def backfill(as_json: AsJson = False) -> None:
    """Bring the mirror to the chain's newest slot, once, and end. Goes on where it stopped."""
    from choir_indexer.runner import collect_seldom, opened_mirror

    settings = _settings()
    _log_to_stderr(logging.WARNING)
    collect_seldom()

    async def catch_up() -> int:
        await asyncio.to_thread(migrate, settings.database_url)
        async with opened_mirror(settings) as mirror:
            bar = asyncio.create_task(_progress(mirror.state))
            try:
                return await mirror.catch_up()
            finally:
                bar.cancel()
                with suppress(asyncio.CancelledError):
                    await bar

    slot = _run(catch_up())
    typer.echo(json.dumps({"ok": True, "watermark": slot}) if as_json else f"complete to {slot}")


@app.command("rebuild-vectors")
def rebuild_vectors(
    anew: Annotated[bool, typer.Option("--anew", help="take everything out first")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the vector store agree with the mirror, from PostgreSQL. Goes on where it stopped;
    only while no indexer does that."""
    from choir.embed import EmbedError, OffLoop, load_minilm
    from choir.vectors import VectorsError, open_store
    from choir_indexer.vectors.pump import Pump

    settings = _settings()
    _log_to_stderr(logging.WARNING)
    url, token = settings.vectors_url, settings.vectors_token
    if url is None:
        _fail("CHOIR_VECTORS_URL is not set: there is no vector store", USAGE)

    async def rebuild_all() -> Any:
        embedder = OffLoop(await asyncio.to_thread(load_minilm, settings.model_dir))
        store = open_store(url, token.get_secret_value() if token else None)
        try:
            with _bar("messages") as progress:
                pump = Pump(settings.database_url, store, embedder)
                return await pump.rebuild(anew=anew, progress=progress)
        finally:
            await store.aclose()
            embedder.close()

    try:
        found = _run(rebuild_all())
    except (EmbedError, VectorsError) as error:
        _fail(str(error))
    if as_json:
        typer.echo(json.dumps({"ok": True, "written": found.written, "removed": found.removed}))
    else:
        typer.echo(f"{found.written} messages written, {found.removed} taken out")


@app.command("reconcile")
def reconcile_mirror(
    repair: Annotated[bool, typer.Option(help="write what differs")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare every account with the chain; exit code 3 when something differs."""
    from choir.rpc import HttpRpc
    from choir_indexer.reconciling import Reconciler
    from choir_indexer.runner import opened_source

    settings = _settings()
    _log_to_stderr(logging.WARNING)

    async def compare() -> Any:
        async with opened_source(settings) as source, HttpRpc(settings.rpc_url) as rpc:
            return await Reconciler(settings.database_url, source, rpc, repair=repair).compare()

    report = _run(compare())
    if report is None:
        _fail("another comparison is under way on this database; try again when it has ended")
    if as_json:
        typer.echo(json.dumps(report.plain()))
    else:
        typer.echo(
            f"slot {report.slot}: {report.accounts} accounts, {report.transactions} transactions;"
            f" {len(report.differences)} accounts differ ({report.repaired} repaired),"
            f" {len(report.missing_transactions)} transactions missing,"
            f" {len(report.short_vaults)} vaults short"
        )
        if report.behind:
            typer.echo(f"the mirror is only at slot {report.watermark}; is the indexer running?")
        for difference in report.differences:
            typer.echo(f"  {difference.what:>9}  {difference.pubkey}")
        for signature in report.missing_transactions:
            typer.echo(f"  no events  {signature}")
        for vault in report.short_vaults:
            typer.echo(f"  short      {vault.thread}: owes {vault.owed}, holds {vault.held}")
        if report.missing_transactions:
            typer.echo(
                "a running indexer takes in the missing transactions that are not final; when they"
                " stay, make the mirror anew with: choir-indexer migrate --rebuild"
            )
    if not report.clean:
        raise typer.Exit(DIFFERS)


@app.command("replay-dead-letters")
def replay_dead_letters(as_json: AsJson = False) -> None:
    """Decode again what was not understood; exit code 3 when some of it is left.

    Beside a running indexer the letters of transactions are kept back: only the holder of the
    lease may number events.
    """
    from choir_indexer.replay import replay_letters
    from choir_indexer.store.writer import Writer

    settings = _settings()

    async def replay() -> Any:
        writer = await Writer.open(settings.database_url, lease=False)
        try:
            with _bar("letters") as progress:
                return await replay_letters(writer, program=settings.program, progress=progress)
        finally:
            await writer.close()

    found = _run(replay())
    if as_json:
        typer.echo(json.dumps(found.plain()))
    else:
        typer.echo(
            f"taken back: {found.accounts} accounts, {found.transactions} transactions with"
            f" {found.events} events, {found.messages} messages; {found.superseded} letters were"
            f" of what is no longer there; {found.left} are still not understood"
        )
        if found.held_back:
            typer.echo(
                f"{found.held_back} transactions wait: an indexer holds the lease; stop it and"
                " run this again"
            )
        for thread in found.renumbered:
            typer.echo(f"  numbered anew  {thread}")
    if not found.clean:
        raise typer.Exit(DIFFERS)


@app.command()
def retire(as_json: AsJson = False) -> None:
    """Take out what the settings no longer keep, once; a running indexer does so every hour."""
    from choir_indexer.retiring import Policy, Retirer

    settings = _settings()
    _log_to_stderr(logging.WARNING)
    if settings.indexer_keep_events_days is None:
        _fail("CHOIR_INDEXER_KEEP_EVENTS_DAYS is not set: everything is kept", USAGE)
    found = _run(Retirer(settings.database_url, Policy.of(settings)).retire())
    if found is None:
        _fail("a retention is under way already on this database")
    events, transactions = found
    if as_json:
        typer.echo(json.dumps({"ok": True, "events": events, "transactions": transactions}))
    else:
        typer.echo(f"{events} events and {transactions} transactions retired")


@app.command()
def programs(
    rebuild: Annotated[
        str | None,
        typer.Option(metavar="PROGRAM", help="drop this program's rows; they fill again"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the file of other programs (CHOIR_INDEXER_PROGRAMS) and say what is mirrored."""
    from choir_indexer.programs import ProgramsError, load_programs
    from choir_indexer.programs.writer import ProgramWriter, forget

    settings = _settings()
    if settings.indexer_programs is None:
        _fail("no other programs: CHOIR_INDEXER_PROGRAMS is not set", USAGE)
    try:
        configs = load_programs(settings.indexer_programs, choir=settings.program)
    except ProgramsError as error:
        _fail(str(error), USAGE)
    if rebuild is not None:
        found = [config for config in configs if str(config.program) == rebuild]
        if not found:
            _fail(f"{rebuild} is not in {settings.indexer_programs}", USAGE)

        async def drop() -> None:
            async def waiting() -> None:
                typer.echo("an indexer mirrors this program; waiting until it ends", err=True)

            writer = await ProgramWriter.open(settings.database_url, found[0], waiting=waiting)
            try:
                await forget(settings.database_url, found[0].program)
            finally:
                await writer.close()

        _run(drop())
    for config in configs:
        decoder = config.decoder
        said = {
            "program": str(config.program),
            "accounts": list(decoder.accounts),
            "kept": "listed" if config.kept is not None else "all",
            "events": list(decoder.events),
        }
        if as_json:
            typer.echo(json.dumps(said))
        else:
            kinds = ", ".join(decoder.accounts) + (" only" if config.kept is not None else "")
            typer.echo(f"{config.program}: {kinds}; {len(decoder.events)} events")


def main() -> None:
    """The console script."""
    app()


def _line(name: str, value: object) -> None:
    typer.echo(f"{name:>20}  {'-' if value is None else value}")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, moved by what is given: how many of how many."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)

        def move(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield move


async def _progress(state: Any) -> None:
    """A bar on stderr until cancelled: how far, how many slots a second, how long still."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("slots", total=None, rate="")
        while True:
            speed = progress.tasks[0].speed
            rate = "" if speed is None else f"{speed:,.0f}/s"
            completed = state.slot or 0
            progress.update(task, total=state.frontier, completed=completed, rate=rate)
            await asyncio.sleep(0.2)


def _run(work: Coroutine[Any, Any, T]) -> T:
    from choir.errors import RpcError
    from choir_indexer.sources import SourceError

    try:
        return asyncio.run(work)
    except (MirrorError, SourceError, RpcError) as error:
        _fail(str(error))


def _guard(work: Any) -> None:
    try:
        work()
    except MirrorError as error:
        _fail(str(error))


def _settings() -> Settings:
    try:
        return Settings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        lines = [
            f"CHOIR_{'.'.join(str(part) for part in each['loc']).upper()}: {each['msg']}"
            for each in error.errors()
        ]
        _fail("the settings cannot be used:\n  " + "\n  ".join(lines), USAGE)


def _log_to_stderr(level: int = logging.INFO) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"choir-indexer: {message}", err=True)
    raise typer.Exit(code)
