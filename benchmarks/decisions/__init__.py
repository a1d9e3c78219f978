"""Measurements of the significance decision; `benchmarks/significance.py` runs them."""
