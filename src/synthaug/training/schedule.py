"""What happens at which step: functions of the step's number, so that nothing has to be remembered."""

from __future__ import annotations

import math

import numpy as np

from synthaug.config.training import TrainingSettings


def learning_rate(training: TrainingSettings, iteration: int) -> float:
    """Learning rate of a step counted from 0: linear warm-up, then cosine decay."""
    if iteration < training.warmup_iterations:
        return training.learning_rate * (iteration + 1) / training.warmup_iterations
    after = max(training.iterations - training.warmup_iterations, 1)
    fraction = min((iteration - training.warmup_iterations) / after, 1.0)
    floor = training.final_learning_rate
    return training.learning_rate * (floor + (1 - floor) * (1 + math.cos(math.pi * fraction)) / 2)


def draw_indices(count: int, batch_size: int, position: int, seed: int) -> list[int]:
    """Rows of batch number `position`: every row once before any comes again."""
    indices = []
    for item in range(position * batch_size, (position + 1) * batch_size):
        epoch, place = divmod(item, count)
        indices.append(int(np.random.default_rng([seed, epoch]).permutation(count)[place]))
    return indices


def share(indices: list[int], process: int, processes: int) -> list[int]:
    """The part of a batch that one of several processes takes; their parts make the batch, in its order."""
    size = len(indices) // processes
    return indices[process * size : (process + 1) * size]


def derive_seed(seed: int, iteration: int, process: int) -> int:
    """Seed of a process's randomness in one step."""
    entropy = [seed, iteration, process] if process else [seed, iteration]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
