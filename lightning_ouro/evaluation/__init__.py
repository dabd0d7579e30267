"""Evaluation: how a reply is read and scored, as the benchmarks do it."""
