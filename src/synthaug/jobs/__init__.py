"""A running job: attempts and their logs, checkpoints, leases, interruption, GPUs, progress."""
