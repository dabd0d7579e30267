"""The curriculum: ledger, bands, weights, families, feedback. Knows nothing of models and files."""
