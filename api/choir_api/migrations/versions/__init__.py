"""One module a migration, in a single line: each names the one before it."""
