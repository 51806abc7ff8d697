"""Stakes in threads: deposit, divest, claim."""
