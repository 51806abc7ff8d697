"""API keys: made by a wallet for its scripts, hashed, scoped, expiring."""
