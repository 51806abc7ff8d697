"""The program in plain Python: every instruction as a function from a state to the next.

Written from the design, not from the library: formulas, order of checks and all. An instruction
returns the state after it and its events, or raises :class:`Refusal` with the program's error.
Where several errors apply, the one raised is the program's: the order of the checks is part of
what the model says.
"""

from tests.program.model_governance import (
    accept_authority,
    apply_config,
    cancel_config,
    initialize,
    pause,
    propose_config,
    transfer_authority,
    unpause,
)
from tests.program.model_rules import DAY, HOUR, owed
from tests.program.model_specs import (
    cleanup_spec,
    expire_spec,
    process_approval,
    submit_spec,
    withdraw_spec,
)
from tests.program.model_state import U64, Outcome, Refusal, State
from tests.program.model_threads import (
    claim,
    cleanup_position,
    close_thread,
    create_thread,
    deposit,
    divest,
    leave_thread,
    post_message,
    retire_author,
    set_privacy,
    wind_down_thread,
)
from tests.program.model_treasury import (
    approve_treasury,
    cancel_treasury,
    cleanup_treasury,
    execute_treasury,
    propose_treasury,
)

__all__ = [
    "DAY",
    "HOUR",
    "U64",
    "Outcome",
    "Refusal",
    "State",
    "accept_authority",
    "apply_config",
    "approve_treasury",
    "cancel_config",
    "cancel_treasury",
    "claim",
    "cleanup_position",
    "cleanup_spec",
    "cleanup_treasury",
    "close_thread",
    "create_thread",
    "deposit",
    "divest",
    "execute_treasury",
    "expire_spec",
    "initialize",
    "leave_thread",
    "owed",
    "pause",
    "post_message",
    "process_approval",
    "propose_config",
    "propose_treasury",
    "retire_author",
    "set_privacy",
    "submit_spec",
    "transfer_authority",
    "unpause",
    "wind_down_thread",
    "withdraw_spec",
]
