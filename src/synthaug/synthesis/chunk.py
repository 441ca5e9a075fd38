"""One chunk of bulk synthesis: sample, judge, try again, keep what is accepted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from synthaug.config.conditions import MEASURED, REQUESTED
from synthaug.config.synthesis import GateSettings
from synthaug.core.artifacts import atomic_folder, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import write_cohort, write_subject
from synthaug.metrics.volumes import measure_function, volume_curve_ml
from synthaug.synthesis.gate import MEASUREMENTS, inspect_sample
from synthaug.synthesis.requests import CONDITION_COLUMNS

#: Columns of ``attempts.tsv``.
ATTEMPT_COLUMNS = ("subject", "attempt", "seed", "accepted", "reasons", *MEASUREMENTS)

# Requested values that stand beside what the masks measure: the diagnosis, and what masks can measure.
_RECORDED = ("diagnosis", *(column for column in REQUESTED if column in MEASURED))


class Sampler(Protocol):
    """What synthesis needs of a generator."""

    def sample(
        self, conditions: pd.DataFrame, batch_size: int
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
        """Yield (subject, cine in [0, 1], labels uint8 or None), both (t, z, y, x), once for each row."""
        ...


def synthesise_chunk(
    generator: Sampler,
    plan: pd.DataFrame,
    gate: GateSettings,
    spacing_mm: Sequence[float],
    output: Path,
    name: str,
    batch_size: int,
    identity: Mapping[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Synthesise the subjects of a plan's rows and write the accepted ones as a cohort.

    A rejected subject is tried again with the next seed, up to ``gate.attempts`` times. One batch
    is in memory at a time. The folder appears whole, with ``attempts.tsv`` (every sample drawn: seed,
    verdict, reasons, measurements), or not at all. Cines without masks are written without labels.

    Parameters
    ----------
    generator : Sampler
        Anything with a `sample` method.
    plan : DataFrame
        Rows of `plan_conditions`.
    gate : GateSettings
        Number of attempts and thresholds.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x) of what the generator gives.
    output : Path
        Cohort folder to write.
    name : str
        Name of the generator.
    batch_size : int
        Subjects sampled together.
    identity : mapping
        What identifies the generator, kept in ``cohort.json``: at least ``kind``, ``hashes``,
        ``seen`` (ids of the real subjects its models were trained on) and ``conditions`` (what of a
        request it heeds).
    progress : callable, optional
        Called with the numbers of accepted and of planned subjects after every sample.

    Raises
    ------
    SynthaugError
        The generator gave other subjects, shapes or labels than it was asked for.
    """
    with atomic_folder(output) as folder:
        attempts: list[dict[str, Any]] = []
        accepted: dict[str, dict[str, Any]] = {}
        pending = plan
        for attempt in range(1, gate.attempts + 1):
            conditions = pending.assign(seed=pending["seed"] + attempt - 1).reset_index(drop=True)
            asked = {str(row["subject"]): row for row in conditions.to_dict("records")}
            for subject, cine, labels in generator.sample(conditions, batch_size):
                _check_sample(name, subject, cine, labels, asked)
                request = asked.pop(subject)
                reasons, measured = inspect_sample(cine, labels, spacing_mm, gate)
                verdict = {"accepted": not reasons, "reasons": ",".join(reasons)}
                attempts.append(
                    {"subject": subject, "attempt": attempt, "seed": request["seed"], **verdict, **measured}
                )
                if not reasons:
                    frames = {} if labels is None else dict(enumerate(labels))
                    write_subject(folder / f"sub-{subject}", cine, frames, spacing_mm)
                    accepted[subject] = _table_row(name, request, cine.shape, labels, spacing_mm)
                if progress:
                    progress(len(accepted), len(plan))
            if asked:
                raise SynthaugError(
                    f"{name}: no sample came for {next(iter(asked))}; mend the generator's sample()"
                )
            pending = pending[~pending["subject"].isin(list(accepted))]
            if pending.empty:
                break
        rows = [accepted[subject] for subject in plan["subject"] if subject in accepted]
        write_cohort(folder, name, "synthetic", rows, spacing_mm, generator=name, **identity)
        write_tsv(folder / "attempts.tsv", pd.DataFrame(attempts, columns=list(ATTEMPT_COLUMNS)))


def _check_sample(
    name: str, subject: str, cine: np.ndarray, labels: np.ndarray | None, asked: Mapping[str, Any]
) -> None:
    if subject not in asked:
        raise SynthaugError(f"{name}: a sample came for {subject}, which is not asked for; mend its sample()")
    if cine.ndim != 4 or (labels is not None and labels.shape != cine.shape):
        shapes = f"cine {cine.shape}, labels {None if labels is None else labels.shape}"
        raise SynthaugError(f"{name}: {subject}: {shapes}; both must be (t, z, y, x): mend its sample()")
    if labels is not None and labels.max() > 3:
        raise SynthaugError(
            f"{name}: {subject}: label {labels.max()} is not one of 0 to 3; mend its sample()"
        )


def _table_row(
    name: str,
    request: Mapping[Any, Any],
    shape: tuple[int, ...],
    labels: np.ndarray | None,
    spacing_mm: Sequence[float],
) -> dict[str, Any]:
    """One subject's row: what its masks measure, where it has any, beside what was asked."""
    found: dict[str, Any] = {}
    if labels is not None:
        es_frame = int(np.argmin(volume_curve_ml(labels, "LV", spacing_mm)))
        found = {"es_frame": es_frame, "labelled_frames": ",".join(map(str, range(len(labels))))}
        found |= measure_function(labels, spacing_mm, 0, es_frame)
    condition = {column: request[column] for column in CONDITION_COLUMNS if pd.notna(request[column])}
    return {
        "subject": request["subject"],
        "dataset": name,
        "vendor": request["vendor"],
        "diagnosis": request["diagnosis"],
        "ed_frame": 0,
        "n_frames": shape[0],
        "n_slices": shape[1],
        "spacing": ",".join(f"{size:g}" for size in spacing_mm),
        **found,
        "generator": name,
        "condition": json.dumps(condition),
        "seed": request["seed"],
        **{f"asked_{column}": request[column] for column in _RECORDED},
    }
