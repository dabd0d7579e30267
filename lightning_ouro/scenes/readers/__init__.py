"""Readers of data sets on disk, one file each; `all_readers` is the one place where a new one is entered."""
