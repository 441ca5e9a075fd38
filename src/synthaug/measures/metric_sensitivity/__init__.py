"""Metric sensitivity: whether a distance responds to real cines that were corrupted in known ways."""
