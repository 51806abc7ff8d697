"""Schemathesis against the real application: no answer that the schema does not declare."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from solders.keypair import Keypair

from choir.sending import Sender
from choir.testing import FakeRpc
from choir_api.app import create_app
from choir_api.auth.service import open_session
from choir_api.db import Database
from choir_api.deps import Deps
from choir_api.rate import Limiter
from choir_api.settings import Settings

CHECKS = [
    # also refuses 500, which no route declares; 503 is what a chain without the program is
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ensure_resource_availability,
]


@pytest.fixture
def app(database_url: str) -> FastAPI:
    """The application on its own event loop: schemathesis calls it from ordinary functions."""
    told = Settings(  # type: ignore[call-arg]
        database_url=database_url,
        jwt_secret="a secret for tests, long enough to sign with",
        sign_ins_per_hour=1_000_000,
        messages_per_hour=1_000_000,
        threads_per_hour=1_000_000,
        searches_per_hour=1_000_000,
        actions_per_hour=1_000_000,
    )
    return create_app(
        Deps(
            settings=told,
            database=Database(told.database_url),
            limiter=Limiter.from_settings(told),
            sender=Sender(FakeRpc()),
        )
    )


OURS = re.compile(
    r"^/(v1/(auth|api-keys|threads?|message|spec|token|transaction|content)\b|health|metrics)"
)


@pytest.mark.parametrize("signed_in", [False, True])
def test_every_answer_is_declared(app: FastAPI, signed_in: bool) -> None:
    headers = asyncio.run(_credentials(app.state.deps)) if signed_in else {}
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if OURS.match(operation.path):
            _try(operation, headers)
            tried += 1
    assert tried >= 25


async def _credentials(deps: Deps) -> dict[str, str]:
    database = Database(deps.settings.database_url)  # of this event loop
    async with database.write() as session:
        tokens = await open_session(session, deps, Keypair().pubkey(), "test")
    await database.close()
    return {"Authorization": f"Bearer {tokens.access_token}"}


def _try(operation: Any, headers: dict[str, str]) -> None:
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=6,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def declared(case: Any) -> None:
            case.call_and_validate(checks=CHECKS, headers=headers)

        with suppress(Unsatisfiable, SkipTest):  # nothing of it can be made wrong
            declared()
