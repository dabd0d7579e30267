"""Evaluation: how replies are scored, as the benchmarks score them."""
