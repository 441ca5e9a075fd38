"""Files in the results of studies that are damaged, left behind, locked, stale, missing, or no longer needed."""
