"""The solver: Qwen3-VL, its rows with a shared prefix, its loss. Knows nothing of proposers and families."""
