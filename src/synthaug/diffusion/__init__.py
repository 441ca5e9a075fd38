"""Diffusion in continuous time: schedules, objectives, guidance and samplers, free of any network.

Everywhere x_t = alpha(t) x_0 + sigma(t) noise with t in [0, 1], data at t = 0.
"""
