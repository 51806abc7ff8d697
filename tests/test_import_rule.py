"""Who may import whom: the rule of ARCHITECTURE.md, read from the source itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "choir": ROOT / "py/choir",
    "choir_indexer": ROOT / "indexer/choir_indexer",
    "choir_api": ROOT / "api/choir_api",
}
ALLOWED = {
    "choir": ("choir",),
    "choir_indexer": ("choir", "choir_indexer"),
    "choir_api": ("choir", "choir_api", "choir_indexer.store"),
}
# Modules that decide, decode or compute: values in, values out.
PURE = (
    "choir.ids",
    "choir.money",
    "choir.accounts",
    "choir.instructions",
    "choir.events",
    "choir.event_data",
    "choir.idl_decoder",
    "choir.privacy",
    "choir.semantics",
    "choir.spaces.engine",
    "choir_indexer.decode",
    "choir_indexer.delta",
)
IMPURE = (
    "asyncio",
    "anyio",
    "socket",
    "ssl",
    "http",
    "urllib.request",
    "httpx",
    "aiohttp",
    "requests",
    "websockets",
    "asyncpg",
    "psycopg",
    "sqlalchemy",
    "alembic",
    "redis",
    "qdrant_client",
    "qdrant_edge",
    "solana",
    "fastapi",
    "starlette",
    "uvicorn",
    "sqlite3",
    "subprocess",
    "multiprocessing",
)


def _modules() -> dict[str, Path]:
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((package, *(p for p in parts if p != "__init__")))
            found[name] = path
    return found


MODULES = _modules()


def _imports(name: str) -> set[str]:
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([base] if base else [])])
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def _under(module: str, roots: tuple[str, ...]) -> bool:
    return any(module == root or module.startswith(root + ".") for root in roots)


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_what_they_may(package: str) -> None:
    broken = []
    for name in MODULES:
        if name.split(".")[0] != package:
            continue
        for imported in _imports(name):
            local = imported.split(".")[0]
            if local not in PACKAGES or _under(imported, ALLOWED[package]):
                continue
            # `from choir_indexer import store` names the package and then the module
            if any(allowed.startswith(imported + ".") for allowed in ALLOWED[package]):
                continue
            broken.append(f"{name} imports {imported}")
    assert not broken, "\n".join(broken)


def _loaded_with(imported: str) -> list[str]:
    """Our modules that ``import imported`` runs: a.b.c runs a, a.b and a.b.c."""
    parts = imported.split(".")
    names = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
    return [name for name in names if name in MODULES]


def _reached(name: str) -> dict[str, str]:
    """Everything that loading ``name`` imports, through our own modules too; who asked."""
    asked: dict[str, str] = {}
    loaded: set[str] = set()
    queue = _loaded_with(name)
    while queue:
        current = queue.pop()
        if current in loaded:
            continue
        loaded.add(current)
        for imported in _imports(current):
            asked.setdefault(imported, current)
            queue += _loaded_with(imported)
    return asked


@pytest.mark.parametrize("name", sorted(m for m in MODULES if _under(m, PURE)))
def test_pure_modules_touch_no_network_database_or_loop(name: str) -> None:
    broken = [
        f"{name} reaches {imported} through {asker}"
        for imported, asker in _reached(name).items()
        if _under(imported, IMPURE)
    ]
    assert not broken, "\n".join(broken)


def test_the_rule_follows_imports_through_our_own_modules() -> None:
    """The server's ports are found by a module of its own: the walk must see through it."""
    assert "socket" not in _imports("choir.stack.postgres")
    assert _reached("choir.stack.postgres")["socket"] == "choir.stack.host"
    assert "choir.stack" in _loaded_with("choir.stack.postgres.EmbeddedPostgres")
    assert not _under("choir_indexer.pipeline", ALLOWED["choir_api"])
    assert _under("choir_indexer.store.read", ALLOWED["choir_api"])
