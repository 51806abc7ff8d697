"""All checks: importing this registers them."""

from tests.conformance.checks import anchorpy_program as anchorpy_program
from tests.conformance.checks import choir_client as choir_client
from tests.conformance.checks import json_rpc as json_rpc
from tests.conformance.checks import solana_py_history as solana_py_history
from tests.conformance.checks import solana_py_pubsub as solana_py_pubsub
from tests.conformance.checks import solana_py_tokens as solana_py_tokens
from tests.conformance.checks import solana_py_transactions as solana_py_transactions
