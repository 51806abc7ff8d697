"""One step ahead, no more, and nothing lost or left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from choir_indexer.ahead import Ahead


async def test_the_next_is_fetched_while_the_one_before_is_worked_on() -> None:
    begun: list[int] = []

    async def items() -> AsyncIterator[int]:
        for number in range(4):
            begun.append(number)
            await asyncio.sleep(0)
            yield number

    async with aclosing(Ahead(items())) as numbers:
        async for number in numbers:
            for _ in range(10):
                await asyncio.sleep(0)
            assert begun == [*range(min(number + 2, 4))]
    assert begun == [0, 1, 2, 3]


async def test_an_error_comes_after_what_came_before_it() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise ValueError("the node is gone")

    numbers = Ahead(items())
    assert await anext(numbers) == 1
    for _ in range(10):
        await asyncio.sleep(0)
    with pytest.raises(ValueError, match="gone"):
        await anext(numbers)


async def test_who_stops_early_leaves_nothing_running() -> None:
    ended = False

    async def items() -> AsyncIterator[int]:
        nonlocal ended
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            ended = True

    async with aclosing(Ahead(items())) as numbers:
        async for _ in numbers:
            for _ in range(10):
                await asyncio.sleep(0)
            break
    assert ended
    assert len(asyncio.all_tasks()) == 1
