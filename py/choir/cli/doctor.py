"""`choir doctor`: what is wrong on this machine, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from choir.stack.doctor import Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "dim"}


def doctor(
    state_dir: Annotated[
        Path, typer.Option(envvar="CHOIR_STATE_DIR", help="Where the stack keeps its state.")
    ] = Path(".choir"),
    keypair: Annotated[
        Path | None,
        typer.Option("--keypair", "-k", help="The wallet to look at; else the environment's."),
    ] = None,
    rpc_port: Annotated[int, typer.Option(help="As of `choir up`.")] = 8899,
    pubsub_port: Annotated[int, typer.Option(help="As of `choir up`.")] = 8900,
    api_port: Annotated[int, typer.Option(help="As of `choir up`.")] = 8000,
    realtime_port: Annotated[int, typer.Option(help="As of `choir up`.")] = 8001,
    limit: Annotated[
        float, typer.Option(min=0.1, max=60, help="Seconds one check may take.")
    ] = 4.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON; docs/first-hour.md has its shape.")
    ] = False,
) -> None:
    """Check versions, disk, ports, connections, keys and the running parts; say what to do.

    Reads the same CHOIR_* settings as the stack does, changes nothing, shows no secret, and is
    done within seconds whatever hangs. docs/first-hour.md explains each problem it names.

    Exit codes: 0 nothing failed (warnings do not count), 1 something failed, 2 wrong options.
    """
    from choir.stack.doctor import Ask, Verdict, examine

    ask = Ask(
        state_dir=state_dir.absolute(),
        environment=dict(os.environ),
        ports={"rpc": rpc_port, "pubsub": pubsub_port, "api": api_port, "realtime": realtime_port},
        key_file=keypair,
        limit_s=limit,
    )
    findings = asyncio.run(examine(ask))
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    if as_json:
        checks = [finding.as_json() for finding in findings]
        typer.echo(json.dumps({"ok": not failed, "checks": checks}, ensure_ascii=False))
    else:
        _show(findings)
    raise typer.Exit(1 if failed else 0)


def _show(findings: list[Finding]) -> None:
    """A line for each check, and what to do under those with a problem."""
    import sys

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        said = Text(finding.found)
        if finding.problem is not None:
            said.append(f" [{finding.problem}]", "dim")
            said.append(f"\n→ {finding.advice}", "bold")
        verdict = Text(str(finding.verdict), COLOURS[finding.verdict])
        table.add_row(verdict, Text(finding.check), said)
    # a pipe has no width: what is cut to 80 columns cannot be copied
    Console(width=None if sys.stdout.isatty() else 240).print(table)
