"""``choir space``: resonance spaces of a running API."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import httpx
import typer

from choir.errors import InvalidInput
from choir.spaces.client import ResonanceClient
from choir.spaces.errors import SpaceError, SpaceUnreachable
from choir.spaces.models import Role, Space, Telemetry
from choir.spaces.session import Session
from choir.wallet import signer_from_environment

__all__ = ["app"]

app = typer.Typer(help="Resonance spaces.", no_args_is_help=True)
T = TypeVar("T")
ROLES = ("owner", "admin", "writer", "reader")

Api = Annotated[str, typer.Option("--api", envvar="CHOIR_API_URL", help="The API's address.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="CHOIR_ACCESS_TOKEN", help="Access token.")
]
ApiKey = Annotated[str | None, typer.Option("--api-key", envvar="CHOIR_API_KEY", help="API key.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--keypair", "-k", help="Wallet to sign in with, when there is no token or key."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
SpaceId = Annotated[str, typer.Argument(metavar="SPACE", help="The space's id.")]
Phase = Annotated[int, typer.Argument(min=0, help="Which phase, from 0.")]
DEFAULT_API = "http://127.0.0.1:8000"


def _run(
    work: Callable[[ResonanceClient], Awaitable[T]],
    api: str,
    token: str | None,
    api_key: str | None,
    key_file: Path | None,
) -> T:
    async def whole() -> T:
        bearer = token
        if token is None and api_key is None:
            bearer = await _sign_in(api, key_file)
        # a person at a prompt would rather hear at once that nobody answers
        client = ResonanceClient(
            token=bearer, api_key=None if bearer else api_key, base_url=api, waits=()
        )
        async with client:
            return await work(client)

    if token is not None and api_key is not None:
        raise InvalidInput("give either --token or --api-key")
    try:
        return asyncio.run(whole())
    except SpaceUnreachable:
        raise _nobody(api) from None
    except httpx.InvalidURL:
        raise InvalidInput(f"{api!r} is not an address; it looks like {DEFAULT_API}") from None


def _nobody(api: str) -> SpaceUnreachable:
    return SpaceUnreachable(f"no API answers at {api}; start one with: choir up, or name it: --api")


async def _sign_in(api: str, key_file: Path | None) -> str:
    """An access token for the wallet's signature."""
    signer = signer_from_environment(key_file=key_file)
    async with httpx.AsyncClient(base_url=api, timeout=30.0) as http:
        try:
            nonce = await http.post("/v1/auth/nonce", json={"address": str(signer.pubkey)})
            message = str(nonce.json()["data"]["message"])
            signature = str(await signer.sign(message.encode()))
            answer = await http.post(
                "/v1/auth/session", json={"message": message, "signature": signature}
            )
            return str(answer.json()["data"]["access_token"])
        except httpx.TransportError:
            raise _nobody(api) from None
        except (ValueError, KeyError, TypeError):
            raise SpaceError(f"{api} does not let this wallet sign in") from None


def _show(space: Space, phases: list[float] | None, *, as_json: bool) -> None:
    if as_json:
        made = space.model_dump(mode="json", by_alias=True)
        _print(made if phases is None else {**made, "phases": phases})
        return
    config = space.config
    lines = [
        f"{space.id}  {config.name}".rstrip(),
        f"  {space.status}, version {space.version}, epoch {space.epoch}, "
        f"{space.members} member{'' if space.members == 1 else 's'}",
        f"  owner {space.owner_org}",
    ]
    if phases is not None:
        primes = config.basis.primes[: config.basis.cutoff]
        ordered = sorted(primes) if config.basis.order == "ascending" else primes
        lines += [
            f"  {index:>5}  p={prime:<10}  {phase:.9f} rad"
            for index, (prime, phase) in enumerate(zip(ordered, phases, strict=True))
        ]
    typer.echo("\n".join(lines))


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it.")] = "",
    primes: Annotated[
        str | None, typer.Option(help="The basis, such as 2,3,5,7; by default the first eight.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A JSON file with the whole configuration.")
    ] = None,
    guests: Annotated[
        bool, typer.Option("--guests", help="Let anybody signed in read along.")
    ] = False,
    api: Api = DEFAULT_API,
    token: Token = None,
    api_key: ApiKey = None,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a space."""
    body = _config(config)
    if name:
        body["name"] = name
    if primes is not None:
        try:
            body["basis"] = {"primes": [int(each) for each in primes.split(",")]}
        except ValueError:
            raise InvalidInput(f"--primes takes numbers with commas, got {primes!r}") from None
    if guests:
        body["policy"] = {**body.get("policy", {}), "allowGuest": True}
    space = _run(lambda client: client.spaces.create(body), api, token, api_key, keypair)
    _show(space, None, as_json=as_json)


def _config(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        body = json.loads(path.read_text())
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidInput(f"{path} must hold one JSON object")
    return body


@app.command()
def show(
    space: SpaceId,
    api: Api = DEFAULT_API,
    token: Token = None,
    api_key: ApiKey = None,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a space and its phases."""

    async def work(client: ResonanceClient) -> tuple[Space, list[float]]:
        found = await client.spaces.get(space)
        return found, (await client.spaces.snapshot(space)).state.phases

    found, phases = _run(work, api, token, api_key, keypair)
    _show(found, phases, as_json=as_json)


