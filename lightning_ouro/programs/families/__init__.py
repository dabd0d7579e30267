"""Question families, one file each."""
