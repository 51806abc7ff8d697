from choir.client import ChoirClient as ChoirClient
from choir.errors import ChoirError as ChoirError
from choir.ids import PROGRAM_ID as PROGRAM_ID
from choir.ids import content_hash as content_hash
from choir.rpc import HttpRpc as HttpRpc
from choir.sync import SyncChoir as SyncChoir

__all__ = ["PROGRAM_ID", "ChoirClient", "ChoirError", "HttpRpc", "SyncChoir", "content_hash"]
