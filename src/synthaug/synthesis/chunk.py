"""One chunk of bulk synthesis: sample, judge, try again, keep what is accepted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthaug.config.synthesis import GateSettings
from synthaug.core.artifacts import atomic_folder, link_or_copy, write_tsv
from synthaug.core.beside import beside
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import REQUESTED_LABELS, Cohort, write_cohort, write_subject
from synthaug.generators.base import Generator
from synthaug.metrics.volumes import measure_function, volume_curve_ml
from synthaug.synthesis.class_in_words import CLASS_FROM_SENTENCE, leave_class_open
from synthaug.synthesis.gate import MEASUREMENTS, inspect_sample

#: Columns of ``attempts.tsv``.
ATTEMPT_COLUMNS = ("subject", "attempt", "seed", "accepted", "reasons", *MEASUREMENTS)
#: Threads beside a GPU: a full-size cine takes one of them 1 s, a GPU 2 s and more (docs/gpu.md).
WRITERS = 2
#: Columns of a request that say nothing of the heart.
_NO_REQUEST = ("subject", "seed", "labelled_frames")


def synthesise_chunk(
    generator: Generator,
    requests: Cohort,
    gate: GateSettings,
    spacing_mm: Sequence[float],
    output: Path,
    name: str,
    batch_size: int,
    identity: Mapping[str, Any],
    progress: Callable[[int, int], None] | None = None,
    writers: int = 0,
) -> None:
    """Synthesise what is requested and write the accepted subjects as a cohort.

    A rejected subject is tried again with the next seed, up to ``gate.attempts`` times. One batch
    is in memory at a time. A generator that reads sentences is given requests as `leave_class_open` leaves them; the cohort has the
    requested diagnosis. The folder appears whole, with ``attempts.tsv`` (every sample drawn: seed,
    verdict, reasons, measurements), or not at all. Cines without masks are written without labels.

    Parameters
    ----------
    generator : Generator
        Only its `sample` is used.
    requests : Cohort
        Of kind ``"request"``.
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
        ``seen`` (ids of the real subjects its models were trained on; those of the model that the requests were drawn
        from are added) and ``conditions`` (what of a request takes effect).
    progress : callable, optional
        Called with the numbers of accepted and of requested subjects after every sample.
    writers : int
        Threads that judge and write samples while the next ones are made: `WRITERS` beside a GPU, which they would hold
        up; none on a processor, which has no time to spare. The files are the same.

    Raises
    ------
    SynthaugError
        The generator gave other subjects, shapes or labels than requested.
    """
    seen = sorted({*identity["seen"], *requests.meta.get("sampler", {}).get("seen", ())})
    in_words = bool(requests.meta.get(CLASS_FROM_SENTENCE)) and "sentence" in identity.get("conditions", ())
    with atomic_folder(output) as folder:
        judge = partial(_judge, name=name, requests=requests, gate=gate, spacing_mm=spacing_mm, folder=folder)
        attempts: list[dict[str, Any]] = []
        accepted: dict[str, dict[str, Any]] = {}
        pending = requests
        for attempt in range(1, gate.attempts + 1):
            seeds = pending.table["seed"] + attempt - 1
            pending = replace(pending, table=pending.table.assign(seed=seeds))
            waiting = {str(row["subject"]): row for row in pending.table.to_dict("records")}
            given = leave_class_open(pending) if in_words else pending
            samples = _checked(generator.sample(given, batch_size), name, waiting)
            for verdict in beside(judge, samples, writers):
                subject = verdict.attempt["subject"]
                attempts.append({**verdict.attempt, "attempt": attempt})
                if verdict.row is not None:
                    accepted[subject] = verdict.row
                if progress:
                    progress(len(accepted), len(requests.subjects))
            if waiting:
                raise SynthaugError(
                    f"{name}: no sample came for {next(iter(waiting))}; mend the generator's sample()"
                )
            rejected = [subject for subject in requests.subjects if subject not in accepted]
            if not rejected:
                break
            pending = requests.select(rejected)
        rows = [accepted[subject] for subject in requests.subjects if subject in accepted]
        about = {**identity, "seen": seen, **({CLASS_FROM_SENTENCE: True} if in_words else {})}
        write_cohort(folder, name, "synthetic", rows, spacing_mm, requests.view, generator=name, **about)
        write_tsv(folder / "attempts.tsv", pd.DataFrame(attempts, columns=list(ATTEMPT_COLUMNS)))


class _Sample(NamedTuple):
    """What came for a request."""

    request: Mapping[Any, Any]
    cine: np.ndarray
    labels: np.ndarray | None


class _Verdict(NamedTuple):
    """Row of ``attempts.tsv`` and, of an accepted sample, of the cohort's table."""

    attempt: dict[str, Any]
    row: dict[str, Any] | None


