"""``choir-api``: run the API process, and what an operator does by hand."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from solders.pubkey import Pubkey

from choir_api.auth.service import grant_premium
from choir_api.db import Database, DatabaseUnreachable, migrate
from choir_api.serving import PortTaken, opened, print_ready, serve
from choir_api.settings import Settings, WeakSecret

app = typer.Typer(
    help="The Choir API. Settings come from the environment (CHOIR_…; docs/api.md).",
    no_args_is_help=False,
    add_completion=False,
)
USAGE = 2


@app.callback(invoke_without_command=True)
def run(context: typer.Context) -> None:
    """Serve REST and the live sockets until told to stop (the default)."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for chatty in ("httpx", "alembic", "choir_api.realtime.server"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(settings, on_ready=print_ready))
    except (PortTaken, DatabaseUnreachable, WeakSecret) as error:
        _fail(str(error))


@app.command("migrate")
def migrate_schema() -> None:
    """Bring schema `app` to its newest version and end."""
    try:
        migrate(_settings().database_url)
    except DatabaseUnreachable as error:
        _fail(str(error))


@app.command("openapi")
def openapi() -> None:
    """Print the OpenAPI document."""
    from choir_api.app import create_app

    async def document() -> dict[str, object]:
        settings = Settings(database_url="postgresql://nowhere/none")
        async with opened(settings) as deps:
            return create_app(deps).openapi()

    typer.echo(json.dumps(asyncio.run(document()), indent=2))


@app.command("premium")
def premium(
    wallet: Annotated[str, typer.Argument(help="base58 address")],
    days: Annotated[int, typer.Option(min=0, help="from now; 0 takes premium away")] = 30,
) -> None:
    """Grant a wallet premium, or take it away."""
    try:
        address = Pubkey.from_string(wallet)
    except ValueError:
        _fail(f"{wallet!r} is not an address (base58 of 32 bytes)", USAGE)
    now = datetime.now(UTC)
    until = now + timedelta(days=days) if days else None

    async def grant() -> None:
        database = Database(_settings().database_url, pool_size=1)
        try:
            async with database.write() as session:
                await grant_premium(session, address, until, now)
        finally:
            await database.close()

    asyncio.run(grant())
    typer.echo(f"{address}: premium until {until:%Y-%m-%d %H:%M} UTC" if until else "no premium")


def main() -> None:
    """The console script."""
    app()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on this platform; asyncio's own loop serves too
        return None
    return uvloop.Loop


def _settings() -> Settings:
    try:
        return Settings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        lines = [
            f"CHOIR_{'.'.join(str(part) for part in each['loc']).upper()}: {each['msg']}"
            for each in error.errors()
        ]
        _fail("the settings cannot be used:\n  " + "\n  ".join(lines), USAGE)


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"choir-api: {message}", err=True)
    raise typer.Exit(code)
