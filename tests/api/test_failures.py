"""What the library raises, as callers of the API get it."""

from __future__ import annotations

import pytest

from choir.errors import OutcomeUnknown, RpcError, RpcUnreachable
from choir_api.chain.failures import refusal_for

SECRET = "https://node.example/?api-key=0123456789"


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown(f"no answer from {SECRET}", signature="5sig"),
        RpcUnreachable(f"cannot reach {SECRET}"),
        RpcError(f"{SECRET} is over its quota"),
    ],
)
def test_a_caller_is_not_told_what_the_node_said(error: RpcError | OutcomeUnknown) -> None:
    refusal = refusal_for(error)
    assert refusal.status == 503
    assert "node.example" not in f"{refusal.message}{refusal.details}"
