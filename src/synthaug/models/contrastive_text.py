"""The study's own text encoder: a small transformer whose sentences lie near the cines that they describe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from synthaug.config.text_encoders import TextEncoderSettings
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.batch_statistics import renew_on_training_batches
from synthaug.models.geometry import Geometry
from synthaug.models.text_encoder import EncodedText, TextEncoder
from synthaug.models.text_retrieval import (
    retrieval_scores,
    rows_of,
    soft_cross_entropy,
    training_texts,
    warn_of_cut_sentences,
)
from synthaug.networks.image_in_stack import ImageInStack
from synthaug.networks.text_transformer import TextTransformer
from synthaug.text.facts import facts_of, number_of
from synthaug.text.grammar import grammar_words
from synthaug.text.impressions import compose, rescaled
from synthaug.text.sentences import sentences_of
from synthaug.text.words import is_number, nearest_number, words

#: Share of the words of a training sentence that are read as unknown, so that an unknown word is no surprise.
_FORGOTTEN = 0.03
_LARGEST_SCALE = 100.0  # of the cosines, as Radford et al. limit it
_UNKNOWN = 0


class ContrastiveText(TextEncoder):
    """Words w of a sentence and images x of a cine in one space, trained on the fold's real training cines.

    Data        (w, x): a fresh paraphrase of facts of a subject, of which each is said with probability p, and images
                of the subject (ED and ES, random frames; several slices), moved; facts are those of the enlarged heart.
                A subject with a report has it in every second sentence.
    Prediction  t(w), v(x_n): unit vectors of a sentence and of each image
    Score       s_ij = mean_n t(w_i) . v(x_jn): CLIPSIM
    Loss        (H(P, softmax_j s_ij / tau) + H(P', softmax_i s_ij / tau)) / 2, tau learned,
                + c times the same between two paraphrases
                P_ij ~ 1 where all that w_i says is true of subject j, else 0; rows sum to 1, columns of P'

    A sentence seldom tells all subjects of a batch apart: "severely reduced ejection fraction" is true of several. Plain
    InfoNCE would push it away from all but one of them. Its targets are therefore spread evenly over the subjects of whom
    the sentence is true (two reports are alike only where they are the same text), which also covers subjects with the
    same facts; leaving these out of the denominator instead would give their similarity no target at all.

    References
    ----------
    Radford et al., ICML 2021 (symmetric InfoNCE, learned temperature). Khosla et al., NeurIPS 2020 (several positives).
    """

    def __init__(
        self,
        settings: TextEncoderSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        self.width = self.word_width = settings.width
        self.longest = settings.longest
        self.vocabulary: list[str] = list(self.fold_facts["vocabulary"])
        self._number = {word: index + 1 for index, word in enumerate(self.vocabulary)}
        self._numerals = [word for word in self.vocabulary if is_number(word)]
        self.text = TextTransformer(
            len(self.vocabulary) + 1,
            settings.width,
            settings.depth,
            settings.heads,
            settings.longest,
            [math.nan, *(float(word) if is_number(word) else math.nan for word in self.vocabulary)],
        )
        self.project = nn.Linear(settings.width, settings.embedding, bias=False)
        self.images = ImageInStack(settings.channels, settings.embedding)
        self.log_scale = nn.Parameter(torch.tensor(1 / settings.temperature).log())

    @classmethod
    def facts(cls, settings: TextEncoderSettings, store: TensorStore) -> dict[str, Any]:
        """The vocabulary: words of the grammar, of the training sentences, and of the fold's vendors, diagnoses and sequences."""
        found = grammar_words()
        for column in ("sentence", "report", "vendor", "diagnosis", "field_strength_t", "sequence"):
            if column in store.table.columns:
                found.update(word for value in store.table[column].dropna() for word in words(_text(value)))
        return {"vocabulary": sorted(found)}

    def prepare(self, store: TensorStore) -> None:
        """Keep the memory-mapped cines and the table; batches are made from them."""
        self.cines, self.slice_mask = store.images, store.slice_mask
        self.rows = rows_of(store.table)
        lengths = [len(words(sentence)) for sentence in sentences_of(store.table)]
        warn_of_cut_sentences(lengths, self.longest, self.settings.kind)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Images (b, f, z, 2, y, x), two paraphrases a subject (b, n), and of whom each sentence is true (b, b)."""
        draw = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
        stacks, places, heights, texts = [], [], [], []
        for index in indices:
            geometry = Geometry.draw(self.settings.augmentation, generator)
            images, place, height = self._images(index, geometry, generator)
            stacks.append(images)
            places.append(place)
            heights.append(height)
            row = rescaled(self.rows[index], geometry.scale)
            texts.append(training_texts(row, draw, self.settings.share_said))
        first, second = (
            self._forget(self.numbers_of([getattr(text, name) for text in texts]), generator)
            for name in ("first", "second")
        )
        return {
            "stacks": torch.stack(stacks),
            "places": torch.stack(places),
            "heights": torch.tensor(heights),
            "first": first,
            "second": second,
            "true": torch.tensor([[text.said <= other.true for other in texts] for text in texts]),
            "same": torch.tensor([[text.said == other.said for other in texts] for text in texts]),
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Symmetric cross-entropy between sentences and cines, and between paraphrases."""
        images = self._vectors(batch["stacks"], batch["places"], batch["heights"]).mean(dim=1)
        first, second = (self._embedded(batch[name]) for name in ("first", "second"))
        scale = self.log_scale.exp().clamp(max=_LARGEST_SCALE)
        contrast = soft_cross_entropy(scale * first @ images.T, batch["true"])
        paraphrases = soft_cross_entropy(scale * first @ second.T, batch["same"])
        terms = {
            "contrastive": contrast.detach(),
            "paraphrases": paraphrases.detach(),
            "temperature": (1 / scale).detach(),
        }
        return contrast + self.settings.paraphrase_weight * paraphrases, terms

    def finish(self, store: TensorStore) -> None:
        """Take the statistics by which features are standardised with the final weights."""
        renew_on_training_batches(self, len(store), self.settings.training.batch_size)

    def encode(self, sentences: Sequence[str], prefix: Tensor | None = None) -> EncodedText:
        """Features of sentences; see `TextEncoder.encode`."""
        length = self.longest - (0 if prefix is None else prefix.shape[1])
        numbers = self.numbers_of(sentences, length).to(self.device)
        tokens, known, _ = self.text(numbers.clamp(min=0), numbers >= 0, prefix)
        return EncodedText(tokens, known)

    def embed(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors (b, embedding) of sentences; the empty one has a vector of its own."""
        return self._embedded(self.numbers_of(sentences).to(self.device))

    def pieces(self, sentence: str) -> list[str]:
        """Words of a sentence, as far as they are read."""
        return words(sentence)[: self.longest]

    def unknown(self, sentence: str) -> list[str]:
        """Words of a sentence that the vocabulary does not have."""
        return [word for word in self.pieces(sentence) if self._index(word) == _UNKNOWN]

    def numbers_of(self, sentences: Sequence[str], length: int | None = None) -> Tensor:
        """Numbers of the words, (b, n), -1 after the end of a sentence; words past `length` are cut."""
        read = [
            [
                self._index(word)
                for word in self.pieces(sentence)[: self.longest if length is None else length]
            ]
            for sentence in sentences
        ]
        longest = max(map(len, read), default=0)
        return (
            torch.tensor([[*numbers, *[-1] * (longest - len(numbers))] for numbers in read])
            .reshape(len(read), longest)
            .long()
        )

    @torch.inference_mode()
    def image_features(self, cine: Tensor) -> Tensor:
        """Unit vectors of every image of a cine.

        Parameters
        ----------
        cine : Tensor, shape (t, z, y, x)
            Intensities in [0, 1]; frame 0 is ED.

        Returns
        -------
        Tensor, shape (t * z, embedding)
            Time outermost.
        """
        t, z = cine.shape[:2]
        cine = cine.to(self.device)
        pairs = torch.stack([cine[:1].expand_as(cine), cine], dim=2)
        places = _places(z, z).to(self.device).expand(t, -1)
        heights = torch.full((t,), z / self.grid.z, device=self.device)
        return rearrange(self.images(pairs, places, heights), "t z d -> (t z) d")

    @torch.inference_mode()
    def assess(self, store: TensorStore) -> dict[str, float]:
        """Retrieval among subjects of `store` by held-out paraphrases: rank one, both ways, and chance."""
        self.eval()
        images, sentences, facts = [], [], []
        for index, row in enumerate(rows_of(store.table)):
            impression = compose(facts_of(row), index, held_out=True)
            if impression.said:
                cine = torch.from_numpy(store.images[index][:, store.slice_mask[index]].astype(np.float32))
                images.append(self.image_features(cine).mean(dim=0))
                sentences.append(impression)
                facts.append(frozenset(facts_of(row).items()))
        if len(images) < 2:
            return {}
        true = torch.tensor([[text.said <= other for other in facts] for text in sentences])
        scores = self.embed([text.sentence for text in sentences]) @ torch.stack(images).T
        return retrieval_scores(scores.cpu(), true)

    def _index(self, word: str) -> int:
        if word not in self._number and is_number(word):
            word = nearest_number(word, self._numerals) or word
        return self._number.get(word, _UNKNOWN)

    def _embedded(self, numbers: Tensor) -> Tensor:
        _, _, pooled = self.text(numbers.clamp(min=0), numbers >= 0)
        return functional.normalize(self.project(pooled), dim=1)

    def _vectors(self, stacks: Tensor, places: Tensor, heights: Tensor) -> Tensor:
        """Unit vectors (b, f * z, embedding) of images (b, f, z, 2, y, x)."""
        b, f = stacks.shape[:2]
        vectors = self.images(
            rearrange(stacks, "b f z two y x -> (b f) z two y x"),
            places.repeat_interleave(f, dim=0),
            heights.repeat_interleave(f, dim=0),
        )
        return rearrange(vectors, "(b f) z d -> b (f z) d", b=b)

    def _images(
        self, index: int, geometry: Geometry, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, float]:
        """Images (f, z, 2, y, x) of a subject, the place of each slice (z,), and the height of the stack."""
        slices = self.slice_mask[index].nonzero()[0]
        count = self.settings.slices_drawn
        # One slice of each of `count` equal parts of the stack.
        offsets = (torch.arange(count) + torch.rand(count, generator=generator)) / count
        chosen = (offsets * len(slices)).long().clamp(max=len(slices) - 1)
        frames = self.cines.shape[1]
        random = torch.randint(frames, (self.settings.frames_drawn - 1,), generator=generator).tolist()
        drawn = np.stack(
            [
                self.cines[index, frame][slices[chosen.numpy()]]
                for frame in (0, self._es_frame(index), *random)
            ]
        )
        moved = geometry.apply(torch.from_numpy(drawn.astype(np.float32))).clamp(0, 1)
        pairs = torch.stack([moved[:1].expand_as(moved[1:]), moved[1:]], dim=2)
        return pairs, _places(len(slices), len(slices))[chosen], len(slices) / self.grid.z

    def _es_frame(self, index: int) -> int:
        """End-systole of a subject, or half a cycle where it is unknown."""
        frame, frames = number_of(self.rows[index], "es_frame"), self.cines.shape[1]
        return int(frame) if frame is not None and 0 < frame < frames else frames // 2

    @staticmethod
    def _forget(numbers: Tensor, generator: torch.Generator) -> Tensor:
        forgotten = torch.rand(numbers.shape, generator=generator) < _FORGOTTEN
        return numbers.where(~(forgotten & (numbers >= 0)), torch.tensor(_UNKNOWN))


def _places(count: int, of: int) -> Tensor:
    """Places of slices in a stack, 0 base to 1 apex, (count,)."""
    return torch.arange(count) / max(of - 1, 1)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
