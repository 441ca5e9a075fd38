"""Statistics of a study's arms: paired over patients, with the variation of trainings counted.

`docs/statistics.md` says what is computed, why, and how well it was measured to work.
"""
