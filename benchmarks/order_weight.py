"""Metric sensitivity of the study's extractor at several weights of the frame-order task (`order_weight`).

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/order_weight.py results/demo --iterations 400

Takes a finished study, trains an extractor on its training cines at each weight and prints one line each: how many
standard deviations of the floor FVD-T and F4D rise when real training cines are corrupted. docs/metrics.md keeps what
it printed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from synthaug.config.features import MaskedAutoencoderSettings, StudyExtractorSettings
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.sensitivity import measure_metric_sensitivity
from synthaug.training import train_model

WEIGHTS = (0.0, 0.1, 0.3, 1.0)
CORRUPTIONS = ("frames shuffled", "blur 1 voxel", "noise 0.1", "slices shuffled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of a finished study")
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    extractor = StudyExtractorSettings(kind="study", model="features")
    real = Cohort.open_all(sorted((arguments.results / "cohorts").iterdir()))
    training = real.select(subjects_of(read_split(arguments.results / "splits/fold-0.tsv"), "train"))
    for weight in arguments.weights:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            settings = MaskedAutoencoderSettings(kind="masked_autoencoder", order_weight=weight)
            shorter = settings.training.model_copy(update={"iterations": arguments.iterations})
            train_model(
                settings.model_copy(update={"training": shorter}),
                arguments.results / "stores/fold-0/train",
                {},
                folder / "model.safetensors",
                folder / "training.json",
                folder / "history.csv",
                folder / "checkpoints",
                seed=0,
                threads=1,
            )
            rows = measure_metric_sensitivity(
                training, extractor, folder / "model.safetensors", Measurement()
            ).responses
        said = []
        for corruption in CORRUPTIONS:
            found = rows[rows["versus"] == corruption].set_index("metric")["value"]
            said.append(f"{corruption} {found['fvd_t_response']:.1f}, {found['f4d_response']:.1f}")
        print(f"order_weight {weight:g} (FVD-T, F4D): {'; '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
