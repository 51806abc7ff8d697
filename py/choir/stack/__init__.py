"""The embedded stack: PostgreSQL from a wheel and the supervisor behind ``choir up``."""
