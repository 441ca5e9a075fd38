"""Diffusion model of whole cines given the words of a sentence, attending within images, over frames and over slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import pandas as pd
import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.config.generators import SamplerSettings
from synthaug.config.geometry import GeometrySettings
from synthaug.config.text_models import TextDiffusionSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.conditioner import TOKEN_MASK, TOKENS
from synthaug.models.latent_diffusion import ConditionedPredict, LatentDiffusion
from synthaug.models.sentences import (
    EncodedBank,
    SentenceBank,
    paraphrases_of,
    with_place,
    without_empty,
)
from synthaug.models.text_alignment import TextAlignment
from synthaug.models.text_encoder import EncodedText, TextEncoder
from synthaug.networks.cine_unet import Layout, fold_frames, steered
from synthaug.networks.conditioning import Kept
from synthaug.networks.embeddings import PhaseEmbedding, describe_stack
from synthaug.networks.unet import AttentionMap, Context, Control, LatentUNet
from synthaug.text.sentences import sentences_of
from synthaug.text.told_diagnoses import with_told_diagnoses

#: Takes the attention maps of one pass of the network with the conditions.
Collect = Callable[[Sequence[AttentionMap]], None]
_ADDED = (".over_frames.", ".over_slices.")  # parameters that a base of single images lacks


class TextDiffusion(LatentDiffusion):
    """Latents of all slices and frames of a cycle, with the words of a sentence as context.

    Data        z = (encode(x) - mean) / sd,  (b, t, c, z, y, x), zero in missing slices
    Forward     z_t = alpha_t z + sigma_t e,  e ~ N(0, I)
    Prediction  f(z_t, slices, p, t, w, c) = e, or what the objective says;  p: phase of each frame;  w: words, from the
                text encoder or the alignment;  c: scalar conditions
    Network     after the layers within each image, which attend to the words:
                h <- a h + (1 - a) TAM(h), over the frames of a pixel;  h <- a' h + (1 - a') SAM(h), over its slices;
                a, a' learned in each stage and 0 at first, where TAM and SAM are the identity
    Loss        w_t |f - target|^2, mean over slices that exist; w and c replaced by their nulls at random
    Start       frames and slices are independent in a model without TAM and SAM: a `base`, whose weights others take

    A sentence follows its copy: each encoded copy has paraphrases of its own, of which a step draws one.

    References
    ----------
    Liu et al., TexDC, section 3.3; Blattmann et al., Align your latents, CVPR 2023. Differences: masks decoded with the
    images; cardiac phase and place in the stack as inputs, so that attention without positions can order frames and
    slices; slices that do not exist are masked; scalar conditions are possible beside the words.
    """

    settings: TextDiffusionSettings
    bank: EncodedBank

    def __init__(
        self,
        settings: TextDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        alignment = needs.get("alignment")
        reader = cast("TextEncoder | TextAlignment", alignment or needs["text"])
        super().__init__(settings, grid, needs, facts, token_width=reader.width)
        said = ("sentence", "diagnosis") if alignment else ("sentence",)
        self.conditions = tuple(dict.fromkeys((*settings.conditions, *said)))
        self.frames = grid.frames // self.autoencoder.frames_per_latent
        channels = self.autoencoder.latent_shape[0]
        self.phase = PhaseEmbedding(self.embedding_size)
        self.network = LatentUNet(
            channels + 2,  # beside the latents: which slices exist, and where in the stack they are
            channels,
            settings.channels,
            settings.blocks,
            self.embedding_size,
            temporal=settings.temporal,
            through_slices=settings.slice_aware,
            context=reader.width,
            interleaved=True,
        )
        if "base" in needs:
            self._check_base()
        if settings.freeze_base:
            for name, parameter in self.named_parameters():
                parameter.requires_grad_(any(part in name for part in _ADDED))

    @property
    def text(self) -> TextEncoder:
        """The text encoder, frozen."""
        return cast(TextEncoder, self.needs["text"])

    @property
    def alignment(self) -> TextAlignment | None:
        """The alignment that words go through, frozen; None without."""
        return cast("TextAlignment | None", self.needs.get("alignment"))

    @property
    def layout(self) -> Layout:
        """How cines are laid out for the U-Net, for a control branch."""
        return Layout(self.network, 1, fold_frames)

    def prepare(self, store: TensorStore) -> None:
        """Encode all frames and sentences; take statistics of the latents and of the conditions; start from the base."""
        self.fit_to_cines(store)
        self._encode_sentences(store)
        if "base" in self.needs:
            self.load_state_dict(self.needs["base"].state_dict(), strict=False)

    def take_cines(self, store: TensorStore, copies: int, geometry: GeometrySettings) -> None:
        """Encoded copies, each with its sentences; see `ConditionedLatents.take_cines`."""
        super().take_cines(store, copies, geometry)
        self._encode_sentences(store)

    def _encode_sentences(self, store: TensorStore) -> None:
        bank = SentenceBank.of(store.table, self.cache.scale, self.settings.paraphrases, paraphrases_of)
        self.bank = EncodedBank.of(bank, self._class_ids(store.table), self.describe, self.device)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """As `cine_batch`, of the frames that a training item has."""
        frames = self.draw_frames(len(indices), self.settings.frames_drawn, generator)
        return self.cine_batch(indices, generator, frames=frames)

    def cine_batch(
        self,
        indices: list[int],
        generator: torch.Generator,
        copies: Tensor | None = None,
        frames: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Fresh draws of cines and of their sentences; see `ConditionedLatents.cine_batch`."""
        if copies is None:
            copies = self.draw_copies(len(indices), generator)
        cines = super().cine_batch(indices, generator, copies, frames)
        words = self.bank.draw(copies, torch.tensor(indices), generator)
        return {**cines, TOKENS: words.tokens, TOKEN_MASK: words.known}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error over existing slices of the frames, and the mean of the mixing weights."""
        slices = batch["slices"][:, None]
        data = self.normalise(batch["latents"], slices)
        predict = self.predictor(batch, batch["phases"], batch["slices"])
        terms = {
            f"{name}_mixing": torch.stack(weights).mean()
            for name in ("over_frames", "over_slices")
            if (weights := self.mixing_weights(name))
        }
        return self.diffusion_loss(predict, data, slices, generator), terms

    def mixing_weights(self, layer: str) -> list[Tensor]:
        """alpha of each stage's `over_frames` or `over_slices`; 1 leaves the layer out."""
        return [
            parameter.detach()
            for name, parameter in self.network.named_parameters()
            if name.endswith(f"{layer}.alpha")
        ]

    def read(self, table: pd.DataFrame) -> dict[str, Tensor]:
        """Raw conditions and words of the rows of a cohort's table or of requests; words on the model's device.

        A class that a row leaves open is the diagnosis that its sentence names.
        """
        sentences = sentences_of(table)
        words = self.describe(sentences, self._class_ids(self._told(table)).to(self.device))
        return {**self.conditioner.read(table), TOKENS: words.tokens, TOKEN_MASK: words.known}

    @torch.no_grad()
    def describe(self, sentences: Sequence[str], classes: Tensor) -> EncodedText:
        """Words of sentences of subjects of these classes (b,), as the network attends to them."""
        if self.alignment is not None:
            encoded = self.alignment.describe(sentences, classes)
        else:
            encoded = without_empty(self.text.encode(sentences), sentences)
        return with_place(encoded)

    def pieces(self, sentence: str) -> list[str]:
        """What each token of a sentence is called; contexts are ``[V]``, the class is ``[CLS]``."""
        front = [] if self.alignment is None else ["[V]"] * self.alignment.settings.contexts + ["[CLS]"]
        return [*front, *self.text.pieces(sentence)] if sentence else []

    def sample(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
        mean: Tensor | None = None,
        collect: Collect | None = None,
    ) -> Tensor:
        """Latents of whole cycles.

        Parameters
        ----------
        values : mapping of str to Tensor
            From `read`.
        phases : Tensor, shape (b, t)
            From `cardiac_phase`, one a latent frame.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice is requested.
        noise : Noise
            A stream for each row.
        settings : SamplerSettings
            Solver, steps, guidance.
        mean : Tensor, shape (b, t, c, z, y, x), optional
            Of the noise that sampling starts from.
        collect : callable, optional
            Takes the attention maps of every pass with the conditions.

        Returns
        -------
        Tensor, shape (b, t, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not requested.
        """
        data = self.solve(
            partial(self.predictor, collect=collect),
            (values, phases, slices),
            noise,
            (phases.shape[1], *self.autoencoder.latent_shape),
            settings,
            mean,
            apart=None if collect is None else True,
        )
        return self.denormalise(data, slices[:, None])

    def start_mean(self, table: pd.DataFrame) -> Tensor:
        """Mean normalised latents (b, t, c, z, y, x) of each row's diagnosis, 0 where unknown.

        Raises
        ------
        SynthaugError
            There is no alignment to know them.
        """
        if self.alignment is None:
            raise SynthaugError(
                "text_diffusion: the class means of the start noise come from an alignment, which this model lacks; name "
                "one among needs, or set the generator's start_weight: 0"
            )
        return self.alignment.mean_latents(self.alignment.class_ids(self._told(table)).to(self.device))

    def predictor(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        control: Control | None = None,
        collect: Collect | None = None,
    ) -> ConditionedPredict:
        """The network for subjects of these conditions and words, phases (b, t), slices, and what steers it."""
        frames = phases.shape[1]
        phase = self.phase(phases)
        folded_slices = repeat(slices, "b 1 z 1 1 -> (b t) 1 z 1 1", t=frames)
        rows, columns = self.autoencoder.latent_shape[2:]
        beside = describe_stack(slices, places=True)
        beside = repeat(beside, "b c z 1 1 -> (b t) c z y x", t=frames, y=rows, x=columns)

        def predict(noisy: Tensor, times: Tensor, kept: Kept | None) -> Tensor:
            given = self.conditioner(values, kept)
            assert given.tokens is not None
            embedding = phase + (self.time(times) + given.vector)[:, None]
            maps: list[AttentionMap] | None = [] if collect is not None and kept is None else None
            folded = rearrange(noisy, "b t c z y x -> (b t) c z y x") * folded_slices
            answer = steered(
                self.network,
                control,
                torch.cat([folded, beside.to(folded)], dim=1),
                folded_slices,
                rearrange(embedding, "b t d -> (b t) d"),
                frames,
                Context(given.tokens, given.token_mask, maps),
            )
            if collect is not None and maps is not None:
                collect(maps)
            return rearrange(answer, "(b t) c z y x -> b t c z y x", t=frames)

        return predict

    def _told(self, table: pd.DataFrame) -> pd.DataFrame:
        """Requests with the diagnosis of their sentence where theirs is open: a class is told beside the words."""
        return table if self.alignment is None else with_told_diagnoses(table, self.alignment.classes)

    def _class_ids(self, table: pd.DataFrame) -> Tensor:
        if self.alignment is None:
            return torch.zeros(len(table), dtype=torch.long)
        return self.alignment.class_ids(table)

    def _check_base(self) -> None:
        """Refuse a base whose weights are not those of this model's layers within images."""
        base = cast(TextDiffusion, self.needs["base"])
        if base.settings.temporal or base.settings.slice_aware:
            raise SynthaugError(
                "text_diffusion: the base has temporal or slice_aware attention; name one with both false"
            )
        own, others = self.state_dict(), base.state_dict()
        lacking = {name for name in own if name not in others and not any(part in name for part in _ADDED)}
        unlike = {name for name in others if name not in own or own[name].shape != others[name].shape}
        if lacking or unlike:
            raise SynthaugError(
                f"text_diffusion: the base has other layers ({min(lacking | unlike)}); give both the same channels, "
                "blocks, conditions, text and alignment"
            )
