"""Maps of words against the regions that the words name: shares and pointing, beside even maps and maps of other words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from synthaug.config.attention import AttentionSettings
from synthaug.labels import WALLS
from synthaug.measures.measurement import Measurement
from synthaug.metrics.clinical import N_SEGMENTS
from synthaug.metrics.localisation import chance_of_pointing, mass_in_region, points_at
from synthaug.metrics.percentile_bootstrap import NO_WIDTH, bootstrap_mean_interval
from synthaug.metrics.regions import around, region
from synthaug.metrics.wall_arcs import WallArc, arc_region
from synthaug.tables import Row

#: Of a map: its share in the region, and whether its largest value lies there.
MEASURES = ("mass", "pointing")
#: Suffixes of the metrics: the value, that of an even map over the field, and the difference to it with its interval.
CHANCE, EXCESS = "_chance", "_excess"
#: The mean of the maps of words that name other regions, in the same region of the same sample, and the difference to it.
OTHERS, SPECIFIC = "_others", "_specific"
SUFFIXES = ("", CHANCE, EXCESS, OTHERS, SPECIFIC)
#: Segments of each region of the myocardium.
_SEGMENTS = {"MYO": tuple(range(1, N_SEGMENTS + 1)), **WALLS}
#: Target of the rows over all words that name a wall.
ANY_WALL = "any wall"
#: Target of the same maps against the infarct that was simulated, wherever the words say that it is.
INFARCT = "any wall, infarct"


class _Score(NamedTuple):
    """One measure of one map: its value, that of an even map, and the mean of the maps of other words (NaN: none)."""

    value: float
    chance: float
    others: float


class WordRegions:
    """Scores of maps of one kind, such as attention, added sample by sample.

    Parameters
    ----------
    prefix : str
        Of the metrics: ``attention`` or ``word_effect``.
    settings : AttentionSettings
        Words with their regions, field, tolerance.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x).

    References
    ----------
    Zhang et al., IJCV 2018 (pointing game); Wang et al., CVPR workshops 2020 (mass in the region).
    """

    def __init__(
        self, prefix: str, settings: AttentionSettings, spacing_mm: tuple[float, float, float]
    ) -> None:
        self.prefix, self.settings, self.spacing_mm = prefix, settings, spacing_mm
        self._found: dict[str, list[dict[str, _Score]]] = defaultdict(list)

    def add(
        self, labels: np.ndarray, maps: Mapping[str, np.ndarray], infarct: WallArc | None = None
    ) -> dict[str, np.ndarray]:
        """Score the maps of one sample.

        Parameters
        ----------
        labels : ndarray, shape (t, z, y, x)
            Masks of the sample.
        maps : mapping of str to ndarray, shape (t, z, y, x)
            By word. A map with a value that is not finite, or without any mass in the field, is left out, and so is a
            word whose region the masks lack.
        infarct : WallArc, optional
            Of the patient who was requested, where it is known: the maps of the words that name a wall are measured against
            it, too.

        Returns
        -------
        dict of str to ndarray of bool
            Regions of the words that were scored.
        """
        field = around(labels, self.settings.field_mm, self.spacing_mm)
        used = {
            word: values
            for word, values in maps.items()
            if np.isfinite(values).all() and (values[field] > 0).any()
        }
        regions, walls, named = {}, [], []
        for word in used:
            target = region(labels, self.settings.words[word], self.spacing_mm) & field
            if not target.any():
                continue
            regions[word] = target
            scores = self._scores(word, target, used, field)
            self._found[word].append(scores)
            if self.settings.words[word] in WALLS:
                walls.append(scores)
                named.append(word)
        if walls:
            self._found[ANY_WALL].append(_mean_of(walls))
        if infarct is not None and named:
            target = arc_region(labels, infarct, self.spacing_mm) & field
            if target.any():
                arcs = [self._scores(word, target, used, field, "MYO") for word in named]
                self._found[INFARCT].append(_mean_of(arcs))
        return regions

    def rows(self, measurement: Measurement, infarcts: bool = False) -> Iterator[Row]:
        """Rows of every word, and of all that name a wall where several do; column `target` is the word.

        With `infarcts` those of the simulated infarcts follow.
        """
        walls = [word for word, name in self.settings.words.items() if name in WALLS]
        for word, name in self.settings.words.items():
            yield from self._rows(word, name, measurement)
        if len(walls) > 1:
            yield from self._rows(ANY_WALL, "the wall that is named", measurement)
        if infarcts and walls:
            yield from self._rows(INFARCT, "the infarct as simulated", measurement)

    def _scores(
        self,
        word: str,
        target: np.ndarray,
        maps: Mapping[str, np.ndarray],
        field: np.ndarray,
        name: str | None = None,
    ) -> dict[str, _Score]:
        """Scores of a word's map in a target, beside the maps of words of regions that do not overlap `name`, the word's own."""
        name = name or self.settings.words[word]
        others = [values for other, values in maps.items() if not _overlap(name, self.settings.words[other])]
        mass = mass_in_region(maps[word], target, field)
        elsewhere = [mass_in_region(values, target, field).share for values in others]
        about = (target, self.spacing_mm, self.settings.tolerance_mm, field)
        hits = [points_at(values, *about) for values in (maps[word], *others)]
        return {
            "mass": _Score(mass.share, mass.expected, _mean(elsewhere)),
            "pointing": _Score(hits[0], chance_of_pointing(*about), _mean(hits[1:])),
        }

    def _rows(self, word: str, name: str, measurement: Measurement) -> Iterator[Row]:
        where = f"region: {name}"
        found = self._found[word]
        for measure in MEASURES:
            metric = f"{self.prefix}_{measure}"
            values = np.array([one[measure] for one in found], np.float64).reshape(len(found), 3)
            own, chance, others = values.T
            compared = np.isfinite(others)
            columns = {
                "": own,
                CHANCE: chance,
                EXCESS: own - chance,
                OTHERS: others[compared],
                SPECIFIC: (own - others)[compared],
            }
            for suffix, each in columns.items():
                about = {"target": word, "n": len(each)}
                if len(each) < 2:
                    what = "and a map of another word" if suffix in (OTHERS, SPECIFIC) else "and the region"
                    note = f"{where}; {len(each)} samples have the word, a map of it {what}; 2 are needed"
                    yield measurement.not_measured(metric, suffix, note=note, **about)
                    continue
                settings = measurement.settings
                low, high = bootstrap_mean_interval(
                    each, settings.replicates, settings.confidence, settings.seed
                )
                note = f"{where}; {NO_WIDTH}" if low == high else where
                interval = {"value": float(each.mean()), "ci_low": low, "ci_high": high}
                yield measurement.row(metric, suffix, status="ok", note=note, **interval, **about)


def _overlap(one: str, other: str) -> bool:
    """Whether two names are of one region, of walls that share a segment, or of a wall and the myocardium."""
    return one == other or not set(_SEGMENTS.get(one, ())).isdisjoint(_SEGMENTS.get(other, ()))


def _mean_of(scores: Sequence[Mapping[str, _Score]]) -> dict[str, _Score]:
    """Means over the maps of a sample: it counts once, however many walls its sentence names."""
    return {measure: _Score(*np.mean([one[measure] for one in scores], axis=0)) for measure in MEASURES}


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
