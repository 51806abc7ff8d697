"""Content off the chain: stored under its hash, shown as its viewer may see it."""
