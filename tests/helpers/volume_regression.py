"""A downstream task of another kind: LV volume by ridge regression on moments of the image.

Data: x are 8 numbers of the ED frame, y its LV volume in mL. Prediction: w.x + b. Loss: the weighted sum of
(w.x + b - y)^2 plus `ridge` times |w|^2, x standardised by the plan; solved in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from synthaug.config.base import Settings
from synthaug.core.artifacts import atomic_folder, read_json, read_tsv, write_json, write_tsv
from synthaug.data.cohort import Cohort
from synthaug.metric_registry import columns_of
from synthaug.metrics.volumes import structure_volume_ml
from synthaug.tables import make_table
from synthaug.tasks.base import Task
from synthaug.tasks.training_subjects import TrainingSubjects


class Options(Settings):
    """Options of the task."""

    ridge: float = Field(1.0, gt=0, description="Weight of the penalty.")


class VolumeRegression(Task):
    """LV end-diastolic volume from image moments; subjects are its training cases."""

    Options: ClassVar[type[Settings]] = Options

    def plan(self, training: TrainingSubjects, output: Path, threads: int = 1) -> None:
        """Mean and standard deviation of each moment over the real training patients."""
        cohort = training.cohort("train", "real")
        values = np.stack([moments(cohort.cine(subject)[0]) for subject in cohort.subjects])
        with atomic_folder(output) as folder:
            write_json(
                folder / "plan.json",
                {"mean": values.mean(axis=0).tolist(), "sd": (values.std(axis=0) + 1e-6).tolist()},
            )

    def write_training_set(
        self, training: TrainingSubjects, plan: Path, output: Path, threads: int = 1
    ) -> None:
        """One row a training subject: moments, volume and weight."""
        rows = []
        for row in training.rows("train").to_dict("records"):
            cohort = training.synthetic if row["cohort"] == "synthetic" else training.real
            assert cohort is not None
            image = cohort.cine(row["subject"])[0]
            volume = structure_volume_ml(cohort.label_cine(row["subject"])[0], "LV", cohort.spacing_mm)
            if row["source"] == "classical":
                image = np.clip(
                    image * np.random.default_rng([training.seed, len(rows)]).uniform(0.9, 1.1), 0, 1
                )
            values = standardised(image, plan)
            rows.append({"subject": row["subject"], "source": row["source"], "volume_ml": volume} | values)
        table = pd.DataFrame(rows)
        sizes = table["source"].value_counts().to_dict()
        sampling = training.sampling(sizes, len(training.rows("matched")))
        weights = sampling.probabilities(table["source"].tolist(), pretraining=False)
        table["weight"] = 1.0 if weights is None else weights * len(table)
        with atomic_folder(output) as folder:
            write_tsv(folder / "subjects.tsv", table)
            write_json(folder / "plan.json", read_json(plan / "plan.json"))
            write_json(folder / "arm.json", training.record)

    def train(
        self, training_set: Path, model: Path, checkpoints: Path, training_seed: int, threads: int = 1
    ) -> None:
        """Ridge regression on a bootstrap sample of the subjects, which the training seed draws."""
        table = read_tsv(training_set / "subjects.tsv", ("subject", "source"))
        drawn = table.iloc[np.random.default_rng(training_seed).integers(len(table), size=len(table))]
        x = drawn[[name for name in drawn if name.startswith("moment_")]].to_numpy(float)
        y, weight = drawn["volume_ml"].to_numpy(float), drawn["weight"].to_numpy(float)
        offset = np.average(y, weights=weight)
        penalty = Options.model_validate(self.settings.options).ridge * np.eye(x.shape[1])
        w = np.linalg.solve(x.T @ (weight[:, None] * x) + penalty, x.T @ (weight * (y - offset)))
        with atomic_folder(model) as folder:
            write_json(folder / "model.json", {"w": w.tolist(), "b": float(offset)})
            write_json(folder / "plan.json", read_json(training_set / "plan.json"))
            seen = sorted(set(table.loc[table["source"] != "synthetic", "subject"]))
            record = {
                "arm": read_json(training_set / "arm.json"),
                "training_seed": training_seed,
                "seen": seen,
            }
            write_json(folder / "training.json", record)
            (folder / "history.csv").write_text("epoch,iteration,train_loss\n")

    def predict(
        self,
        model: Path,
        cohort: Cohort,
        output: Path,
        frames: str = "ed_es",
        threads: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """``volumes.tsv``: subject and LV volume in mL."""
        fit = read_json(model / "model.json")
        rows = []
        for subject in cohort.subjects:
            values = standardised(cohort.cine(subject)[0], model)
            rows.append(
                {"subject": subject, "volume_ml": float(np.dot(list(values.values()), fit["w"]) + fit["b"])}
            )
        with atomic_folder(output) as folder:
            write_tsv(folder / "volumes.tsv", pd.DataFrame(rows))
            write_json(folder / "predictions.json", {"seen": read_json(model / "training.json")["seen"]})

    def score(self, predictions: Path, cohort: Cohort, fields: Mapping[str, Any]) -> pd.DataFrame:
        """Error of the LV volume at ED, predicted minus reference, in mL."""
        predicted = read_tsv(predictions / "volumes.tsv", ("subject",)).set_index("subject")["volume_ml"]
        rows = []
        for subject in cohort.subjects:
            reference = structure_volume_ml(cohort.label_cine(subject)[0], "LV", cohort.spacing_mm)
            row = {"value": predicted[subject] - reference, "status": "ok", "n": 1, "structure": "LV"}
            about = {column: cohort.table.loc[subject, column] for column in ("vendor", "diagnosis")}
            rows.append({**columns_of("edv_error_ml"), **row, "subject": subject, **about, **fields})
        return make_table(rows)


def moments(image: np.ndarray) -> np.ndarray:
    """Mean, standard deviation and quantiles of a volume (z, y, x), and the share of bright voxels; shape (8,)."""
    quantiles = np.quantile(image, [0.25, 0.5, 0.75, 0.9, 0.97])
    return np.array([image.mean(), image.std(), *quantiles, (image > 0.8).mean()])


def standardised(image: np.ndarray, plan: Path) -> dict[str, float]:
    """Moments in standard deviations of the plan, by name."""
    scale = read_json(plan / "plan.json")
    values = (moments(image) - scale["mean"]) / scale["sd"]
    return {f"moment_{number}": float(value) for number, value in enumerate(values)}
