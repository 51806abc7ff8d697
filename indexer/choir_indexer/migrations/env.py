"""Alembic's entry point: uses the connection that :func:`choir_indexer.store.migrate` holds."""

from __future__ import annotations

from alembic import context

from choir_indexer.store.schema import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="alembic_version",
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _: kind != "schema" or name == SCHEMA,
)
with context.begin_transaction():
    context.run_migrations()
