"""Trainable models; `synthaug.core.registry` finds the class of each kind."""
