"""Feature files of the parts of a large cohort, as that of one job over the whole cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from synthaug.core.errors import SynthaugError
from synthaug.features.files import FeatureMeta, read_features
from synthaug.features.spool import FeatureSpool


def gather_features(parts: Sequence[Path], output: Path) -> None:
    """Make one feature file of those of all parts; features go from file to file, so that memory does not grow.

    Parameters
    ----------
    parts : sequence of Path
        Files that `extract_features` wrote for disjoint parts of a cohort, in the order of its subjects.
    output : Path
        ``.npz`` file to write.

    Raises
    ------
    SynthaugError
        Parts are of different extractors; a file is missing or damaged.
    """
    said: list[FeatureMeta] = []
    patients: dict[str, str] = {}
    with FeatureSpool(near=output) as spool:
        for part in parts:
            found = read_features(part)
            said.append(FeatureMeta(found.extractor, found.whiten, found.seen, found.absent))
            if said[-1] != said[0]:
                raise SynthaugError(
                    f"{part}: of another extractor than {parts[0]}; remove both and extract them again"
                )
            patients |= found.patients
            for number, subject in enumerate(found.subjects):
                spool.add(subject, {kind: rows[number] for kind, rows in found.features.items()})
        spool.write(output, replace(said[0], patients=patients))
