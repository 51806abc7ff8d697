"""``choir search``: messages by meaning, from a running API."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from choir.errors import ChoirError, InvalidInput, NotFound

app = typer.Typer(help="Search messages by meaning.")
"""Runs `search` alone; the program mounts the function itself, as one of its commands."""

_TIMEOUT_S = 30.0


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What to look for, in your own words.")],
    thread: Annotated[str | None, typer.Option(help="Only in this thread.")] = None,
    author: Annotated[str | None, typer.Option(help="Only by this wallet.")] = None,
    level: Annotated[
        str | None, typer.Option(help="Only this privacy level: public, premium, thread-only.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Posted at this time or later.")] = None,
    before: Annotated[str | None, typer.Option(help="Posted before this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="Results.")] = 10,
    api: Annotated[
        str, typer.Option(envvar="CHOIR_API_URL", help="The API's address.")
    ] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None,
        typer.Option(envvar="CHOIR_ACCESS_TOKEN", help="Access token, to find more than public."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Print the messages that answer QUESTION best, best first."""
    asked = {
        "q": question,
        "thread": thread,
        "author": author,
        "level": level,
        "after": after,
        "before": before,
        "limit": limit,
    }
    answer = _ask(api, {name: value for name, value in asked.items() if value is not None}, token)
    if as_json:
        typer.echo(json.dumps(answer))
        return
    if degraded := answer["metadata"]["degraded"]:
        sys.stderr.write(f"by words alone: {degraded}\n")
    items = answer["data"]["items"]
    if not items:
        sys.stderr.write("nothing found\n")
    for item in items:
        typer.echo(f"{item['thread_id']} #{item['message_index']} · {item['author']}")
        typer.echo(f"    {' '.join(item['highlight']['text'].split())}")


def _ask(api: str, params: dict[str, Any], token: str | None) -> dict[str, Any]:
    """The API's answer. Raises InvalidInput, NotFound or ApiUnreachable."""
    import httpx

    from choir._urls import place_of
    from choir.sdk.errors import ApiUnreachable

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = httpx.get(
            f"{api.rstrip('/')}/v1/search", params=params, headers=headers, timeout=_TIMEOUT_S
        )
        body: dict[str, Any] = response.json()
        if response.is_success:
            return body
        message = str(body["error"]["message"])
    except (httpx.HTTPError, httpx.InvalidURL):
        raise ApiUnreachable(
            f"no API answers at {place_of(api)}; start one with: choir up, or name it with --api"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ApiUnreachable(f"{place_of(api)} does not answer as a Choir API") from None
    if response.status_code == httpx.codes.BAD_REQUEST:
        raise InvalidInput(message)
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(message)
    raise ChoirError(message)
