"""The suite against our localnet: the same checks that a real validator passes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import pytest
from tests.conformance import checks as _registered  # noqa: F401 - registers them
from tests.conformance import node, targets
from tests.conformance.differences import DIFFERENT
from tests.conformance.net import Cluster, Net
from tests.conformance.registry import CHECKS, Check, Result, run

PAGE = targets.ROOT / "docs" / "conformance.md"
# blockhashes live for 7.5 s, so that a busy machine has the time to use them
QUICK_MS = 50
# web3.js keeps a blockhash for 30 s, which is 150 slots of this length and some
PACED_MS = 250


@contextmanager
def running(target: AbstractAsyncContextManager[Cluster]) -> Iterator[Cluster]:
    """A cluster for several tests, each with an event loop of its own."""
    with asyncio.Runner() as runner:
        cluster = runner.run(target.__aenter__())
        try:
            yield cluster
        finally:
            runner.run(target.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def quick_cluster() -> Iterator[Cluster]:
    with running(targets.localnet(QUICK_MS)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def paced_cluster() -> Iterator[Cluster]:
    with running(targets.localnet(PACED_MS)) as cluster:
        yield cluster


def problem(result: Result) -> str | None:
    """What is wrong with a result, given what is known to differ."""
    reason = DIFFERENT.get(result.id)
    if reason is None:
        return None if result.ok else f"{result.id}: {result.error}"
    return f"{result.id} holds and is still listed: {reason}" if result.ok else None


@pytest.mark.parametrize("one", [pytest.param(c, id=c.id) for c in CHECKS.values()])
async def test_python_client(one: Check, quick_cluster: Cluster) -> None:
    async with Net(quick_cluster) as net:
        if wrong := problem(await run(one, net)):
            pytest.fail(wrong, pytrace=False)


@pytest.mark.parametrize("file", [pytest.param(f, id=f.name) for f in node.FILES])
async def test_javascript_client(file: Path, paced_cluster: Cluster) -> None:
    if why := node.missing():
        pytest.skip(why)
    results = await node.run_file(file, paced_cluster)
    assert {r.id for r in results} == set(node.declared(file))
    if wrong := [p for r in results if (p := problem(r))]:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_every_check_has_an_id_of_its_own() -> None:
    ids = [*CHECKS, *(name for file in node.FILES for name in node.declared(file))]
    assert len(ids) == len(set(ids))
    assert set(DIFFERENT) <= set(ids)


def test_the_page_has_a_row_for_every_check() -> None:
    rows = re.findall(r"^\| `([\w.-]+\.[\w.-]+)` \|", PAGE.read_text(), re.MULTILINE)
    every = [*CHECKS, *(name for file in node.FILES for name in node.declared(file))]
    assert rows == every, "run scripts/conformance with --write docs/conformance.md"


def test_every_javascript_check_is_declared_where_python_sees_it() -> None:
    for file in node.FILES:
        assert file.read_text().count("\ncheck(") == len(node.declared(file)) > 0, file.name
