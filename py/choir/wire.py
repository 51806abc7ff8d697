"""The three encodings of a socket frame: JSON, MessagePack and CBOR.

A frame is a map with text keys whose values are plain data: maps, arrays, text, bytes,
integers, floats, booleans and null. Servers and clients share these codecs, so that what one
side writes the other reads. Anything else that an encoding could carry (CBOR tags, MessagePack
extensions, NaN, nesting past `MAX_DEPTH`) is refused with `WireError`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cbor2
import msgpack
import orjson

__all__ = ["CBOR", "CODECS", "JSON", "MAX_DEPTH", "MSGPACK", "Codec", "WireError", "guess"]

MAX_DEPTH = 32
"""Deepest nesting of a frame; the frames of both sockets need fewer than ten levels."""


class WireError(ValueError):
    """Bytes that are not one frame of the expected encoding; the message says why."""


class Codec(Protocol):
    """One encoding of frames."""

    @property
    def name(self) -> str:
        """``json``, ``msgpack`` or ``cbor``."""

    @property
    def binary(self) -> bool:
        """True when its messages are binary WebSocket messages, false for text."""

    def encode(self, frame: Mapping[str, Any]) -> bytes:
        """The frame's bytes."""

    def decode(self, data: bytes) -> dict[str, Any]:
        """The frame in `data`.

        Raises:
            WireError: not one plain map of this encoding.
        """


def _check(value: object, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise WireError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise WireError(f"keys must be text, got {type(key).__name__}")
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif type(value) is float:
        if not math.isfinite(value):
            raise WireError("numbers must be finite")
    elif value is not None and type(value) not in (str, bytes, int, bool):
        raise WireError(f"a {type(value).__name__} is not plain data")


def _frame(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError("a frame is a map")
    _check(value)
    return value


@dataclass(frozen=True)
class _Json:
    name: str = "json"
    binary: bool = False

    def encode(self, frame: Mapping[str, Any]) -> bytes:
        return orjson.dumps(frame)

    def decode(self, data: bytes) -> dict[str, Any]:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise WireError(f"not JSON: {error}") from None
        return _frame(value)


@dataclass(frozen=True)
class _MessagePack:
    name: str = "msgpack"
    binary: bool = True

    def encode(self, frame: Mapping[str, Any]) -> bytes:
        packed: bytes = msgpack.packb(frame)
        return packed

    def decode(self, data: bytes) -> dict[str, Any]:
        try:
            value = msgpack.unpackb(data)
        except (ValueError, msgpack.UnpackException) as error:
            raise WireError(f"not MessagePack: {str(error) or type(error).__name__}") from None
        return _frame(value)


def _refuse_tag(decoder: object, *_: object) -> object:
    raise cbor2.CBORDecodeError("tags are not accepted")


# Tags that cbor2 would otherwise turn into dates, decimals, patterns, shared references…
_TAGS = dict.fromkeys(
    (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000),
    _refuse_tag,
)


@dataclass(frozen=True)
class _Cbor:
    name: str = "cbor"
    binary: bool = True

    def encode(self, frame: Mapping[str, Any]) -> bytes:
        return cbor2.dumps(frame)

    def decode(self, data: bytes) -> dict[str, Any]:
        try:
            source = io.BytesIO(data)
            value = cbor2.load(
                source,
                semantic_decoders=_TAGS,
                tag_hook=_refuse_tag,
                max_depth=MAX_DEPTH + 2,
                strict_hashable_types=True,
            )
        except (cbor2.CBORError, ValueError, OverflowError, RecursionError) as error:
            raise WireError(f"not CBOR: {error}") from None
        if source.tell() != len(data):
            raise WireError(f"not CBOR: {len(data) - source.tell()} bytes after the frame")
        return _frame(value)


JSON: Codec = _Json()
MSGPACK: Codec = _MessagePack()
CBOR: Codec = _Cbor()

CODECS: Mapping[str, Codec] = {codec.name: codec for codec in (JSON, MSGPACK, CBOR)}
"""By name."""


def guess(message: str | bytes) -> Codec:
    """The encoding of a first message, when no subprotocol was agreed on.

    Text is JSON. A binary map announces itself in its first byte: MessagePack's are 80-8f, de
    and df; CBOR's a0-bf; a brace is JSON sent as binary.

    Raises:
        WireError: the message is none of these.
    """
    if isinstance(message, str):
        return JSON
    first = message[0] if message else -1
    if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
        return MSGPACK
    if 0xA0 <= first <= 0xBF:
        return CBOR
    if first == ord("{"):
        return JSON
    raise WireError("the first frame is not a map in JSON, MessagePack or CBOR")
