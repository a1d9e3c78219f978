"""What the public pages cost: parts of benchmarks/pages.py."""
