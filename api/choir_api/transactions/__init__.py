"""Transactions: built for a wallet to sign, taken back signed, followed to their end."""
