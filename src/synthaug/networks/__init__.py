"""Neural networks: modules only, no data and no losses."""
