"""The solver: Qwen3-VL, its packed batches with shared prefixes, and its loss. Knows no proposers or families."""
