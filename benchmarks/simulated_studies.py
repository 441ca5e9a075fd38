"""Simulated studies with known truth, by a process that is not the model of the analysis.

Dice of patient p in training (fold f, generator seed g, training seed s) of arm a, beside what all arms share:

    arm effect + arm-by-patient + fold + generator seed + training + noise - failure

- arm-by-patient and noise: t with 3 degrees of freedom (`heavy`) or normal, times the difficulty of the
  patient (lognormal, SD of its logarithm 0.4); both have a common SD of 1 before.
- training: `shared` of its variance is common to all arms of a training seed; arms may differ in SD.
- noise: the same share is common to all arms of a training seed and patient.
- failure: with probability `failures` a visit loses 0.05 to 0.5, independently in each training.
- generator seed: a new draw for each arm with a generator, in each fold; folds: a new draw for each arm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from synthaug.statistics.scores import Scores

#: The arms of a study: the synthetic arm, its size-matched controls, and real data only.
ARMS = ("plus", "repeated", "classical", "real")
CONTROLS = ARMS[1:3]


@dataclasses.dataclass(frozen=True)
class Design:
    """Size and process of a simulated study; standard deviations in Dice.

    `same` folds all test the same patients, others have patients of their own. `training_sd` is that of
    all arms; `arm_training_sd` that of the synthetic arm, where it differs.
    """

    patients: int = 50
    trainings: int = 3
    folds: int = 1
    same: bool = False
    generator_seeds: int = 1
    visits: int = 1
    training_sd: float = 0.003
    arm_training_sd: float | None = None
    generator_sd: float = 0.0
    fold_sd: float = 0.0
    shared: float = 0.0
    heavy: bool = False
    failures: float = 0.0
    interaction_sd: float = 0.014
    noise_sd: float = 0.02

    @property
    def qualified(self) -> bool:
        """Whether the verdict holds with these trainings of the generator only."""
        return self.folds * self.generator_seeds < 3


def simulate(
    design: Design, studies: int, rng: np.random.Generator, batch: int = 50
) -> Iterator[tuple[dict[str, Scores], np.ndarray]]:
    """Scores of the arms of each study without a true effect, and the differences from the controls that its generators make.

    Parameters
    ----------
    design : Design
        Size and process of the studies.
    studies : int
        Number of studies.
    rng : numpy.random.Generator
        Random number generator.
    batch : int
        Studies that are drawn at once.
    """
    for start in range(0, studies, batch):
        yield from _batch(design, min(batch, studies - start), rng)


def _batch(
    design: Design, b: int, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Scores], np.ndarray]]:
    d, a, n = design, len(ARMS), design.patients
    f, g, s = d.folds, d.generator_seeds, d.trainings

    def draws(*shape: int) -> np.ndarray:
        return rng.standard_t(3, shape) / np.sqrt(3) if d.heavy else rng.normal(size=shape)

    difficulty = np.exp(rng.normal(0, 0.4, (b, 1, n, 1, 1, 1)))
    difficulty /= np.exp(0.4**2)  # unit mean square
    deviations = np.full(a, d.training_sd)
    if d.arm_training_sd is not None:
        deviations[0] = d.arm_training_sd
    deviations = deviations[:, None, None, None, None]
    common, own = np.sqrt(d.shared), np.sqrt(1 - d.shared)
    training = common * rng.normal(size=(b, 1, 1, f, 1, s)) + own * rng.normal(size=(b, a, 1, f, g, s))
    noise = common * draws(b, 1, n, f, 1, s) + own * draws(b, a, n, f, g, s)
    luck = d.generator_sd * rng.normal(size=(b, a, 1, f, g, 1)) + d.fold_sd * rng.normal(
        size=(b, a, 1, f, 1, 1)
    )
    luck[:, ARMS.index("real")] = 0.0
    values = luck + deviations * training
    values = values + difficulty * (d.interaction_sd * draws(b, a, n, 1, 1, 1) + d.noise_sd * noise)
    if d.failures:
        for _ in range(d.visits):
            lost = rng.random(values.shape) < d.failures
            values -= lost * rng.uniform(0.05, 0.5, values.shape) / d.visits
    fold_of = np.arange(n) % f
    if not d.same:
        values = np.where(fold_of[:, None, None, None] == np.arange(f)[:, None, None], values, np.nan)
    shares = np.full(f, 1 / f) if d.same else np.bincount(fold_of, minlength=f) / n
    apart = luck[:, :1, 0, :, :, 0] - luck[:, 1 : 1 + len(CONTROLS), 0, :, :, 0]
    conditional = np.einsum("bcfg,f->bc", apart, shares) / g
    folds, generator_seeds, training_seeds = (
        index.ravel().astype(float) for index in np.meshgrid(*map(np.arange, (f, g, s)), indexing="ij")
    )
    for number in range(b):
        scores = {}
        for index, name in enumerate(ARMS):
            cells = values[number, index].reshape(n, -1)
            once = generator_seeds == 0 if name == "real" else np.ones(len(folds), bool)
            seeds = np.full(int(once.sum()), -1.0) if name == "real" else generator_seeds
            scores[name] = Scores(cells[:, once], folds[once], seeds, training_seeds[once])
        yield scores, conditional[number]