def _checked(
    samples: Iterable[tuple[str, np.ndarray, np.ndarray | None]], name: str, waiting: dict[str, Any]
) -> Iterator[_Sample]:
    """Samples with their requests, which are taken out of those that wait."""
    for subject, cine, labels in samples:
        _check_sample(name, subject, cine, labels, waiting)
        yield _Sample(waiting.pop(subject), cine, labels)


def _judge(
    sample: _Sample,
    name: str,
    requests: Cohort,
    gate: GateSettings,
    spacing_mm: Sequence[float],
    folder: Path,
) -> _Verdict:
    """Judge a sample and write it if it is accepted."""
    request, cine, labels = sample
    subject = str(request["subject"])
    reasons, measured = inspect_sample(cine, labels, spacing_mm, gate, requests.view)
    verdict = {"accepted": not reasons, "reasons": ",".join(reasons)}
    attempt = {"subject": subject, "seed": request["seed"], **verdict, **measured}
    if reasons:
        return _Verdict(attempt, None)
    frames = {} if labels is None else dict(enumerate(labels))
    duration = requests.label_frame_duration_s(subject) or _frame_duration_s(request, len(cine))
    write_subject(folder / f"sub-{subject}", cine, frames, spacing_mm, duration)
    if requests.labelled_frames(subject):
        masks = requests.folders[subject] / "labels.nii.gz"
        link_or_copy(masks, folder / f"sub-{subject}" / REQUESTED_LABELS)
    return _Verdict(attempt, _table_row(name, request, cine.shape, labels, spacing_mm))


def _frame_duration_s(request: Mapping[str, Any], frames: int) -> float | None:
    """Time between frames of a request that says a heart rate; a cine is one whole cycle."""
    rate = request.get("heart_rate_bpm")
    return None if rate is None or pd.isna(rate) else 60 / float(rate) / frames


def _check_sample(
    name: str, subject: str, cine: np.ndarray, labels: np.ndarray | None, requested: Mapping[str, Any]
) -> None:
    if subject not in requested:
        raise SynthaugError(f"{name}: a sample for {subject}, which is not requested; correct its sample()")
    if cine.ndim != 4 or (labels is not None and labels.shape != cine.shape):
        shapes = f"cine {cine.shape}, labels {None if labels is None else labels.shape}"
        raise SynthaugError(f"{name}: {subject}: {shapes}; both must be (t, z, y, x); correct its sample()")
    if labels is not None and labels.max() > 3:
        raise SynthaugError(
            f"{name}: {subject}: label {labels.max()} is not one of 0 to 3; correct its sample()"
        )


def _table_row(
    name: str,
    request: Mapping[Any, Any],
    shape: tuple[int, ...],
    labels: np.ndarray | None,
    spacing_mm: Sequence[float],
) -> dict[str, Any]:
    """One subject's row: what its masks measure, where it has any, beside what was requested."""
    found: dict[str, Any] = {}
    if labels is not None:
        es_frame = int(np.argmin(volume_curve_ml(labels, "LV", spacing_mm)))
        found = {"es_frame": es_frame, "labelled_frames": ",".join(map(str, range(len(labels))))}
        found |= measure_function(labels, spacing_mm, 0, es_frame)
    requested = {str(key): value for key, value in request.items() if key not in _NO_REQUEST}
    known = {key: value for key, value in requested.items() if pd.notna(value)}
    return {
        "subject": request["subject"],
        "dataset": name,
        "vendor": request["vendor"],
        "diagnosis": request["diagnosis"],
        **({"sequence": request["sequence"]} if "sequence" in request else {}),
        "ed_frame": 0,
        "n_frames": shape[0],
        "n_slices": shape[1],
        "spacing": ",".join(f"{size:g}" for size in spacing_mm),
        **found,
        # What a text-driven generator was asked is also what its cine is described by.
        **({"sentence": known["sentence"]} if "sentence" in known else {}),
        "generator": name,
        "request": json.dumps(known),
        "seed": request["seed"],
        **{f"requested_{key}": value for key, value in requested.items()},
    }
