"""Figures of the report, drawn from rows and curves; nothing is measured here."""
