"""What lies about in the results of studies: what is damaged, left behind, locked, stale or missing, and what can go."""
