"""An embedded Solana localnet: LiteSVM behind Solana's JSON-RPC and pub/sub.

Run it with `python -m choir.localnet`, or in a process of yours with `Localnet`.
"""

from __future__ import annotations

from choir.localnet.app import Localnet
from choir.localnet.settings import ProgramFile, Settings, SettingsError

__all__ = ["Localnet", "ProgramFile", "Settings", "SettingsError"]