@app.command("list")
def list_spaces(
    api: Api = DEFAULT_API,
    token: Token = None,
    api_key: ApiKey = None,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List the spaces you are a member of."""
    found = _run(lambda client: client.spaces.list(), api, token, api_key, keypair)
    if as_json:
        _print([each.model_dump(mode="json", by_alias=True) for each in found])
        return
    if not found:
        sys.stderr.write("no spaces; make one with: choir space create NAME\n")
    for each in found:
        typer.echo(f"{each.id}  v{each.version}  {each.status}  {each.config.name}")


@app.command()
def invite(
    space: SpaceId,
    wallet: Annotated[str, typer.Argument(help="The wallet to make a member.")],
    role: Annotated[str, typer.Argument(help="owner, admin, writer or reader.")] = "writer",
    api: Api = DEFAULT_API,
    token: Token = None,
    api_key: ApiKey = None,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a wallet a member, or give it another role."""
    if role not in ROLES:
        raise InvalidInput(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    chosen = cast(Role, role)
    member = _run(
        lambda client: client.spaces.put_member(space, wallet, chosen),
        api,
        token,
        api_key,
        keypair,
    )
    if as_json:
        _print({"space": space, "wallet": member.user_id, "role": member.role})
    else:
        typer.echo(f"{member.user_id} is {member.role}")


@app.command()
def shift(
    space: SpaceId,
    phase: Phase,
    radians: Annotated[float, typer.Argument(help="By how much; put -- before a negative one.")],
    api: Api = DEFAULT_API,
    token: Token = None,
    api_key: ApiKey = None,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Turn one phase further. Always merges with what others do."""
    _propose("shift_phase", space, phase, radians, as_json, api, token, api_key, keypair)


@app.command("set")
def set_phase(
    space: SpaceId,
    phase: Phase,
    radians: Annotated[float, typer.Argument(help="The new phase; -- before a negative one.")],
    api: Api = DEFAULT_API,
    token: Token = None,
    api_key: ApiKey = None,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Set one phase, as of the version it has now."""
    _propose("set_phase", space, phase, radians, as_json, api, token, api_key, keypair)


def _propose(
    op: str, space: str, phase: int, radians: float, as_json: bool, api: str, *credentials: Any
) -> None:
    async def work(client: ResonanceClient) -> Any:
        version = (await client.spaces.get(space)).version
        path = f"/state/phases/{phase}"
        ops = [{"op": op, "path": path, "value": radians}]
        return await client.spaces.propose_delta(space, {"fromVersion": version, "ops": ops})

    made = _run(work, api, *credentials)
    if as_json:
        _print({"version": made.version, "phase": made.state.phases[phase]})
    else:
        typer.echo(f"version {made.version}: phase {phase} is {made.state.phases[phase]:.9f} rad")


@app.command()
def watch(
    space: SpaceId,
    count: Annotated[
        int, typer.Option("--count", "-n", min=0, help="Lines to print; 0 until interrupted.")
    ] = 0,
    api: Api = DEFAULT_API,
    token: Token = None,
    api_key: ApiKey = None,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Join a space and print its deltas, events and telemetry as they come."""

    async def work(client: ResonanceClient) -> None:
        session = await client.sessions.open(space)
        async with session:
            await _follow(session, count, as_json)

    _run(work, api, token, api_key, keypair)


async def _follow(session: Session, count: int, as_json: bool) -> None:
    lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    session.on("delta", lines.put_nowait)
    session.on("event", lines.put_nowait)
    session.on("lost", lambda why: lines.put_nowait({"type": "lost", "why": why}))

    def measured(telemetry: Telemetry) -> None:
        lines.put_nowait({"type": "telemetry", **telemetry.model_dump(by_alias=True)})

    lines.put_nowait({"type": "joined", "version": session.version, "role": session.role})
    if session.telemetry is not None:  # it came before anybody listened
        measured(session.telemetry)
    session.on("telemetry", measured)
    printed = 0
    while count == 0 or printed < count:
        line = await lines.get()
        if as_json:
            _print(line)
        else:
            typer.echo(_line(line))
        printed += 1


def _line(frame: dict[str, Any]) -> str:
    kind = frame["type"]
    if kind == "joined":
        return f"joined at version {frame['version']} as {frame['role']}"
    if kind == "delta":
        ops = ", ".join(f"{o['op']} {o['path']} {o['value']}" for o in frame["ops"][:4])
        more = f", and {len(frame['ops']) - 4} more" if len(frame["ops"]) > 4 else ""
        return f"v{frame['toVersion']}  {ops}{more}"
    if kind == "telemetry":
        return (
            f"t {frame['t']}  coherence {frame['coherence']:.4f}  "
            f"resonance {frame['resonanceStrength']:.4f}  locality {frame['locality']:.4f}  "
            f"entropy {frame['entropy']:.4f}  dominance {frame['dominance']:.4f}"
        )
    if kind == "lost":
        return f"connection lost ({frame['why']}); coming back"
    return f"{frame['name']} at {frame['at']}"
