"""What everything stands on: errors, files that exist whole or not at all, plugins, provenance; it knows no heart."""
