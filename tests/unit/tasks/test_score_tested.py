"""Patient and role of result rows, whatever the task."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from synthaug.core.errors import SynthaugError
from synthaug.metric_registry import columns_of
from synthaug.tables import make_table
from synthaug.tasks.score_tested import score_tested


class Chosen:
    """Stands for a cohort: remembers whom it was asked for."""

    def __init__(self, subjects):
        self.subjects = subjects

    def select(self, subjects):
        return Chosen(list(subjects))


class Scorer:
    """A task that knows nothing of patients and roles."""

    def __init__(self, further=()):
        self.further = list(further)

    def score(self, predictions, cohort, fields):
        row = {**columns_of("dice"), "status": "ok", "value": 1.0, **fields}
        return make_table([{**row, "subject": subject} for subject in [*cohort.subjects, *self.further]])


SPLIT = pd.DataFrame(
    {
        "subject": ["a", "b-1", "b-2", "c", "d"],
        "patient": ["a", "b", "b", "c", "d"],
        "role": ["train", "test", "test", "test_within", "unused"],
    }
)


@pytest.fixture
def predictions(tmp_path):
    (tmp_path / "predictions.json").write_text(json.dumps({"seen": ["a"]}))
    return tmp_path


def test_rows_say_patient_and_role(predictions):
    rows = score_tested(Scorer(), predictions, Chosen(list("abcd")), SPLIT, {"arm": "real", "fold": 0})
    found = rows[["subject", "patient", "role"]].to_numpy().tolist()
    assert found == [["b-1", "b", "test"], ["b-2", "b", "test"], ["c", "c", "test_within"]]


def test_internal_test_patients_are_not_seen_in_training_either(predictions):
    (predictions / "predictions.json").write_text(json.dumps({"seen": ["a", "c"]}))
    with pytest.raises(SynthaugError, match="arm real: was trained on c"):
        score_tested(Scorer(), predictions, Chosen(list("abcd")), SPLIT, {"arm": "real"})


def test_rows_of_other_subjects_are_refused(predictions):
    with pytest.raises(SynthaugError, match="rows of d, who is not tested"):
        score_tested(Scorer(["d"]), predictions, Chosen(list("abcd")), SPLIT, {"arm": "real"})
