"""Our sampler beside the procedure it came from: frame after frame, on the same weights and requests.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/sampler.py results/demo [--generator cascade] [--subjects 32] [--memory 8 80 800]

The other side is what the released code of the residual-motion cascade does (30 steps of DDIM
for ED and then for each frame by itself, given ED and sharing one noise; classifier-free guidance 3, two
network calls a step; one frame decoded at a time). It is written here on our networks, asked for two frames at
once, ED and the one that is made, and uses our loaded weights: that code starts a process for each volume.

Every request goes through all procedures in turn, so that whatever else the machine does slows all alike. F4D is
measured with the study's own extractor against the fold's training patients, before any quality gate. The ejection
fraction of the LV is measured on each cine's own masks, ES where the cavity is smallest; bias and mean absolute error are
of measured less requested, in percentage points. Memory is
that of bulk synthesis to disk, each size in a process of its own. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthaug.config.generators import CascadeSettings, SamplerSettings
from synthaug.config.synthesis import GateSettings
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.data.store import first_slice
from synthaug.features.files import FeatureSet
from synthaug.features.study import StudyExtractor
from synthaug.generators import load
from synthaug.generators.cascade import Cascade
from synthaug.measures.distances import measure_distances
from synthaug.measures.measurement import Measurement
from synthaug.metrics.volumes import ejection_fraction, volume_curve_ml
from synthaug.models.conditioner import raw_values
from synthaug.models.phases import cardiac_phase
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.requests import request_cohort

FIRST = "fold-0/generator-seed-0"
#: Other steps than the study's own: of the anatomy, its guidance, of the motion; the kind's defaults first.
OTHERS = ((20, 1.5, 12), (6, 1.5, 30), (6, 1.5, 4), (4, 1.5, 2), (6, 1.0, 2))


class FrameAfterFrame:
    """The other side's procedure on a cascade's models.

    Parameters
    ----------
    cascade : Cascade
        Whose models are asked.
    guidance : float
        Classifier-free guidance of both models.
    """

    def __init__(self, cascade: Cascade, guidance: float) -> None:
        self.cascade = cascade
        self.sampler = SamplerSettings(name="ddim", steps=30, guidance=guidance)

    @torch.no_grad()
    def sample(self, requests: Cohort, batch_size: int = 1) -> Iterator[tuple[str, Any, Any]]:
        """One cine a request, as `Generator.sample`."""
        models, grid = self.cascade, self.cascade.grid
        for number in range(len(requests.table)):
            row = requests.table.iloc[[number]]
            count = int(row["n_slices"].iloc[0])
            there = slice(first_slice(count, grid.z), first_slice(count, grid.z) + count)
            slices = torch.zeros(1, 1, grid.z, 1, 1)
            slices[:, :, there] = 1
            generator = torch.Generator().manual_seed(int(row["seed"].iloc[0]))
            noise = torch.randn(2, 1, *models.autoencoder.latent_shape, generator=generator)
            anatomy = models.anatomy.sample(
                models.anatomy.conditioner.read(row), slices, given(noise[0]), self.sampler
            )
            values = models.motion.conditioner.read(row)
            phases = cardiac_phase(torch.from_numpy(raw_values(row, "es_phase")), grid.frames)
            cine, labels = [], []
            for frame in range(grid.frames):
                latent = anatomy
                if frame:
                    pair = models.motion.sample(
                        anatomy,
                        values,
                        phases[:, [0, frame]],
                        slices,
                        given(noise[1]),
                        self.sampler,
                    )
                    latent = pair[:, 1]
                image, logits = models.autoencoder.decode(latent, slices)
                cine.append(image[0, 0, there].clamp(0, 1).numpy())
                labels.append(logits[0, :, there].argmax(dim=0).to(torch.uint8).numpy())
            yield str(row["subject"].iloc[0]), np.stack(cine), np.stack(labels)


def given(noise: torch.Tensor) -> Any:
    """A stream whose every draw is this noise, shared by all frames that are asked for together."""
    return lambda *shape: noise.expand(1, *shape)


def make_requests(results: Path, name: str, count: int) -> Cohort:
    """`count` of the study's requests, over again with other seeds where there are fewer."""
    own = Cohort.open_all(
        sorted(
            (results / "synthetic" / name / FIRST / "requests").iterdir(), key=lambda chunk: int(chunk.name)
        )
    ).table
    rows = own.iloc[np.arange(count) % len(own)].reset_index(drop=True)
    return request_cohort(
        rows.assign(
            subject=[f"sampled-{number:04d}" for number in range(count)], seed=np.arange(count) + 1000
        )
    )


def with_samplers(cascade: Cascade, **samplers: SamplerSettings) -> Cascade:
    """The same models, sampled otherwise."""
    settings = CascadeSettings.model_validate(cascade.settings.model_dump() | samplers)
    return Cascade(cascade.autoencoder, cascade.anatomy, cascade.motion, settings)


