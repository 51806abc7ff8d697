"""The chain behind the API: what is read before a transaction is built, and what it refuses."""
