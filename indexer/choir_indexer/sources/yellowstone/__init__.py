"""Yellowstone gRPC (Solana's Geyser plugin interface, streamed) as a source."""

from choir_indexer.sources.yellowstone.metrics import StreamMetrics
from choir_indexer.sources.yellowstone.source import YellowstoneSource
from choir_indexer.sources.yellowstone.stream import Endpoint

__all__ = ["Endpoint", "StreamMetrics", "YellowstoneSource"]
