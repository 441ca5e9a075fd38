"""Memorisation audit: false positives, copies found, level and power of its tests.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/memorisation.py FOLDER [--subjects 60] [--train 40] [--splits 3] [--recognition]

Made-up patients are vectors of 64 normal values with standard deviations that fall from 1 to 0.1. FOLDER is a cohort, or a
new folder into which phantoms of one scanner are simulated. docs/metrics.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug import phantom
from synthaug.config.data import AcdcSettings, HarmonisationSettings
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.models import ModelSettings
from synthaug.config.patient_recogniser import PatientRecogniserSettings
from synthaug.config.phantom import PhantomSettings
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.store import pack
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.estimates import (
    LEVEL,
    conformal_p,
    copy_threshold,
    nearest_is_training,
)
from synthaug.measures.memorisation.feature_audit import RECOGNITION, audit_features
from synthaug.measures.memorisation.memberships import compare_memberships
from synthaug.measures.memorisation.positive_controls import RESCAN, TRANSFORMS, transform_copy
from synthaug.measures.memorisation.recognition import describe_subjects, describer
from synthaug.measures.memorisation.roles import Roles
from synthaug.measures.memorisation.similarity import (
    Search,
    describe_cine,
    describe_cines,
    mean_image,
    similarity,
)
from synthaug.measures.subject_distances import fit_whitening
from synthaug.models.weights import load_model
from synthaug.training import train_model

_SPREAD = np.geomspace(1, 0.1, 64)
_AXES = 4  # of a generator of low variety


def patients(count: int, random: np.random.Generator) -> np.ndarray:
    return random.standard_normal((count, len(_SPREAD))) * _SPREAD


def cosine(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    queries, references = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, references)
    )
    return np.asarray(queries @ references.T)


def low_variety(count: int, random: np.random.Generator) -> np.ndarray:
    """Samples that vary along the first axes of the population only."""
    made = patients(count, random)
    made[:, _AXES:] = 0
    return made


def conformal(replicates: int) -> None:
    """New real patients with p of at most 0.05; beside them a generator of low variety."""
    print(
        "train, held out: new real with p <= 0.05 (images: centre; features: centre and whitening); low variety"
    )
    random = np.random.default_rng(0)
    for n, m in ((27, 19), (80, 19), (80, 39), (300, 99)):
        shares = []
        for _ in range(replicates):
            train, held_out, new = (patients(count, random) for count in (n, m, 20))
            low = low_variety(20, random)
            centre, matrix = fit_whitening(train)
            sides = []
            for transform in (
                lambda rows, c=centre: rows - c,
                lambda rows, c=centre, w=matrix: (rows - c) @ w,
            ):
                scores = [
                    cosine(transform(rows), transform(train)).max(axis=1) for rows in (held_out, new, low)
                ]
                sides += [(conformal_p(rows, scores[0]) <= LEVEL + 1e-9).mean() for rows in scores[1:]]
            shares.append(sides)
        real, low_share, real_whitened, low_whitened = np.mean(shares, axis=0)
        print(f"  {n}, {m}: {real:.3f}, {real_whitened:.3f}; {low_share:.2f}, {low_whitened:.2f}", flush=True)


def copier(share: float) -> Callable[[int, np.ndarray, np.random.Generator], np.ndarray]:
    """Generator that copies training patients, with noise, in this share of its samples."""

    def generate(count: int, train: np.ndarray, random: np.random.Generator) -> np.ndarray:
        made = patients(count, random)
        copied = random.random(count) < share
        noise = 0.2 * patients(count, random)
        return np.where(copied[:, None], train[random.integers(len(train), size=count)] + noise, made)

    return generate


def permutation(replicates: int) -> None:
    """How often the permutation test rejects at 0.05."""
    generators = {
        "new patients": copier(0),
        f"{_AXES} axes": lambda count, _, random: low_variety(count, random),
        "5 % copies": copier(0.05),
        "20 % copies": copier(0.2),
        "all copies": copier(1),
    }
    print(f"train, held out, synthetic: share of {replicates} studies with permutation p <= 0.05")
    random = np.random.default_rng(1)
    for n, m, made in ((27, 9, 32), (27, 9, 1000), (80, 20, 100), (300, 75, 1000)):
        found = []
        for generate in generators.values():
            p_values = []
            for seed in range(replicates):
                everybody = patients(n + m, random)
                centre = everybody.mean(axis=0)
                samples = generate(made, everybody[:n], random)
                to_real = cosine(samples - centre, everybody - centre)
                p_values.append(nearest_is_training(to_real, n, seed).p_value)
            found.append(np.mean(np.array(p_values) <= LEVEL))
        named = ", ".join(f"{name} {share:.2f}" for name, share in zip(generators, found, strict=True))
        print(f"  {n}, {m}, {made}: {named}", flush=True)


def memberships(replicates: int) -> None:
    """Across folds: rejections at 0.05, effect, and coverage of 0 by its interval without memorisation.

    The patients' vectors have heavy tails, the trainings of the generator differ in variety and number of samples.
    """
    print(f"patients, folds, synthetic: of {replicates} studies p <= 0.05, mean effect, interval holds 0")
    random = np.random.default_rng(4)
    for n, folds, made in ((20, 2, 32), (40, 5, 32), (40, 5, 500), (100, 5, 200)):
        cells = []
        for share in (0.0, 0.05, 0.2, 1.0):
            results = []
            for seed in range(replicates):
                everybody = random.standard_t(3, (n, len(_SPREAD))) * _SPREAD
                fold = random.permutation(n) % folds
                centre, tables = everybody.mean(axis=0), []
                for own in range(folds):
                    count = made + int(random.integers(made // 4 + 1))
                    samples = copier(share)(count, everybody[fold != own], random) * _variety(random)
                    nearest = cosine(samples - centre, everybody - centre).max(axis=0)
                    patients_of = {"subject": [f"p{number}" for number in range(n)], "trains": fold != own}
                    tables.append(pd.DataFrame({**patients_of, "similarity": nearest}))
                settings = EvaluationSettings(seed=seed)
                results.append(compare_memberships(tables, Measurement({}, settings)).iloc[0])
            rows = pd.DataFrame(results)
            held = ((rows["ci_low"] <= 0) & (rows["ci_high"] >= 0)).mean()
            cells.append(
                f"{share:.0%} copies {(rows['p_value'] <= LEVEL).mean():.3f}, {rows['value'].mean():.3f}, {held:.3f}"
            )
        print(f"  {n}, {folds}, {made}: {'; '.join(cells)}", flush=True)


def _variety(random: np.random.Generator) -> np.ndarray:
    """Scale of each axis in the samples of one training: some vary less along some axes than patients do."""
    return random.uniform(0.6, 1, len(_SPREAD))


def simulate(folder: Path, subjects: int) -> Path:
    """Phantoms of vendor A on a small matrix, harmonised."""
    scanner = replace(phantom.SCANNERS["A"], matrix=72, spacing_mm=(2.6, 2.6), frames=(8, 9))
    phantom.SCANNERS["A"] = scanner
    phantom.write_phantom(folder / "raw", "acdc", PhantomSettings(subjects=subjects, vendors=["A"], seed=7))
    grid = HarmonisationSettings(spacing_mm=(10, 2, 2), matrix=(11, 64, 64), frames=8)
    dataset = AcdcSettings(layout="acdc", root=str(folder / "raw"), vendor="A")
    harmonise_dataset("phantom", dataset, folder / "raw", grid, folder / "cohort")
    return folder / "cohort"


def hearts(cohort: Cohort, training: int, splits: int) -> None:
    """Copies found, and copies among held-out patients and samples of a generator of low variety."""
    random, search = np.random.default_rng(2), Search()
    found: dict[str, list[float]] = {}
    pairs, seconds = 0, 0.0
    for _ in range(splits):
        order = [cohort.subjects[index] for index in random.permutation(len(cohort.subjects))]
        train, queries = describe_cines(cohort, order[:training]), {}
        for name in ("thresholds", "exact", *TRANSFORMS):
            transform = RESCAN if name == "thresholds" else name
            queries[name] = (
                train
                if name == "exact"
                else np.stack(
                    [
                        describe_cine(transform_copy(cohort.cine(subject), transform, random))
                        for subject in order[:training]
                    ]
                )
            )
        queries["held-out patients"] = describe_cines(cohort, order[training:])
        for axes in (_AXES, 10):
            queries[f"generator on {axes} principal axes"] = on_axes(train, axes, 200, random)
        together = np.concatenate(list(queries.values()))
        start = time.process_time()
        all_found = similarity(together, train, mean_image(train), search)
        seconds += time.process_time() - start
        pairs += all_found.size
        parts = dict(
            zip(
                queries,
                np.split(all_found, np.cumsum([len(rows) for rows in queries.values()])[:-1]),
                strict=True,
            )
        )
        threshold = copy_threshold(parts.pop("thresholds").diagonal())
        found.setdefault("threshold", []).append(threshold)
        for name, rows in parts.items():
            is_copy = rows.max(axis=1) >= threshold
            if name in ("exact", *TRANSFORMS):
                is_copy &= rows.argmax(axis=1) == np.arange(len(rows))
            found.setdefault(name, []).append(float(is_copy.mean()))
            if "generator" in name:
                p_values = conformal_p(rows.max(axis=1), parts["held-out patients"].max(axis=1))
                found.setdefault(f"{name}, conformal p <= 0.05", []).append(
                    float((p_values <= LEVEL + 1e-9).mean())
                )
    print(f"{training} train, {len(cohort.subjects) - training} held out, {splits} splits: copies")
    for name, values in found.items():
        print(f"  {name}: mean {np.mean(values):.3f}, {min(values):.3f} to {max(values):.3f}")
    print(f"  cost: {1000 * seconds / pairs:.2f} ms of one CPU core a pair, {pairs} pairs")


def recognition(cohort: Cohort, training: int, splits: int) -> None:
    """Copies found by a patient recogniser that is trained on the training patients, with its default settings."""
    random = np.random.default_rng(5)
    settings: PatientRecogniserSettings = parse({"kind": "patient_recogniser"}, ModelSettings)
    found: dict[str, list[float]] = {}
    for split in range(splits):
        order = [cohort.subjects[index] for index in random.permutation(len(cohort.subjects))]
        train, held_out = order[:training], order[training:]
        with tempfile.TemporaryDirectory() as folder:
            store, root = Path(folder) / "store", Path(folder)
            pack(cohort.select(train), store, cohort.cine(train[0]).shape[1])
            outputs = (root / "model.safetensors", root / "training.json", root / "history.csv")
            train_model(settings, store, {}, *outputs, root / "checkpoints", seed=split, threads=1)
            record = json.loads(outputs[1].read_text())
            model = load_model(outputs[0])
        rows = audit_features(
            cohort,
            describe_subjects(cohort, order, model),
            describe_subjects(cohort, held_out, model),
            describer(model),
            Roles(train, held_out),
            Measurement(settings=EvaluationSettings(seed=split)),
            suffix=RECOGNITION,
        ).set_index("metric")
        for metric, row in rows.iterrows():
            found.setdefault(str(metric).removesuffix(RECOGNITION), []).append(row["value"])
        found.setdefault("training, s", []).append(record["seconds"])
    print(
        f"patient recogniser: {training} train, {splits} splits; synthetic subjects are the held-out patients"
    )
    for name, values in found.items():
        print(f"  {name}: {np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")


def on_axes(train: np.ndarray, axes: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Samples of a normal distribution on the first principal axes of the training descriptors."""
    rows = train.reshape(len(train), -1).astype(np.float64)
    _, lengths, directions = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    scores = random.standard_normal((count, axes)) * lengths[:axes] / np.sqrt(len(train) - 1)
    return (rows.mean(axis=0) + scores @ directions[:axes]).reshape(-1, *train.shape[1:]).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--train", type=int, default=40)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--recognition", action="store_true", help="the patient recogniser only")
    options = parser.parse_args()
    if not options.recognition:
        conformal(options.replicates)
        permutation(options.replicates)
        memberships(options.replicates)
    known = next(
        (path for path in (options.folder, options.folder / "cohort") if (path / "cohort.json").is_file()),
        None,
    )
    cohort = Cohort.open(known or simulate(options.folder, options.subjects))
    if not options.recognition:
        hearts(cohort, options.train, options.splits)
    recognition(cohort, options.train, options.splits)


if __name__ == "__main__":
    main()
