"""What everything stands on: errors, files that exist whole or not at all, jobs, plugins, provenance; it knows no heart."""
