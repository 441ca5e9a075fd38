"""Gaussian copula of phenotypes with smoothed empirical marginals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthaug.config.phenotype_samplers import PhenotypeCopulaSettings
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.incomplete_normal import fit_correlation
from synthaug.models.phenotype_sampler import PhenotypeSampler
from synthaug.models.smoothed_marginals import SCORES, normal_scores, smoothed_quantiles


class PhenotypeCopula(PhenotypeSampler):
    """Marginals of the phenotypes as they are, smoothed, and one correlation matrix of their normal scores.

    Data        x = coordinates, (n, d), NaN where unknown;  g_ij = Phi^-1(rank of x_ij / (n_j + 1)), ranks among the
                known values of the subject's diagnosis, standardised
    Fit         R = correlation of g, by expectation maximisation over what is missing, shrunk (`fit_correlation`);
                F_cj: distribution of x_j in diagnosis c, a Gaussian kernel around each known value; that of all subjects
                where the diagnosis has few
    Loss        -log c(g) = (log |R| + g' (R^-1 - I) g) / 2 over the known values of a subject, per known value
    Samples     g ~ N(0, R);  x_j = F_cj^-1(Phi(g_j))

    Fitted in closed form: a baseline for models that are trained.

    References
    ----------
    Nelsen, An Introduction to Copulas, 2006. Liu et al., J. Mach. Learn. Res. 10, 2009 (the nonparanormal).
    """

    root: Tensor
    quantiles: Tensor

    def __init__(
        self,
        settings: PhenotypeCopulaSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.smoothing, self.least_subjects = settings.smoothing, settings.least_subjects
        d, groups = len(self.coordinates.coordinates), len(self.frequencies)
        self.register_buffer("root", torch.eye(d, dtype=torch.float64))
        self.register_buffer("quantiles", torch.zeros(groups, d, len(SCORES), dtype=torch.float64))

    def prepare(self, store: TensorStore) -> None:
        """Fit marginals and correlation; see the class."""
        values, codes = self.read_training(store)
        scores = np.full(values.shape, np.nan)
        quantiles = np.zeros(tuple(self.quantiles.shape))
        for place in range(values.shape[1]):
            column = values[:, place]
            everyone = smoothed_quantiles(column[np.isfinite(column)], self.smoothing)
            for code in range(len(self.frequencies)):
                own = (codes == code).numpy()
                known = column[own & np.isfinite(column)]
                enough = len(known) >= self.least_subjects and np.ptp(known) > 0
                quantiles[code, place] = smoothed_quantiles(known, self.smoothing) if enough else everyone
                # Few values say nothing of their own ranks: their place among all subjects counts.
                ranked = normal_scores(np.where(own, column, np.nan) if enough else column)
                scores[own, place] = ranked[own]
        deviation = np.sqrt(np.nanmean(scores**2, axis=0))
        self.scores = torch.from_numpy(scores / deviation)
        self.root.copy_(torch.from_numpy(np.linalg.cholesky(fit_correlation(scores / deviation))))
        self.quantiles.copy_(torch.from_numpy(quantiles))

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Normal scores (b, d), NaN where unknown."""
        return {"scores": self.scores[indices]}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative log-likelihood of the copula per known value, in nats."""
        scores = batch["scores"]
        known = scores.isfinite()
        scores = torch.where(known, scores, 0.0)
        correlation = self.root @ self.root.T
        # Of what is unknown the matrix is the identity, which adds nothing to either term.
        both = known[:, :, None] & known[:, None, :]
        identity = torch.eye(scores.shape[1], dtype=scores.dtype, device=scores.device)
        roots = torch.linalg.cholesky(torch.where(both, correlation, identity))
        whitened = torch.linalg.solve_triangular(roots, scores[:, :, None], upper=False)[:, :, 0]
        log_determinant = 2 * roots.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        negative = (log_determinant + whitened.square().sum(dim=1) - scores.square().sum(dim=1)) / 2
        loss = negative.sum() / known.sum()
        return loss, {"negative_log_likelihood": loss.detach()}

    def draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """Coordinates of new hearts; see the class."""
        noise = torch.randn(len(codes), self.root.shape[0], generator=generator, dtype=torch.float64)
        scores = noise.to(self.device) @ self.root.T
        step = SCORES[1] - SCORES[0]
        place = (scores - SCORES[0]) / step
        lower = place.floor().clamp(0, len(SCORES) - 2)
        below = lower.long()[:, :, None]
        of_group = self.quantiles[codes.to(self.device)]
        first, second = (of_group.gather(2, below + after)[:, :, 0] for after in (0, 1))
        return first + (place - lower) * (second - first)
