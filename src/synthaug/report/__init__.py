"""The report of a study: `gather` what it shows, then `render` one self-contained page."""
