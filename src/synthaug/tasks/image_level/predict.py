"""Predictions of a trained classification or regression: one row a subject."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from synthaug.core.artifacts import atomic_folder, read_json, sha256_file, write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.networks.masked_autoencoder import MaskedAutoencoderNetwork
from synthaug.networks.subject_encoder import SubjectEncoder
from synthaug.tasks.image_level.clips import clips_of, read_cine, relative_height
from synthaug.tasks.image_level.forest import Forest
from synthaug.tasks.image_level.phenotype_columns import read_columns
from synthaug.tasks.image_level.plan import PLAN
from synthaug.tasks.image_level.targets import targets_of
from synthaug.tasks.image_level.train import TRAINING, WEIGHTS

PREDICTIONS = "predictions.tsv"


class Predictor:
    """A trained classification or regression in memory.

    Parameters
    ----------
    model : path
        A folder that `synthaug.tasks.image_level.train.train_image_model` wrote.
    threads : int
        CPU threads.

    Attributes
    ----------
    record, plan : dict
        The record of the training, and the fold's plan.
    targets : Targets
        What is predicted.

    Raises
    ------
    SynthaugError
        The weights are not those that the training recorded; a forest grows otherwise than in the training.
    """

    def __init__(self, model: str | Path, threads: int = 1) -> None:
        from safetensors.torch import load_file

        model = Path(model)
        self.record, self.plan = read_json(model / TRAINING), read_json(model / PLAN)
        if sha256_file(model / WEIGHTS) != self.record["weights_sha256"]:
            raise SynthaugError(f"{model / WEIGHTS}: checksum differs from training.json; train again")
        self.targets = targets_of(self.plan)
        tensors = load_file(model / WEIGHTS)
        torch.set_num_threads(threads)
        self._forest = self._network = None
        if self.record["method"] == "random_forest":
            self._forest = Forest(
                self.targets,
                tensors["features"].numpy(),
                tensors["values"].numpy(),
                tensors["weights"].numpy(),
                self.record["trees"],
                self.record["training_seed"],
                threads,
            )
            if self._forest.fingerprint != self.record["forest_sha256"]:
                raise SynthaugError(
                    f"{model}: this scikit-learn grows another forest than {self.record['scikit_learn']} did; install "
                    "that version or train again"
                )
            return
        sizes = self.record["settings"]
        encoder = MaskedAutoencoderNetwork(
            self.plan["patch"],
            sizes["width"],
            sizes["depth"],
            sizes["heads"],
            sizes["decoder_width"],
            sizes["decoder_depth"],
        )
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = SubjectEncoder(encoder, self.targets.outputs)
        self._network.load_state_dict(tensors)
        self._network.to(self._device).requires_grad_(False).eval()

    def predict(self, cohort: Cohort, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """Probability of each class, or each phenotype in its unit, of all subjects: (n, outputs).

        Raises
        ------
        SynthaugError
            A cine of another matrix than planned; a forest's phenotypes were not given.
        """
        if self._forest is not None:
            return self._forest.predict(read_columns(cohort, self.plan["features"]))
        found = np.zeros((len(cohort.subjects), self.targets.outputs))
        for number, subject in enumerate(cohort.subjects):
            found[number] = self._predict_one(cohort, subject)
            if progress:
                progress(number + 1, len(cohort.subjects))
        return self.targets.predictions(found) if len(found) else found

    def _predict_one(self, cohort: Cohort, subject: str) -> np.ndarray:
        assert self._network is not None
        clips = torch.from_numpy(clips_of(read_cine(cohort, subject, self.plan), self.plan))
        height = torch.tensor([relative_height(cohort, subject, self.plan)])
        # Trained on clips of half precision; those of a test patient are the same.
        clips = clips.half().float()[None].to(self._device)
        with torch.inference_mode():
            outputs = self._network(clips, height.to(self._device))
        row: np.ndarray = outputs.double().cpu().numpy()[0]
        return row


def predict_subjects(
    model: str | Path,
    cohort: Cohort,
    output: str | Path,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Predict for every subject of a cohort.

    Parameters
    ----------
    model : path
        See `Predictor`.
    cohort : Cohort
        Real or synthetic subjects; with phenotypes where a random forest predicts.
    output : path
        Folder that receives, atomically, ``predictions.tsv`` (``subject`` and the probability of each class, or each
        phenotype in its unit) and ``predictions.json`` (the model's hash and whom it saw; ``classes``, diagnosis codes by
        class, or ``targets``, mean, SD and unit of each phenotype).
    threads : int
        CPU threads.
    progress : callable, optional
        Called with the subjects done and to do.
    """
    predictor = Predictor(model, threads)
    table = pd.DataFrame(predictor.predict(cohort, progress), columns=predictor.targets.names)
    table.insert(0, "subject", cohort.subjects)
    record, plan = predictor.record, predictor.plan
    with atomic_folder(output) as folder:
        write_tsv(folder / PREDICTIONS, table)
        write_json(
            folder / "predictions.json",
            {
                "cohort": cohort.name,
                "kind": record["kind"],
                "method": record["method"],
                "weights_sha256": record["weights_sha256"],
                "training_seed": record["training_seed"],
                "seen": record["seen"],
                **{key: plan[key] for key in ("classes", "classes_declared", "targets") if key in plan},
            },
            checksum=True,
        )
