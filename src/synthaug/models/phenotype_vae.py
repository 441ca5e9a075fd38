"""Variational autoencoder of phenotypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.phenotype_samplers import PhenotypeVAESettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.draws import normal
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.batch_statistics import renew_statistics
from synthaug.models.incomplete_normal import fit_correlation
from synthaug.models.phenotype_sampler import PhenotypeSampler
from synthaug.networks.phenotype_vae import PhenotypeAutoencoder


class PhenotypeVAE(PhenotypeSampler):
    """Phenotypes of a heart from a latent vector, given the diagnosis.

    Data        x = (coordinates - mean) / sd,  (b, d), 0 where unknown;  m = 1 where known;  c: diagnosis, one-hot
    Posterior   q(z | x, m, c) = N(mu, diag(sigma^2)),  (mu, log sigma^2) = encoder(x, 1 - m, c)
    Prediction  f(z, c) = x
    Loss        sum(m |f(z, c) - x|^2) / sum(m)  +  beta KL(q(z | x, m, c) || N(0, I)),  KL: mean over subjects
    Samples     z ~ N(E[mu | c], E[Cov[mu | c]] + E[diag(sigma^2)])  (prior `aggregate`) or N(0, I);  x = f(z, c) + e,
                e ~ N(b_c, S):  means by diagnosis and covariance of the training residuals, its correlations shrunk

    Two steps go beyond the paper, whose samples are f(z), z ~ N(0, I): with the small weight of the divergence z is
    not standard normal, and means alone vary less than patients do.

    References
    ----------
    Seed 001, section 2.1; Kingma and Welling, 2014. Ghosh et al., ICLR 2020 (density of the latent vector after
    training). Rybkin et al., ICML 2021 (variance of the decoder).
    """

    mean: Tensor
    standard_deviation: Tensor
    latent_mean: Tensor
    latent_root: Tensor
    residual_mean: Tensor
    residual_root: Tensor

    def __init__(
        self,
        settings: PhenotypeVAESettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.beta, self.prior = settings.beta, settings.prior
        d, size = len(self.coordinates.coordinates), settings.latent_size
        # One more for subjects without a diagnosis; none where diagnoses are not told apart.
        self.context = len(self.diagnoses) + 1 if self.diagnoses else 0
        self.network = PhenotypeAutoencoder(2 * d, self.context, d, settings.widths, size)
        for name, initial in (
            ("mean", torch.zeros(d)),
            ("standard_deviation", torch.ones(d)),
            ("latent_mean", torch.zeros(len(self.frequencies), size)),
            ("latent_root", torch.eye(size)),
            ("residual_mean", torch.zeros(len(self.frequencies), d)),
            ("residual_root", torch.zeros(d, d)),
        ):
            self.register_buffer(name, initial.double())

    def prepare(self, store: TensorStore) -> None:
        """Take the coordinates of the training fold, their means and standard deviations, and the diagnoses."""
        values, self.subject_codes = self.read_training(store)
        mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)
        self.mean.copy_(torch.from_numpy(mean))
        self.standard_deviation.copy_(torch.from_numpy(deviation))
        standardised = (values - mean) / deviation
        self.known = torch.from_numpy(np.isfinite(standardised)).float()
        self.values = torch.from_numpy(np.nan_to_num(standardised)).float()

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Coordinates and which are known, (b, d), and numbers of the diagnoses (b,)."""
        return {
            "values": self.values[indices],
            "known": self.known[indices],
            "codes": self.subject_codes[indices],
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error of the known values, and the divergence."""
        mean, log_variance, decoded = self._reconstruct(batch, generator)
        error = ((decoded - batch["values"]).square() * batch["known"]).sum() / batch["known"].sum()
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean() / 2
        loss = error + self.beta * divergence
        return loss, {"reconstruction": error.detach(), "divergence": divergence.detach()}

    def _reconstruct(
        self, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and log-variance of the latent vectors (b, latent), and what is decoded from a draw of them (b, d)."""
        context = self._context(batch["codes"])
        mean, log_variance = self.network.encode(
            torch.cat([batch["values"], 1 - batch["known"], context], dim=1)
        )
        noise = normal(mean.shape, mean.device, generator)
        latent = mean + (log_variance / 2).exp() * noise
        return mean, log_variance, self.network.decode(torch.cat([latent, context], dim=1))

    def _context(self, codes: Tensor) -> Tensor:
        if not self.context:
            return torch.zeros(len(codes), 0, device=codes.device)
        return functional.one_hot(codes, self.context).float()

    @torch.no_grad()
    def finish(self, store: TensorStore) -> None:
        """Take the statistics of the hidden layers, of the latent vectors and of the residuals with the final weights."""
        generator = torch.Generator().manual_seed(0)
        everyone = self.batch(list(range(len(self.values))), generator)
        batch = {name: value.to(self.device) for name, value in everyone.items()}
        renew_statistics(self, lambda: self._reconstruct(batch, generator))
        mean, log_variance, decoded = (part.cpu().double() for part in self._reconstruct(batch, generator))
        if self.prior == "aggregate":
            centres = self._by_diagnosis(mean, torch.ones_like(mean))
            within = mean - centres[self.subject_codes]
            covariance = within.T @ within / len(within) + log_variance.exp().mean(dim=0).diag()
            self.latent_mean.copy_(centres)
            self.latent_root.copy_(torch.linalg.cholesky(covariance))
        residuals, known = self.values.double() - decoded, self.known.double()
        centres = self._by_diagnosis(residuals, known)
        self.residual_mean.copy_(centres)
        around = (residuals - centres[self.subject_codes]).masked_fill(known == 0, torch.nan).numpy()
        deviation = np.sqrt(np.nanmean(around**2, axis=0)).clip(min=1e-6)
        root = deviation[:, None] * np.linalg.cholesky(fit_correlation(around / deviation))
        self.residual_root.copy_(torch.from_numpy(root))

    def _by_diagnosis(self, values: Tensor, known: Tensor) -> Tensor:
        """Means (groups, k) of the known values (n, k) of each diagnosis; 0 without any."""
        totals = torch.zeros(len(self.frequencies), values.shape[1], dtype=torch.float64)
        counts = totals.clone()
        totals.index_add_(0, self.subject_codes, values * known)
        counts.index_add_(0, self.subject_codes, known)
        return totals / counts.clamp(min=1)

    def draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """Coordinates of new hearts; see the class."""
        latent, residual = (
            torch.randn(len(codes), size, generator=generator, dtype=torch.float64).to(self.device)
            for size in (len(self.latent_root), len(self.mean))
        )
        latent = self.latent_mean[codes.to(self.device)] + latent @ self.latent_root.T
        context = self._context(codes.to(self.device))
        decoded = self.network.decode(torch.cat([latent.float(), context], dim=1)).double()
        residual = self.residual_mean[codes.to(self.device)] + residual @ self.residual_root.T
        return self.mean + self.standard_deviation * (decoded + residual)
