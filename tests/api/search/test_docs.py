"""What the search page promises: its example answer fits the schema, its Python runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from choir_api.search.schemas import SearchAnswer

PAGE = (Path(__file__).parents[3] / "docs" / "search.md").read_text()


def _blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_the_example_answer_is_one() -> None:
    (raw,) = _blocks("json")
    answer = SearchAnswer.model_validate(json.loads(raw))
    assert answer.model_dump(mode="json") == json.loads(raw)
    item = answer.data.items[0]
    ((start, end),) = item.highlight.spans
    assert item.highlight.text[start:end] == "stake"


def test_the_python_runs() -> None:
    for block in _blocks("python"):
        exec(compile(block, "docs/search.md", "exec"), {})


def test_every_parameter_is_named() -> None:
    from choir_api.search.endpoints import router

    (route,) = router.routes
    names = {parameter.alias for parameter in route.dependant.query_params}  # type: ignore[attr-defined]
    assert all(f"`{name}`" in PAGE for name in names)
