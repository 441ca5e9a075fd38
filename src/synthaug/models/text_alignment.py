"""Disease-aware alignment of words and image tokens, before generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from synthaug.config.text_models import TextAlignmentSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.alignment_losses import class_contrast, relevance_loss, token_contrast
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.conditioner import es_of_frames, vocabulary
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.latents import LatentCache, channel_statistics, encode_cines, slice_weights
from synthaug.models.phases import cardiac_phase
from synthaug.models.sentences import SentenceBank, Sentences, paraphrases_of, without_empty
from synthaug.models.text_encoder import EncodedText, TextEncoder
from synthaug.networks.cross_alignment import CrossAlignment
from synthaug.networks.patches import check_patch
from synthaug.networks.prompt import Prompt
from synthaug.networks.relevance import (
    gradient_attention,
    mean_over,
    relevance_through,
    word_relevance,
)
from synthaug.networks.stack_patches import StackPatches

_LEAST_TEMPERATURE = 0.01  # of the learned one; CLIP's bound


class TextAlignment(TrainableModel):
    """Words of a prompt and tokens of a cine, drawn together where they tell of the same disease.

    Data        z = (encode(x) - mean) / sd,  (b, t, c, z, y, x), cut into image tokens r_1 .. r_P, projected;
                t = [V]_1 .. [V]_M [CLS] [impression], through the frozen text encoder and projected: words w_1 .. w_L
    Attention   o_j = sum_k O(a_jk V w_k), a = softmax(Q r K w / sqrt d);  q_l likewise of words to image tokens
    Relevance   R = mean over heads of relu(da * a), of s = cos(mean r + o, mean w + q), through the layers
    Loss        L = L_G + L_DA + L_expl, each with its weight
    L_G         -log softmax_k cos(mean r, T_k) / tau at the own class;  T_k: mean of the words of a subject of class k
    L_DA        1/2 (L_DAS + L_DAW);  L_DAS = -1/2 sum_j v_j (log p(o_j | r_j) + log p(r_j | o_j)), o_j with R's rows in
                place of a's, candidates the tokens of the pair;  v: learned, sums to 1;  L_DAW likewise of w_l and q_l
    L_expl      -mean over [CLS] and [impression] of the words' relevance to s, relative to its mean over all words

    Tokens of slices that do not exist and pieces that a sentence lacks are masked in attention, relevance and losses.

    Attributes
    ----------
    class_means : Tensor, shape (classes + 1, P, features)
        Mean image tokens, not projected, of the training subjects of each class; 0 for unknown classes. From `finish`.

    References
    ----------
    Liu et al., TexDC, sections 3.1 and 3.2; Zhou et al., CoOp, IJCV 2022; Chefer et al., ICCV 2021. Differences: the sign
    of L_DA (equation 7 has a minus that pushes matching tokens apart); latents stay those of the autoencoder, so that
    its decoders are valid; weights of tokens and relevance are relative, so that no loss falls by scale alone.
    """

    settings: TextAlignmentSettings
    cache: LatentCache
    bank: SentenceBank
    slices: Tensor
    phases: Tensor
    class_of: Tensor
    members: list[Tensor]
    class_means: Tensor
    mean: Tensor
    standard_deviation: Tensor

    def __init__(
        self,
        settings: TextAlignmentSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        self.conditions = ("diagnosis", "sentence")
        self.classes: list[str] = self.fold_facts["vocabulary"]["diagnosis"]
        self.frames = grid.frames // self.autoencoder.frames_per_latent
        channels, depth, rows, columns = self.autoencoder.latent_shape
        t, _, y, x = settings.patch
        check_patch("text_alignment", (self.frames, rows, columns), (t, y, x))
        self.patches = StackPatches(channels, (self.frames, depth, rows, columns), settings.patch)
        self.prompt = Prompt(self.text.word_width, settings.contexts, len(self.classes))
        crossed = settings.local_weight or settings.relevance_weight
        self.network = CrossAlignment(
            self.text.width,
            self.patches,
            settings.width,
            settings.heads,
            settings.depth if crossed else 0,
            weighted=settings.local_weight > 0,
        )
        self.log_temperature = nn.Parameter(torch.tensor(settings.temperature).log())
        self.register_buffer("mean", torch.zeros(channels, 1, 1, 1))
        self.register_buffer("standard_deviation", torch.ones(channels, 1, 1, 1))
        self.register_buffer(
            "class_means", torch.zeros(len(self.classes) + 1, self.patches.count, self.patches.features)
        )

    @classmethod
    def facts(cls, settings: TextAlignmentSettings, store: TensorStore) -> dict[str, Any]:
        """The diagnoses of the training fold."""
        found = vocabulary(store.table, ["diagnosis"])
        if not found["diagnosis"]:
            raise SynthaugError(
                "text_alignment: no training subject has a diagnosis to align with; add the column diagnosis, or leave "
                "this model out"
            )
        return {"vocabulary": found}

    @property
    def autoencoder(self) -> LatentAutoencoder:
        """The autoencoder of the latents."""
        return cast(LatentAutoencoder, self.needs["autoencoder"])

    @property
    def text(self) -> TextEncoder:
        """The text encoder, frozen."""
        return cast(TextEncoder, self.needs["text"])

    @property
    def width(self) -> int:
        """Features of a word in the shared space."""
        return self.settings.width

    def class_ids(self, table: pd.DataFrame) -> Tensor:
        """Class of each row, (n,); one beyond the last where the diagnosis is unknown.

        Raises
        ------
        SynthaugError
            A diagnosis that the training fold did not have.
        """
        found = []
        for diagnosis in table["diagnosis"]:
            if pd.isna(diagnosis):
                found.append(len(self.classes))
            elif diagnosis in self.classes:
                found.append(self.classes.index(diagnosis))
            else:
                raise SynthaugError(
                    f"diagnosis {diagnosis!r} was not among the training subjects; known are {', '.join(self.classes)}"
                )
        return torch.tensor(found, dtype=torch.long)

    def words(self, sentences: Sequence[str], classes: Tensor) -> EncodedText:
        """Words of prompts in the shared space: contexts, class (b,), then the pieces of each sentence."""
        encoded = self.text.encode(sentences, self.prompt(classes))
        return EncodedText(self.network.embed_words(encoded.tokens), encoded.known)

    @torch.no_grad()
    def describe(self, sentences: Sequence[str], classes: Tensor) -> EncodedText:
        """What `words` gives, for a generator: of an empty sentence, nothing is known."""
        return without_empty(self.words(sentences, classes), sentences)

    def prepare(self, store: TensorStore) -> None:
        """Encode the fold's cines, write its sentences, take statistics of the latents."""
        settings = self.settings
        self.slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
        es_phase = torch.from_numpy(es_of_frames(store.table))
        self.phases = cardiac_phase(es_phase, self.grid.frames, self.autoencoder.frames_per_latent)
        self.cache = encode_cines(
            self.autoencoder, store, range(self.grid.frames), settings.copies, settings.augmentation
        )
        self.bank = SentenceBank.of(store.table, self.cache.scale, settings.paraphrases, paraphrases_of)
        if not any(self.bank.sentences):
            raise SynthaugError(
                "text_alignment: nothing is known of any training subject that a sentence could say; bring reports "
                "(datasets.<name>.reports), or diagnoses, volumes or labels"
            )
        self.class_of = self.class_ids(store.table)
        self.members = [(self.class_of == k).nonzero()[:, 0] for k in range(len(self.classes))]
        mean, deviation = self._statistics()
        self.mean.copy_(mean)
        self.standard_deviation.copy_(deviation)

    def _statistics(self) -> tuple[Tensor, Tensor]:
        latents = self.cache.mean[0].float()
        slices = repeat(self.slices, "n 1 z 1 1 -> (n t) 1 z 1 1", t=latents.shape[1])
        return channel_statistics(rearrange(latents, "n t c z y x -> (n t) c z y x"), slices)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of cines and sentences, then of each class the sentence of one of its subjects."""
        subjects = torch.tensor(indices)
        frames = torch.arange(self.frames)
        copies = torch.randint(self.settings.copies, (len(indices),), generator=generator)
        latents = [
            self.cache.draw(int(copy), index, frames, generator)
            for copy, index in zip(copies, indices, strict=True)
        ]
        others = torch.stack(
            [members[torch.randint(len(members), (1,), generator=generator)][0] for members in self.members]
        )
        other_copies = torch.randint(self.settings.copies, (len(others),), generator=generator)
        places = self.bank.draw(
            torch.cat([copies, other_copies]), torch.cat([subjects, others]), generator
        ).tolist()
        drawn = Sentences(self.bank.sentences[place] for place in places)
        return {
            "latents": torch.stack(latents),
            "phases": self.phases[indices],
            "slices": self.slices[indices],
            "classes": self.class_of[indices],
            "sentences": cast(Tensor, drawn),
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Contrast of classes, contrast of tokens, relevance of the disease's words."""
        settings, network = self.settings, self.network
        classes, slices = batch["classes"], batch["slices"]
        b, k = len(classes), len(self.classes)
        all_classes = torch.cat([classes, torch.arange(k, device=classes.device)])
        told = self.words(cast(Sequence[str], batch["sentences"]), all_classes)
        words, known, others = told.tokens[:b], told.known[:b], mean_over(told.tokens, told.known)[b:]
        data = (batch["latents"] - self.mean) / self.standard_deviation * slices[:, None]
        image, existing = network.embed_image(data, batch["phases"]), self.patches.existing(slices)

        temperature = self.log_temperature.exp().clamp(min=_LEAST_TEMPERATURE)
        pooled = mean_over(image, existing), mean_over(words, known)
        terms = {"class": class_contrast(*pooled, others, classes, temperature)}
        total = settings.global_weight * terms["class"]
        if settings.local_weight or settings.relevance_weight:
            crossed = network.cross(image, words, existing, known)
            match = nn.functional.cosine_similarity(
                mean_over(crossed.image, existing).float(), mean_over(crossed.words, known).float()
            )
            weights = [weight for layer in crossed.maps for weight in layer]
            found = gradient_attention(match.sum(), weights)
            relevance = relevance_through(list(zip(found[::2], found[1::2], strict=True)))
        if settings.local_weight:
            seen_words, seen_image = network.relevant(crossed, relevance, existing, known)
            of_image, of_words = network.weights(image, words, existing, known)
            terms["image_tokens"] = token_contrast(
                image, seen_words, existing, of_image, settings.temperature
            )
            terms["words"] = token_contrast(words, seen_image, known, of_words, settings.temperature)
            total = total + settings.local_weight * (terms["image_tokens"] + terms["words"]) / 2
        if settings.relevance_weight:
            disease = known & (torch.arange(known.shape[1], device=known.device) >= settings.contexts)
            terms["relevance"] = relevance_loss(word_relevance(relevance, existing, known), disease)
            total = total + settings.relevance_weight * terms["relevance"]
        return total, {name: term.detach() for name, term in terms.items()}

    def finish(self, store: TensorStore) -> None:
        """Mean image tokens of each class, over the subjects that have their slices; the word of an unknown class."""
        if not (self.class_of == len(self.classes)).any():
            # Nobody without a diagnosis was seen: no diagnosis is nearer to an open one than another.
            with torch.no_grad():
                self.prompt.classes[-1] = self.prompt.classes[:-1].mean(dim=0)
        data = (self.cache.mean[0].float() - self.mean.cpu()) / self.standard_deviation.cpu()
        tokens = self.patches.cut(data * self.slices[:, None])
        there = self.patches.existing(self.slices)[..., None]
        for number, members in enumerate(self.members):
            count = there[members].sum(dim=0).clamp(min=1)
            self.class_means[number] = (tokens[members] * there[members]).sum(dim=0) / count

    @torch.no_grad()
    def assess(self, store: TensorStore) -> dict[str, float]:
        """Share of a store's subjects whose image tokens are nearest to the training texts of their own diagnosis."""
        texts = torch.stack([self._class_text(number) for number in range(len(self.classes))])
        right = []
        for index, diagnosis in enumerate(store.table["diagnosis"]):
            if pd.isna(diagnosis) or diagnosis not in self.classes:
                continue
            cine = torch.from_numpy(store.images[[index]].astype(np.float32)).to(self.device)
            slices = slice_weights(store.slice_mask[index]).to(cine)
            es_phase = torch.from_numpy(es_of_frames(store.table.iloc[[index]])).to(cine)
            phases = cardiac_phase(es_phase, self.grid.frames, self.autoencoder.frames_per_latent)
            latents = self.autoencoder.encode_cine(cine, slices)[0]
            data = (latents - self.mean) / self.standard_deviation * slices[:, None]
            image = mean_over(self.network.embed_image(data, phases), self.patches.existing(slices))
            nearest = nn.functional.cosine_similarity(image, texts).argmax()
            right.append(self.classes[int(nearest)] == diagnosis)
        return {"class_accuracy": float(np.mean(right))} if right else {}

    def _class_text(self, number: int) -> Tensor:
        """Mean over the training subjects of a class of their pooled words, each of length 1, (width,)."""
        members = self.members[number]
        sentences = [self.bank.sentences[place] for place in self.bank.places[0, members, 0].tolist()]
        told = self.words(sentences, torch.full_like(members, number).to(self.device))
        return nn.functional.normalize(mean_over(told.tokens, told.known), dim=-1).mean(dim=0)

    def mean_latents(self, classes: Tensor) -> Tensor:
        """Mean latents (b, t, c, z, y, x) of classes (b,), less the fold's mean and in its deviations; 0 where unknown."""
        return self.patches.paste(self.class_means[classes])
