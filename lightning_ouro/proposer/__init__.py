"""Proposers: who writes questions and programs. Knows nothing of training."""
