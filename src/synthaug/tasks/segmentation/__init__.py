"""The nnU-Net bridge: arms become datasets, share one plan, are trained, and segment patients."""
