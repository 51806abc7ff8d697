"""Identity: Sign-In With Solana, sessions, and who a request speaks for."""
