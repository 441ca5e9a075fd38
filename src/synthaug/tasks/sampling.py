"""How often the cases of each source are drawn, and for how many iterations an arm trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthaug.core.errors import SynthaugError


@dataclass(frozen=True)
class Sampling:
    """How an arm draws its training cases.

    Attributes
    ----------
    real_share : float or None
        Probability that a draw is a case of the arm's own real patients; None draws all cases alike.
    pretrain : float
        Share of the iterations, at the start, on all other cases only; the rest is on real cases only.
    iterations_share : float
        Iterations relative to the study's: below 1 in a control of real exposure.
    """

    real_share: float | None = None
    pretrain: float = 0.0
    iterations_share: float = 1.0

    def epochs(self, planned: int) -> int:
        """Whole epochs to train where the study plans so many; at least one."""
        return max(1, round(planned * self.iterations_share))

    def pretraining_epochs(self, epochs: int) -> int:
        """Epochs before the first real case; 0 unless there is a pretraining.

        Raises
        ------
        SynthaugError
            There are too few epochs for both parts.
        """
        if not self.pretrain:
            return 0
        # What is left is what a control of real exposure trains for, which rounds its share of the same number.
        first = epochs - round((1 - self.pretrain) * epochs)
        if not 0 < first < epochs:
            raise SynthaugError(
                f"config: arms: pretrain {self.pretrain:g} of {epochs} epochs leaves one part without any; "
                "lower epoch_iterations of the task or change pretrain"
            )
        return first

    def probabilities(self, sources: Sequence[str], pretraining: bool) -> np.ndarray | None:
        """Probability of each case in a draw.

        Parameters
        ----------
        sources : sequence of str
            Source of each case; ``"real"`` are those of the arm's own real patients.
        pretraining : bool
            Whether the epoch comes before `pretraining_epochs`.

        Returns
        -------
        ndarray, shape (n,), or None
            Adds up to 1; cases of one source have the same. None draws all alike.

        Raises
        ------
        SynthaugError
            A source that must be drawn has no case.
        """
        share = (0.0 if pretraining else 1.0) if self.pretrain else self.real_share
        if share is None:
            return None
        real = np.array([source == "real" for source in sources])
        for count, needed, name in ((real.sum(), share, "real"), ((~real).sum(), 1 - share, "added")):
            if needed and not count:
                raise SynthaugError(
                    f"config: arms: {needed:.0%} of the draws shall be {name} cases and there is none; "
                    "change real_share or pretrain"
                )
        weights = np.where(real, share / max(1, real.sum()), (1 - share) / max(1, (~real).sum()))
        return weights / weights.sum()

    def expected_real_share(self, sources: Mapping[str, int]) -> float:
        """Share of the draws that are cases of the arm's own real patients, over the whole training.

        Parameters
        ----------
        sources : mapping of str to int
            Training cases of each source.
        """
        if self.pretrain:
            return 1 - self.pretrain
        if self.real_share is not None:
            return self.real_share
        return sources.get("real", 0) / sum(sources.values())


#: All cases alike, for all iterations.
UNIFORM = Sampling()
