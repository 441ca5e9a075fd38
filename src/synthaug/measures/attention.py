"""Where a generator that reads sentences looks at a word, and where the word changes the image, against the region it names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from synthaug.config.attention import AttentionSettings
from synthaug.data.cohort import Cohort
from synthaug.measures.attention_by_class import Described, describe, measure_by_class, points_by_class
from synthaug.measures.measurement import Measurement
from synthaug.measures.word_effects import has_word, word_effects
from synthaug.measures.word_regions import WordRegions
from synthaug.metrics.wall_arcs import WallArc
from synthaug.synthesis.class_in_words import leave_class_open
from synthaug.tables import Row, make_table
from synthaug.text.sentences import sentences_of

#: Prefix of the metrics of each kind of map.
KINDS = {"attention": "attention", "effect": "word_effect"}
#: Subjects of each word and kind that are kept for a figure.
_SHOWN = 4


class Attentive(Protocol):
    """A generator that shows its attention, such as `synthaug.generators.text_driven.TextDriven`."""

    def sample(
        self, requests: Cohort, batch_size: int = 1
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
        """As `Generator.sample`."""

    def attention_maps(self, requests: Cohort, words: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Attention (word, t, z, y, x) of each request while it is sampled, with the same noise."""


@dataclass(frozen=True)
class Example:
    """Map of one sample to one word, in the middle slice of its region.

    Attributes
    ----------
    kind : str
        A key of `KINDS`.
    subject, word : str
    image, heat : ndarray, shape (t, y, x)
        Intensities in [0, 1]; the map, 1 at its largest value.
    region : ndarray of bool, shape (t, y, x)
        What the word names.
    """

    kind: str
    subject: str
    word: str
    image: np.ndarray
    heat: np.ndarray
    region: np.ndarray


def measure_attention(
    generator: Attentive,
    requests: Cohort,
    settings: AttentionSettings,
    spacing_mm: tuple[float, float, float],
    measurement: Measurement,
    infarcts: Mapping[str, WallArc] | None = None,
) -> tuple[pd.DataFrame, list[Example], pd.DataFrame]:
    """Share of two kinds of maps in the region that a word names, and whether their largest value lies there.

    Parameters
    ----------
    generator : Attentive
        Trained.
    requests : Cohort
        With sentences; of each word, the first `settings.subjects` requests that have it are sampled once more.
    settings : AttentionSettings
        Words with their regions, field, tolerance.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x).
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over subjects, coverage, seed.
    infarcts : mapping of str to WallArc, optional
        Where the infarct of the requested patient lies, of the requests of which it is known
        (`synthaug.measures.known_infarcts`).

    Returns
    -------
    rows : DataFrame
        Of each word (column `target`), of attention and of the word's effect (`word_effects`): ``<kind>_mass`` (mean
        share) and ``<kind>_pointing`` (mean accuracy over subjects, each the mean over frames), each with ``_chance`` (the
        same of an even map over the field), ``_excess`` (the difference to it), ``_others`` (the same of the maps of words
        that name other regions, in this region) and ``_specific`` (the difference to those), with intervals; and the rows
        of `measure_by_class`. Regions are those of the masks that are decoded with the sample; with `infarcts`, the maps of words
        that name a wall are measured in the simulated infarct, too, which those masks only carry over. A word that fewer than two
        sentences have, that is never read (guidance 0), or without its region, is not measured.
    examples : list of Example
        Of the first subjects that have each word.
    points : DataFrame
        Of each word, its samples in a plane; see `points_by_class`.
    """
    words, known = list(settings.words), infarcts or {}
    chosen = requests.select(_chosen(requests, words, settings.subjects))
    given = leave_class_open(chosen)
    asked = chosen.table.get("diagnosis", pd.Series(index=chosen.table.index, dtype="object"))
    diagnoses = dict(zip(chosen.subjects, asked, strict=True))
    scores = {kind: WordRegions(prefix, settings, spacing_mm) for kind, prefix in KINDS.items()}
    described: dict[str, list[Described]] = defaultdict(list)
    examples: list[Example] = []
    # One subject after the other: maps of all words and subjects would not fit in memory at full size.
    sampled = zip(generator.sample(given), generator.attention_maps(given, words), strict=True)
    for done, ((subject, cine, labels), (_, found)) in enumerate(sampled, start=1):
        attention = dict(zip(words, found, strict=True))
        for word, values in attention.items():
            if np.isfinite(values).all() and pd.notna(diagnoses[subject]):
                described[word].append(describe(subject, str(diagnoses[subject]), values, cine))
        if labels is not None:
            effects = word_effects(generator, given.select([subject]), words, cine)
            for kind, maps in (("attention", attention), ("effect", effects)):
                for word, target in scores[kind].add(labels, maps, known.get(subject)).items():
                    if sum((one.kind, one.word) == (kind, word) for one in examples) < _SHOWN:
                        examples.append(_example(kind, subject, word, cine, maps[word], target))
        measurement.report(done, len(chosen.subjects))
    rows: list[Row] = [row for kind in KINDS for row in scores[kind].rows(measurement, bool(known))]
    rows += [row for word in words for row in measure_by_class(word, described[word], measurement)]
    points = [points_by_class(word, described[word], measurement.settings.seed) for word in words]
    return make_table(rows), examples, pd.concat(points, ignore_index=True)


def _chosen(requests: Cohort, words: Sequence[str], count: int) -> list[str]:
    """Subjects of the first requests that have each word, in the order of the requests."""
    sentences = sentences_of(requests.table)
    wanted: set[str] = set()
    for word in words:
        having = [
            subject
            for subject, sentence in zip(requests.subjects, sentences, strict=True)
            if has_word(sentence, word)
        ]
        wanted.update(having[:count])
    return [subject for subject in requests.subjects if subject in wanted]


def _example(
    kind: str, subject: str, word: str, cine: np.ndarray, values: np.ndarray, target: np.ndarray
) -> Example:
    """The slice in the middle of those that have the region."""
    slices = np.flatnonzero(target.any(axis=(0, 2, 3)))
    middle = slices[len(slices) // 2]
    shown = values[:, middle]
    heat = shown / max(float(shown.max()), 1e-12)
    return Example(kind, subject, word, cine[:, middle], heat, target[:, middle])
