"""Sentences: facts of a heart, impressions written of them, and what a sentence says."""
