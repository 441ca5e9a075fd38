"""Errors a user can mend: each is one line that says what, where and what to do."""

from __future__ import annotations


class SynthaugError(Exception):
    """Something the user can mend; the message is one line with its remedy."""