def compare(results: Path, generator: str, subjects: int) -> None:
    """Time all procedures on the same requests, and print their speed and F4D."""
    cascade = load(results / "generators" / generator / FIRST, device="cpu")
    assert isinstance(cascade, Cascade)
    procedures: dict[str, Any] = {
        "frame after frame": FrameAfterFrame(cascade, 3.0),
        "the study's settings": cascade,
    }
    for steps, guidance, motion_steps in OTHERS:
        procedures[f"{steps} steps at guidance {guidance:g}, then {motion_steps}"] = with_samplers(
            cascade,
            anatomy_sampler=SamplerSettings(steps=steps, guidance=guidance),
            motion_sampler=SamplerSettings(steps=motion_steps),
        )
    extractor = StudyExtractor(
        results / "models" / "features" / "fold-0" / "generator-seed-0" / "model.safetensors"
    )
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in procedures}
    described: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in procedures}
    measured: dict[str, list[float]] = {name: [] for name in procedures}
    requests = make_requests(results, generator, subjects)
    try:
        for number in range(subjects):
            for name, procedure in procedures.items():
                wall, processor = time.perf_counter(), time.process_time()
                _, cine, labels = next(
                    procedure.sample(requests.select(requests.subjects[number : number + 1]))
                )
                seconds[name].append((time.perf_counter() - wall, time.process_time() - processor))
                measured[name].append(measured_ef(labels, cascade.grid.spacing_mm))
                described[name].append(extractor.extract(cine))
            print(f"{number + 1} of {subjects}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted: reporting on the requests that all procedures answered", file=sys.stderr)
    done = min(len(answers) for answers in described.values())
    train = subjects_of(read_split(results / "splits" / "fold-0.tsv"), "train")
    real = Cohort.open_all(sorted((results / "cohorts").iterdir()))
    reference = feature_set(extractor, train, [extractor.extract(real.cine(subject)) for subject in train])
    slowest = np.sum(seconds["frame after frame"][:done], axis=0)
    print(f"{done} requests, {torch.get_num_threads()} thread(s), torch {torch.__version__}")
    for name in procedures:
        total = np.sum(seconds[name][:done], axis=0)
        times = f"{done / total[0]:.3f} volumes/s by the clock, {total[1] / done:.2f} processor s each"
        faster = f"{slowest[0] / total[0]:.1f} and {slowest[1] / total[1]:.1f} times faster"
        made = feature_set(extractor, requests.subjects[:done], described[name][:done])
        ef = ef_errors(requested_ef(requests)[:done], np.array(measured[name][:done]))
        print(f"{name}: {times}, {faster}; {f4d(reference, made, train)}; {ef}", flush=True)


def feature_set(
    extractor: StudyExtractor, subjects: list[str], described: list[dict[str, np.ndarray]]
) -> FeatureSet:
    """Features of clips, from which F4D is measured."""
    features = {kind: [one[kind] for one in described] for kind in ("temporal", "spatial")}
    return FeatureSet(tuple(subjects), features, extractor.id, extractor.whiten, extractor.seen)


def f4d(real: FeatureSet, synthetic: FeatureSet, train: list[str]) -> str:
    """F4D with its interval and floor, as a study reports it."""
    rows = measure_distances(real, synthetic, {"train": train}, Measurement())
    row = rows[rows["metric"] == "f4d"].iloc[0]
    return (
        f"F4D {row['value']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f}), floor {row['floor']:.2f}, "
        f"{row['n']} against {row['n']}"
    )


def measured_ef(labels: np.ndarray, spacing_mm: Sequence[float]) -> float:
    """EF in percent of the LV of masks (t, z, y, x) that begin at ED; NaN without a cavity there."""
    volumes = volume_curve_ml(labels, "LV", spacing_mm)
    return ejection_fraction(float(volumes[0]), float(np.min(volumes)))


def requested_ef(requests: Cohort) -> np.ndarray:
    """EF in percent of each request by its LV volumes, (n,); NaN where one is open."""
    volumes = requests.table.reindex(columns=["lv_edv_ml", "lv_esv_ml"]).astype(float).to_numpy()
    return np.array([ejection_fraction(edv_ml, esv_ml) for edv_ml, esv_ml in volumes])


def ef_errors(requested: np.ndarray, measured: np.ndarray) -> str:
    """Bias and mean absolute error of the EF, and how many hearts have both values."""
    errors = (measured - requested)[np.isfinite(measured - requested)]
    if not len(errors):
        return "EF: no heart has a requested and a measured one"
    return f"EF: bias {errors.mean():+.1f}, mean absolute error {np.abs(errors).mean():.1f} points, n = {len(errors)}"


def memory(results: Path, name: str, count: int) -> None:
    """Synthesise `count` subjects to disk and print the peak memory of this process."""
    generator = load(results / "generators" / name / FIRST, device="cpu")
    assert isinstance(generator, Cascade)
    few = SamplerSettings(steps=1)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="sampler-") as folder:
        synthesise_chunk(
            with_samplers(generator, anatomy_sampler=few, motion_sampler=few),
            make_requests(results, name, count),
            GateSettings(enabled=False, attempts=1),
            generator.grid.spacing_mm,
            Path(folder) / "chunk",
            name=name,
            batch_size=8,
            identity={"hashes": dict(generator.hashes), "seen": list(generator.seen)},
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = (time.perf_counter() - started) / count
    print(f"{count} volumes: peak {peak:.0f} MiB, {each:.2f} s each with one step", flush=True)


def main() -> None:
    """Compare, then measure memory; with --only-memory that one size, in this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "results", type=Path, help="results of the demo, or of a study with a cascade like its"
    )
    parser.add_argument("--generator", default="cascade", help="name of a cascade of that study")
    parser.add_argument("--subjects", type=int, default=32)
    parser.add_argument("--memory", type=int, nargs="*", default=[8, 80, 800])
    parser.add_argument("--only-memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_memory:
        memory(options.results, options.generator, options.only_memory)
        return
    if options.subjects:
        compare(options.results, options.generator, options.subjects)
    for size in options.memory:
        command = [
            sys.executable,
            __file__,
            str(options.results),
            "--generator",
            options.generator,
            "--only-memory",
            str(size),
        ]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
