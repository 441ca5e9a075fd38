"""Where a generator that reads sentences looks at the words of a sentence, against the regions that the words name."""

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
from synthaug.metrics.localisation import chance_of_pointing, mass_in_region, points_at
from synthaug.metrics.percentile_bootstrap import NO_WIDTH, bootstrap_mean_interval
from synthaug.metrics.regions import around, region
from synthaug.tables import Row, make_table

METRICS = ("attention_mass", "attention_pointing")
#: Reference of the same map spread evenly over the field.
CHANCE = "_chance"
#: Difference to the reference, with its interval.
EXCESS = "_excess"
#: Subjects and words that are kept for a figure.
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
    """Attention of one sample to one word, in its middle slice.

    Attributes
    ----------
    subject, word : str
    image, attention : ndarray, shape (t, y, x)
        Intensities in [0, 1]; attention, 1 at its largest value.
    region : ndarray of bool, shape (t, y, x)
        What the word names.
    """

    subject: str
    word: str
    image: np.ndarray
    attention: np.ndarray
    region: np.ndarray


def measure_attention(
    generator: Attentive,
    requests: Cohort,
    settings: AttentionSettings,
    spacing_mm: tuple[float, float, float],
    measurement: Measurement,
) -> tuple[pd.DataFrame, list[Example], pd.DataFrame]:
    """Share of the attention in the region that a word names, and whether its largest value lies there.

    Parameters
    ----------
    generator : Attentive
        Trained.
    requests : Cohort
        With sentences; the first `settings.subjects` of them are sampled once more.
    settings : AttentionSettings
        Words with their regions, field, tolerance.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x).
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over subjects, coverage, seed.

    Returns
    -------
    rows : DataFrame
        Of each word (column `target`) ``attention_mass`` (mean share), ``attention_pointing`` (mean accuracy over subjects,
        each the mean over frames), each with ``_chance`` (the same of an even map over the field) and ``_excess``, their
        difference with its interval; and the rows of `measure_by_class`. Regions are those of the masks that are decoded with
        the sample. A word that fewer than two sentences have, that is never read (guidance 0), or without its region, is not measured.
    examples : list of Example
        Of the first subjects that have each word.
    points : DataFrame
        Of each word, its samples in a plane; see `points_by_class`.

    References
    ----------
    Zhang et al., IJCV 2018 (pointing game); Wang et al., CVPR workshops 2020 (mass in the region).
    """
    chosen = requests.select(requests.subjects[: settings.subjects])
    words = list(settings.words)
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    examples: list[Example] = []
    described: dict[str, list[Described]] = defaultdict(list)
    asked = chosen.table.get("diagnosis", pd.Series(index=chosen.table.index, dtype="object"))
    diagnoses = dict(zip(chosen.table["subject"], asked, strict=True))
    made = {subject: (cine, labels) for subject, cine, labels in generator.sample(chosen)}
    for done, (subject, maps) in enumerate(generator.attention_maps(chosen, words), start=1):
        cine, labels = made[subject]
        for word, values in zip(words, maps, strict=True):
            if np.isfinite(values).all() and pd.notna(diagnoses[subject]):
                described[word].append(describe(subject, str(diagnoses[subject]), values, cine))
        if labels is not None:
            field = around(labels, settings.field_mm, spacing_mm)
            for word, values in zip(words, maps, strict=True):
                target = region(labels, settings.words[word], spacing_mm) & field
                if not np.isfinite(values).all() or not target.any():
                    continue
                found[word].append(_scores(values, target, field, spacing_mm, settings.tolerance_mm))
                if sum(example.word == word for example in examples) < _SHOWN:
                    examples.append(_example(subject, word, cine, values, target))
        measurement.report(done, len(chosen.subjects))
    rows = [row for word in words for row in _rows(word, found[word], settings.words, measurement)]
    rows += [row for word in words for row in measure_by_class(word, described[word], measurement)]
    points = [points_by_class(word, described[word], measurement.settings.seed) for word in words]
    return make_table(rows), examples, pd.concat(points, ignore_index=True)


def _scores(
    values: np.ndarray,
    target: np.ndarray,
    field: np.ndarray,
    spacing_mm: tuple[float, float, float],
    tolerance_mm: float,
) -> tuple[float, ...]:
    """Mass, its chance, pointing, its chance."""
    mass = mass_in_region(values, target, field)
    hit = points_at(values, target, spacing_mm, tolerance_mm, field)
    return (*mass, hit, chance_of_pointing(target, spacing_mm, tolerance_mm, field))


def _rows(
    word: str,
    scores: Sequence[tuple[float, ...]],
    regions: Mapping[str, str],
    measurement: Measurement,
) -> Iterator[Row]:
    """Value, chance and excess of both measures of one word."""
    about = {"target": word, "n": len(scores)}
    where = f"region: {regions[word]}"
    values = np.array(scores, np.float64).reshape(len(scores), 4)
    for metric, column in zip(METRICS, (0, 2), strict=True):
        own, chance = values[:, column], values[:, column + 1]
        for suffix, each in (("", own), (CHANCE, chance), (EXCESS, own - chance)):
            if len(each) < 2:
                note = f"{where}; {len(each)} samples have the word, attention to it and the region; 2 are needed"
                yield measurement.not_measured(metric, suffix, note=note, **about)
                continue
            interval = bootstrap_mean_interval(
                each,
                measurement.settings.replicates,
                measurement.settings.confidence,
                measurement.settings.seed,
            )
            low, high = interval
            value, note = float(each.mean()), f"{where}; {NO_WIDTH}" if low == high else where
            yield measurement.row(
                metric, suffix, status="ok", value=value, ci_low=low, ci_high=high, note=note, **about
            )


def _example(subject: str, word: str, cine: np.ndarray, values: np.ndarray, target: np.ndarray) -> Example:
    """The slice in the middle of those that have the region."""
    slices = np.flatnonzero(target.any(axis=(0, 2, 3)))
    middle = slices[len(slices) // 2]
    shown = values[:, middle]
    return Example(subject, word, cine[:, middle], shown / max(float(shown.max()), 1e-12), target[:, middle])
