"""Mask guided: the latents of a whole cine from one diffusion model that a control branch steers by masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.config.generators import MaskGuidedSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.store import first_slice
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.generators.word_maps import word_maps
from synthaug.labels import UNLABELLED
from synthaug.models.base import TrainableModel
from synthaug.models.control_branch import Base, ControlBranch
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.text_diffusion import Collect, TextDiffusion


class MaskGuided(LatentGenerator):
    """All slices and frames are drawn together and follow the masks of a request, in frames that have one.

    A request without masks is drawn from the diffusion model alone, bit for bit as by `SinglePass`.

    References
    ----------
    Kim et al., Controllable Text-to-Image Synthesis for Multi-Modality MR Images; docs/generators/mask_guided.md says where this
    departs from it.
    """

    def __init__(
        self,
        autoencoder: LatentAutoencoder,
        diffusion: Base,
        branch: ControlBranch,
        settings: MaskGuidedSettings,
    ) -> None:
        models = {"autoencoder": autoencoder, "diffusion": diffusion, "control": branch}
        super().__init__(autoencoder, models, unconditional=models if settings.sampler.unconditional else ())
        # Without guidance, too: both predictions follow the masks, unless the branch has no weight.
        followed = {"labels"} if settings.control_scale else set()
        self.conditions = sorted({*self.conditions} - {"labels"} | followed)
        self.diffusion, self.branch, self.settings = diffusion, branch, settings

    @classmethod
    def of(cls, settings: MaskGuidedSettings, models: Mapping[str, TrainableModel]) -> MaskGuided:
        """Made of autoencoder, diffusion and control; see `LatentGenerator.of`."""
        return cls(
            cast(LatentAutoencoder, models["autoencoder"]),
            cast(Base, models["diffusion"]),
            cast(ControlBranch, models["control"]),
            settings,
        )

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of whole cycles without masks, from the diffusion model alone."""
        return self.diffusion.sample(*self._given(rows, slices), self._noise(rows), self.settings.sampler)

    def draw_requests(self, requests: Cohort, slices: Tensor) -> Tensor:
        """Latents of whole cycles that follow the requested masks; see `LatentGenerator.draw_requests`."""
        return self._draw(requests, *self._given(requests.table, slices))

    def attention_maps(self, requests: Cohort, words: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Attention of each pixel to words, of the U-Net and of the branch; see `TextDriven.attention_maps`.

        Raises
        ------
        SynthaugError
            The diffusion model reads no sentences.
        """
        if not isinstance(self.diffusion, TextDiffusion):
            raise SynthaugError(
                "mask_guided: the diffusion model reads no sentences, so that it attends to no word; steer a text_diffusion"
            )
        for subject in requests.subjects:
            yield subject, self._maps_of(self.diffusion, requests.select([subject]), words)

    @torch.no_grad()
    def _maps_of(self, diffusion: TextDiffusion, request: Cohort, words: Sequence[str]) -> np.ndarray:
        slices = self._slices(request.table).to(self.device)
        with self.precision():
            given = self._given(request.table, slices)

            def draw(collect: Collect) -> Tensor:
                return self._draw(request, *given, collect)

            return word_maps(diffusion, request.table, given[0], words, draw)

    def _draw(
        self,
        requests: Cohort,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        collect: Collect | None = None,
    ) -> Tensor:
        """Latents that follow the requested masks; without any, or the branch's weight 0, those of the diffusion model alone."""
        structure, noise = self._structure(requests), self._noise(requests.table)
        collecting: dict[str, Any] = {} if collect is None else {"collect": collect}
        if structure is None or not self.settings.control_scale:
            return self.diffusion.sample(values, phases, slices, noise, self.settings.sampler, **collecting)
        given = (structure != UNLABELLED).reshape(len(structure), -1).any(axis=1)
        if not given.all():
            # A trained middle block takes the base's place for the whole batch: what has no masks is the base's own.
            return self._draw_apart(requests, values, phases, slices, given)
        return self.branch.sample(
            values,
            phases,
            slices,
            torch.from_numpy(structure).to(self.device),
            noise,
            self.settings.sampler,
            self.settings.control_scale,
            collect,
        )

    def _draw_apart(
        self,
        requests: Cohort,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        given: np.ndarray,
    ) -> Tensor:
        """Latents of requests with masks and of those without, each as if the others were not there."""
        places = [np.flatnonzero(given), np.flatnonzero(~given)]
        parts = [
            self._draw(
                requests.select([requests.subjects[place] for place in own]),
                {name: value[own] for name, value in values.items()},
                phases[own],
                slices[own],
            )
            for own in places
        ]
        order = np.argsort(np.concatenate(places))
        return torch.cat(parts)[order]

    def labels_of(self, requests: Cohort, decoded: np.ndarray | None) -> np.ndarray | None:
        """The decoded masks or, with `masks: requested`, those requested in frames that have one."""
        if self.settings.masks == "decoded" or decoded is None:
            return decoded
        asked = np.stack([self._on_grid(requests, subject) for subject in requests.subjects])
        return np.where(asked == UNLABELLED, decoded, asked)

    def _structure(self, requests: Cohort) -> np.ndarray | None:
        """What the branch reads, (b, t, z, y, x) on the whole grid; None where no request has any."""
        made = np.full(
            (len(requests.subjects), self.grid.frames, self.grid.z, self.grid.y, self.grid.x),
            UNLABELLED,
            np.uint8,
        )
        for place, subject in enumerate(requests.subjects):
            cine = requests.guide(subject) if self.branch.settings.structure == "canny" else None
            if cine is not None:
                whole = self._placed(subject, cine, 0.0)
                made[place] = self.branch.structure_of(None, whole)
                first = first_slice(cine.shape[1], self.grid.z)
                made[place, :, :first] = made[place, :, first + cine.shape[1] :] = UNLABELLED
            elif requests.labelled_frames(subject):
                made[place] = self.branch.structure_of(self._on_grid(requests, subject))
        return made if (made != UNLABELLED).any() else None

    def _on_grid(self, requests: Cohort, subject: str) -> np.ndarray:
        """Requested masks (t, z, y, x) on the whole grid; `UNLABELLED` where nothing is requested."""
        if not requests.labelled_frames(subject):
            shape = (self.grid.frames, self.grid.z, self.grid.y, self.grid.x)
            return np.full(shape, UNLABELLED, np.uint8)
        return self._placed(subject, requests.label_cine(subject), UNLABELLED)

    def _placed(self, subject: str, cine: np.ndarray, beyond: float) -> np.ndarray:
        """A cine or masks (t, z, y, x) with its slices centred in those of the grid, `beyond` in the others."""
        t, z, y, x = cine.shape
        grid = (self.grid.frames, self.grid.z, self.grid.y, self.grid.x)
        if (t, y, x) != (grid[0], *grid[2:]) or z > grid[1]:
            raise SynthaugError(
                f"{subject}: masks are {cine.shape} (t, z, y, x), the generator's grid is {grid}; harmonise both to one "
                "grid"
            )
        whole = np.full(grid, beyond, cine.dtype)
        first = first_slice(z, grid[1])
        whole[:, first : first + z] = cine
        return whole

    def _given(self, rows: pd.DataFrame, slices: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        values = {name: value.to(self.device) for name, value in self.diffusion.read(rows).items()}
        return values, self.phases(rows), slices

    def _noise(self, rows: pd.DataFrame) -> Noise:
        return Noise(rows["seed"], self.device)
