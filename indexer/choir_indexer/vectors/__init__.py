"""Keeping the vector store in step with the mirror, and hosting the embedded engine."""

from choir_indexer.vectors.pump import OUTBOX_CHANNEL, Pump, PumpMetrics
from choir_indexer.vectors.routes import vector_routes

__all__ = ["OUTBOX_CHANNEL", "Pump", "PumpMetrics", "vector_routes"]
