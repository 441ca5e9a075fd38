"""Cines as an autoencoder gives them back: what no generator on its latents can exceed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from synthaug.core.errors import SynthaugError
from synthaug.data.store import first_slice
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.weights import load_model


class Reconstruction:
    """A trained autoencoder through which cines go, one at a time.

    Parameters
    ----------
    coder : LatentAutoencoder
        Trained.
    name : str
        What the study calls it.

    Attributes
    ----------
    hashes : mapping of str to str
        SHA-256 of its weight file, under the role ``"through"``.
    seen : sequence of str
        Ids of the real subjects it was trained on.
    """

    def __init__(self, coder: LatentAutoencoder, name: str) -> None:
        self.coder, self.name = coder, name
        self.hashes: Mapping[str, str] = {"through": coder.identity}
        self.seen: Sequence[str] = sorted(coder.seen)

    @classmethod
    def load(cls, weights: str | Path, name: str, device: str = "auto") -> Reconstruction:
        """Load the autoencoder; a `device` of ``"auto"`` is a GPU where there is one.

        Raises
        ------
        SynthaugError
            The weight file is missing, corrupted, or not of an autoencoder of cines.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        coder = load_model(weights, device=device)
        if not isinstance(coder, LatentAutoencoder):
            raise SynthaugError(f"{weights}: decodes no cines; name an autoencoder, not {name}")
        return cls(coder, name)

    @torch.no_grad()
    def reconstruct(self, cine: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Encode a cine to the mean of its latents and decode them.

        Parameters
        ----------
        cine : ndarray, shape (t, z, y, x)
            Intensities in [0, 1] on the model's grid, with `grid.z` slices or fewer.

        Returns
        -------
        images : ndarray, shape (t, z, y, x), float32
            In [0, 1].
        labels : ndarray, shape (t, z, y, x), uint8, or None
            Canonical labels of every frame; None where the autoencoder was trained without masks.

        Raises
        ------
        SynthaugError
            The cine lies on another grid.
        """
        grid, (t, z, y, x) = self.coder.grid, cine.shape
        if (t, y, x) != (grid.frames, grid.y, grid.x) or z > grid.z:
            raise SynthaugError(
                f"a cine of {cine.shape} does not fit the model's grid {(grid.frames, grid.z, grid.y, grid.x)} "
                "(t, z, y, x); harmonise all cohorts with the same settings"
            )
        there = slice(first_slice(z, grid.z), first_slice(z, grid.z) + z)
        padded = torch.zeros(1, t, grid.z, y, x)
        padded[0, :, there] = torch.from_numpy(cine).to(padded)
        slices = torch.zeros(1, 1, grid.z, 1, 1)
        slices[:, :, there] = 1
        images, labels = self.coder.reconstruct(padded, slices)
        return (
            images[0, :, there].float().cpu().numpy(),
            None if labels is None else labels[0, :, there].cpu().numpy(),
        )
