"""Parts of benchmarks/delivery.py: members by the million, the stub, the peers."""
