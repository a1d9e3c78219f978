"""Workers killed at any instant against a provider that misbehaves: nothing lost, nothing knowingly sent twice.

provider.py is the provider, in a process of its own; processes.py makes workers that cost milliseconds to start;
campaign.py kills them; verdict.py judges by the provider's journal and the ledger what came of it.
`benchmarks/crash.py` does the same for longer.
"""
