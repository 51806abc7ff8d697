"""`choir doctor`: what is missing on this machine, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    state_dir: Annotated[
        Path, typer.Option(envvar="CHOIR_STATE_DIR", help="Where the stack keeps its state.")
    ] = Path(".choir"),
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Check versions, ports, connections and keys, and say what to do.

    Exit code 0 when nothing failed (warnings do not count), 1 otherwise.
    """
    from choir.stack.doctor import Finding, Verdict, examine

    async def collect() -> list[Finding]:
        return [finding async for finding in examine(state_dir.absolute(), os.environ)]

    findings = asyncio.run(collect())
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    if as_json:
        report = {"ok": not failed, "checks": [finding.as_json() for finding in findings]}
        typer.echo(json.dumps(report))
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("", "check", "found", "what to do"):
            table.add_column(heading, overflow="fold")
        for finding in findings:
            colour = COLOURS[finding.verdict]
            table.add_row(
                f"[{colour}]{finding.verdict}[/{colour}]",
                finding.check,
                finding.found,
                finding.advice,
            )
        Console().print(table)
    raise typer.Exit(1 if failed else 0)
