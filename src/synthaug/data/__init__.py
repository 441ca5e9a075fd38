"""From raw files to cohorts on one voxel grid: readers, harmonisation, splits, training stores."""
