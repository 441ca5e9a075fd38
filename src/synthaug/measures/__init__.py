"""Measures: cohorts, features and predictions in, result rows out."""
