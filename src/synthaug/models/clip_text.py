"""The text encoder of a CLIP model in a local folder, frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthaug.config.text_encoders import ClipTextSettings
from synthaug.core.artifacts import check_sha256
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.clip_folder import (
    HOW_TO_GET,
    files_hash,
    intensities,
    load_pair,
    marked_pieces,
    marks,
    pooled,
)
from synthaug.models.text_encoder import EncodedText, TextEncoder
from synthaug.models.text_retrieval import (
    retrieval_scores,
    rows_of,
    soft_cross_entropy,
    training_texts,
    warn_of_cut_sentences,
)
from synthaug.text.facts import facts_of
from synthaug.text.impressions import compose
from synthaug.text.sentences import sentences_of

_SLICES = 3  # of ED and ES each, that stand for a cine


class ClipText(TextEncoder):
    """Pieces of a sentence as a frozen CLIP model reads them.

    Data        (w, x): a paraphrase of the facts of a training subject, images of three slices at ED and ES
    Prediction  t(w), v(x): unit vectors of the CLIP model, which is not trained
    Loss        symmetric cross-entropy as of `synthaug.models.contrastive_text`, recorded once: how far the model tells
                the subjects of this fold apart as it comes

    Its weights are no part of the weight file, which names the folder's by their hash. Learned words in front of a
    sentence take the places of its first pieces, before attention.

    References
    ----------
    Radford et al., ICML 2021; Zhou et al., CoOp, IJCV 2022.
    """

    anchor: Tensor

    def __init__(
        self,
        settings: ClipTextSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        file = Path(settings.weights)
        if not file.is_file():
            raise SynthaugError(f"{file}: no such weight file; {HOW_TO_GET}")
        check_sha256(file, settings.sha256)
        beside = files_hash(file.parent)
        if facts and facts.get("files", beside) != beside:
            raise SynthaugError(
                f"{file.parent}: configuration or tokenizer are not those that were there in training; restore them, or train again"
            )
        clip, self.tokenizer = load_pair(file)
        # In a tuple, so that its parameters are neither trained nor saved again.
        self.beside = (clip.requires_grad_(False).eval(),)
        self.mean, self.deviation = intensities(file.parent)
        self.register_buffer("anchor", torch.zeros(()))  # says which device the model is on
        reader: Any = getattr(clip, "text_model", None)
        words = reader.get_input_embeddings() if hasattr(reader, "get_input_embeddings") else None
        if not isinstance(words, nn.Embedding):
            raise SynthaugError(
                f"{file.parent}: {type(clip).__name__} has no table of word embeddings, which learned words stand beside; "
                "take a CLIP model, or kind text_encoder"
            )
        self._words = (words,)
        self.word_width = words.embedding_dim
        self.width = int(clip.config.text_config.hidden_size)
        # Without the marks of begin and end.
        self.longest = int(clip.config.text_config.max_position_embeddings) - 2
        self.size = int(clip.config.vision_config.image_size)
        special = set(self.tokenizer.all_special_ids)
        self._begin, end = marks(self.tokenizer)
        free = [number for number in range(words.num_embeddings) if number not in special]
        if end is None or not free:
            raise SynthaugError(
                f"{file.parent}: the tokenizer has no mark of the end of a sentence; {HOW_TO_GET}"
            )
        self._end = int(end)
        # Ends behind the end change nothing where attention looks back only; elsewhere the model says what it masks.
        self._fill = int(getattr(clip, "fill", end))
        # Stands where learned words come; never the largest number, at which some versions look for the end.
        self._placeholder = free[0]

    @classmethod
    def facts(cls, settings: ClipTextSettings, store: TensorStore) -> dict[str, Any]:
        """Hash of the files beside the weights."""
        folder = Path(settings.weights).parent
        return {"files": files_hash(folder)} if folder.is_dir() else {}

    def prepare(self, store: TensorStore) -> None:
        """Keep the memory-mapped cines and the table; the loss in the record is measured on them."""
        self.cines, self.slice_mask = store.images, store.slice_mask
        self.rows = rows_of(store.table)
        told = sentences_of(store.table)
        lengths = [len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in told]
        warn_of_cut_sentences(lengths, self.longest, "clip_text")

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Images (b, n, y, x), pieces of one sentence a subject (b, m), and of whom each is true (b, b)."""
        draw = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
        texts = [training_texts(self.rows[index], draw, 1.0) for index in indices]
        return {
            "images": torch.stack([self._images(self.cines, self.slice_mask, index) for index in indices]),
            "pieces": self._marked(self._numbers([text.first for text in texts])),
            "true": torch.tensor([[text.said <= other.true for other in texts] for text in texts]),
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Symmetric cross-entropy of the pair as it is, at its own temperature."""
        images = self._image_vectors(batch["images"])
        scale = cast(Any, self.beside[0]).logit_scale.exp() if hasattr(self.beside[0], "logit_scale") else 1.0
        loss = soft_cross_entropy(scale * self._embedded(batch["pieces"]) @ images.T, batch["true"])
        return loss, {"contrastive": loss.detach()}

    def encode(self, sentences: Sequence[str], prefix: Tensor | None = None) -> EncodedText:
        """Features of the pieces; see `TextEncoder.encode`."""
        m = 0 if prefix is None else prefix.shape[1]
        if m >= self.longest:
            raise SynthaugError(f"{m} learned words: the CLIP model reads {self.longest}; use fewer")
        read = self._numbers(sentences, self.longest - m)
        lengths = torch.tensor([len(numbers) for numbers in read])
        front = [self._placeholder] * m
        marked = self._marked([front + numbers for numbers in read]).to(self.device)
        with self._learned(prefix):
            found = cast(Any, self.beside[0]).text_model(input_ids=marked).last_hidden_state
        start = 0 if self._begin is None else 1
        n = m + int(lengths.max()) if len(read) else m
        tokens = found[:, start : start + n]
        return EncodedText(tokens, (torch.arange(n)[None] < m + lengths[:, None]).to(self.device))

    def embed(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors (b, d) of sentences, in the space of the model's images."""
        return self._embedded(self._marked(self._numbers(sentences)).to(self.device))

    def pieces(self, sentence: str) -> list[str]:
        """The tokenizer's pieces; `CONTINUED` marks one that goes on with the word of the piece before."""
        return marked_pieces(self.tokenizer, self._numbers([sentence])[0])

    @torch.inference_mode()
    def assess(self, store: TensorStore) -> dict[str, float]:
        """Retrieval among subjects of `store` by held-out paraphrases; see `ContrastiveText.assess`."""
        images, sentences, facts = [], [], []
        for index, row in enumerate(rows_of(store.table)):
            impression = compose(facts_of(row), index, held_out=True)
            if impression.said:
                images.append(self._images(store.images, store.slice_mask, index))
                sentences.append(impression)
                facts.append(frozenset(facts_of(row).items()))
        if len(images) < 2:
            return {}
        true = torch.tensor([[text.said <= other for other in facts] for text in sentences])
        vectors = torch.cat([self._image_vectors(part[None].to(self.device)) for part in images])
        scores = self.embed([text.sentence for text in sentences]) @ vectors.T
        return retrieval_scores(scores.cpu(), true)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """The frozen model moves with this one."""
        cast(Any, self.beside[0])._apply(fn)
        return cast(Self, super()._apply(fn, recurse))

    def _numbers(self, sentences: Sequence[str], length: int | None = None) -> list[list[int]]:
        most = self.longest if length is None else length
        return [self.tokenizer(text, add_special_tokens=False)["input_ids"][:most] for text in sentences]

    def _marked(self, read: Sequence[Sequence[int]]) -> Tensor:
        """Pieces between the marks of begin and end, filled up, (b, n)."""
        begin = [] if self._begin is None else [self._begin]
        n = max(map(len, read), default=0)
        return torch.tensor(
            [[*begin, *numbers, self._end, *[self._fill] * (n - len(numbers))] for numbers in read],
            dtype=torch.long,
        )

    @contextmanager
    def _learned(self, prefix: Tensor | None) -> Iterator[None]:
        """Within, the embeddings of the first pieces are those of the prefix."""
        if prefix is None:
            yield
            return
        start = 0 if self._begin is None else 1

        def replace(module: nn.Module, given: Any, output: Tensor) -> Tensor:
            end = start + prefix.shape[1]
            return torch.cat([output[:, :start], prefix.to(output), output[:, end:]], dim=1)

        handle = self._words[0].register_forward_hook(replace)
        try:
            yield
        finally:
            handle.remove()

    def _embedded(self, marked: Tensor) -> Tensor:
        return functional.normalize(
            pooled(cast(Any, self.beside[0]).get_text_features(input_ids=marked)), dim=1
        )

    def _images(self, cines: np.ndarray, slice_mask: np.ndarray, index: int) -> Tensor:
        """Images (2 * slices, y, x) of ED and half a cycle later, of slices spread over the stack."""
        slices = slice_mask[index].nonzero()[0]
        chosen = slices[[(2 * part + 1) * len(slices) // (2 * _SLICES) for part in range(_SLICES)]]
        drawn = np.concatenate([cines[index, frame][chosen] for frame in (0, cines.shape[1] // 2)])
        return torch.from_numpy(drawn.astype(np.float32))

    def _image_vectors(self, images: Tensor) -> Tensor:
        """Mean (b, d) of the unit vectors of images (b, n, y, x)."""
        b, n = images.shape[:2]
        grey = functional.interpolate(
            images.reshape(b * n, 1, *images.shape[2:]),
            (self.size, self.size),
            mode="bilinear",
            antialias=True,
        )
        mean, deviation = (
            torch.tensor(values).reshape(-1, 1, 1).to(grey) for values in (self.mean, self.deviation)
        )
        vectors = pooled(
            cast(Any, self.beside[0]).get_image_features(
                pixel_values=(grey.expand(-1, 3, -1, -1) - mean) / deviation
            )
        )
        return functional.normalize(vectors, dim=1).reshape(b, n, -1).mean(dim=1)
