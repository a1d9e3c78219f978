"""What providers and mail servers report of letters: kept as it came, read, and folded onto the ledger."""
