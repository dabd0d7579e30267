"""Proposers write questions and their programs; they know nothing of training. See README.md."""
