"""Fine-tuning with and without standardised vectors of the subjects: what the network says of test patients after the same steps.

    .venv/bin/python benchmarks/standardised_vectors.py config/studies/diagnosis.yaml diagnosis [--seeds 0 1 2]

The study's training set of real patients must exist: `snakemake results/diagnosis/tasks/diagnosis/fold-0/arms/real/generator-seed-0/training-set
--profile profiles/local --configfile config/studies/diagnosis.yaml`. Both networks of a seed have the same pre-training, draws and augmentation. docs/tasks.md
keeps what it printed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from synthaug.config.study import load_study
from synthaug.core.yaml_files import read_yaml
from synthaug.data.cohort import Cohort
from synthaug.data.splits import all_tested, read_split
from synthaug.networks.subject_encoder import SubjectEncoder
from synthaug.tasks import open_task


def scores(study: Path, name: str, seed: int, standardised: bool) -> pd.Series:
    """Means over the test patients of fold 0, by metric."""
    settings = load_study(read_yaml(study))
    results = Path("results") / settings.name
    task = open_task(settings.tasks[name].model_dump(mode="json"))
    cohort = Cohort.open_all([results / "cohorts" / dataset for dataset in settings.datasets])
    tested = cohort.select(all_tested(read_split(results / "splits/fold-0.tsv")))
    if task.settings.reads_phenotypes:
        tested = tested.with_phenotypes(
            [results / "phenotypes" / f"{dataset}.tsv" for dataset in settings.datasets]
        )
    given = SubjectEncoder.standardise_by if standardised else lambda *_: None
    with tempfile.TemporaryDirectory() as folder, patch.object(SubjectEncoder, "standardise_by", given):
        model, found = Path(folder) / "model", Path(folder) / "predictions"
        training_set = results / f"tasks/{name}/fold-0/arms/real/generator-seed-0/training-set"
        task.train(training_set, model, Path(folder) / "checkpoints", seed)
        task.predict(model, tested, found)
        fields = {"task": name, "arm": "real", "fold": 0, "training_seed": seed}
        rows = task.score(found, tested, fields)
    return rows[rows["status"] == "ok"].groupby("metric")["value"].mean()


def main() -> None:
    """Print a line for each seed and way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("task")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for standardised in (False, True):
            found = scores(arguments.study, arguments.task, seed, standardised)
            kept = ("accuracy", "brier", "absolute_error_sd")
            said = ", ".join(f"{metric} {found[metric]:.3f}" for metric in kept if metric in found)
            print(f"seed {seed}, {'standardised' if standardised else 'as it is'}: {said}", flush=True)


if __name__ == "__main__":
    main()
