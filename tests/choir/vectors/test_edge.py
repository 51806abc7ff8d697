"""What only the engine in process has: a directory, its one owner, its optimiser."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from choir.errors import InvalidInput
from choir.privacy import AccessFilter, Viewer
from choir.vectors import Query, VectorsError, VectorsUnavailable, open_store
from choir.vectors.edge import EdgeStore
from choir.vectors.remote import RemoteStore
from choir.vectors.server import ServerStore

from .conftest import DIMENSION, MODEL, make_points, names

PUBLIC = AccessFilter.for_viewer(Viewer())


async def opened(directory: Path) -> EdgeStore:
    store = EdgeStore(directory)
    await store.ensure_collection(model=MODEL, dimension=DIMENSION)
    return store


async def test_points_are_there_after_closing_and_opening(tmp_path: Path) -> None:
    points = make_points(30)
    store = await opened(tmp_path / "v")
    await store.upsert(points)
    query = Query(PUBLIC, vector=points[3].vector, words="river", limit=5)
    before = await store.search(query)
    await store.aclose()
    await store.aclose()
    with pytest.raises(VectorsUnavailable, match="closed"):
        await store.count()
    again = await opened(tmp_path / "v")
    assert await again.search(query) == before
    await again.aclose()


async def test_the_directory_is_its_owners_alone(tmp_path: Path) -> None:
    store = await opened(tmp_path / "vectors")
    await store.aclose()
    assert (tmp_path / "vectors").stat().st_mode & 0o777 == 0o700


async def test_a_second_owner_is_told_where_to_go(tmp_path: Path) -> None:
    store = await opened(tmp_path / "v")
    other = EdgeStore(tmp_path / "v")
    with pytest.raises(VectorsUnavailable, match=r"another process.*edge\+http"):
        await other.ensure_collection(model=MODEL, dimension=DIMENSION)
    await other.aclose()
    assert await store.count() == 0
    await store.aclose()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.choir.vectors.conftest import make_points
from tests.choir.vectors.test_edge import opened

async def main():
    store = await opened(Path({directory!r}))
    for start in range(0, 200, 50):
        await store.upsert(make_points(200)[start : start + 50])
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_written_outlives_a_killed_process(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[3])
    script = KILLED.format(root=root, directory=str(tmp_path / "v"))
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=os.environ)
    assert await child.wait() == -signal.SIGKILL
    store = await opened(tmp_path / "v")
    assert await store.count() == 200
    await store.aclose()


async def test_optimising_leaves_the_answers_and_says_so_while_it_works(tmp_path: Path) -> None:
    points = make_points(400)
    store = await opened(tmp_path / "v")
    await store.upsert(points)
    query = Query(PUBLIC, vector=points[0].vector, words="river", limit=20)
    before = names(await store.search(query))
    assert await store.unindexed() == 400
    await store.maintain()
    assert await store.optimize() is False  # too few to be worth it
    working = asyncio.create_task(store.optimize(at_least=1))
    said: set[str] = set()
    while not working.done():
        try:
            await store.search(query)
        except VectorsUnavailable as error:
            said.add(str(error))
        await asyncio.sleep(0)
    assert await working is True
    assert len(said) == 1
    assert "optimised" in said.pop()
    assert names(await store.search(query)) == before
    assert await store.count() == 400
    await store.aclose()


@pytest.mark.parametrize("number", [1, 10, 1000])
async def test_optimising_can_be_broken_off(number: int, tmp_path: Path) -> None:
    store = await opened(tmp_path / "v")
    await store.upsert(make_points(400))
    working = asyncio.create_task(store.optimize(at_least=1))
    for _ in range(number):
        await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await store.count() == 400
    await store.aclose()


async def test_a_directory_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "edge_config.json").write_text("{}")
    store = EdgeStore(tmp_path)
    with pytest.raises(VectorsError, match="rebuild it"):
        await store.ensure_collection(model=MODEL, dimension=DIMENSION)
    await store.aclose()


async def test_a_url_names_its_engine(tmp_path: Path) -> None:
    edge = open_store(f"edge:{tmp_path}")
    assert isinstance(edge, EdgeStore)
    assert edge.directory == tmp_path
    hosted = open_store("edge+http://127.0.0.1:1", "token")
    assert isinstance(hosted, RemoteStore)
    server = open_store("http://127.0.0.1:1")
    assert isinstance(server, ServerStore)
    with pytest.raises(VectorsUnavailable):
        await server.ensure_collection(model=MODEL, dimension=DIMENSION)
    for store in (edge, hosted, server):
        await store.aclose()


@pytest.mark.parametrize("url", ["", "edge:", "qdrant://x", "/path", "edge+https://x"])
def test_a_wrong_url_is_answered_with_the_right_forms(url: str) -> None:
    with pytest.raises(InvalidInput, match="edge:<directory>"):
        open_store(url)


def test_a_hosted_engine_needs_its_token() -> None:
    with pytest.raises(InvalidInput, match="CHOIR_VECTORS_TOKEN"):
        open_store("edge+http://127.0.0.1:1")
