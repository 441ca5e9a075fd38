"""Comparison of arms: paired differences whose intervals count the variation of patients and of trainings.

`docs/statistics.md` gives the methods, the reasons and the measured error rates.
"""
