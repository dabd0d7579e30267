"""Readers of data sets on disk; `all_readers` lists them."""
