"""Augmentation studies in 4D (3D+t) cardiac cine MRI."""

__version__ = "0.1.0"
