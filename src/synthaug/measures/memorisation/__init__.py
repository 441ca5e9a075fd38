"""Memorisation: copies of training patients among synthetic subjects."""
