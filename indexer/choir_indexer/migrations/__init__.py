"""Alembic migrations of schema ``chain``, run by :func:`choir_indexer.store.migrate`."""
