"""ScanNet v2."""
