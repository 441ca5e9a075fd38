"""From raw files to cohorts on one grid: readers, harmonisation, splits, training stores."""
