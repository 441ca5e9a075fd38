"""A task of another kind goes through plan, training set, training, prediction, scores and statistics."""

from __future__ import annotations

import pandas as pd
import pytest
from arm_cohorts import joined, split_of
from made_hearts import made_cohort

from synthaug.config.arms import ArmSettings, resolve_arms
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.tasks import PluginTaskSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.statistics.comparisons import compare_arms
from synthaug.tasks import open_segmenter, open_task
from synthaug.tasks.training_subjects import choose_training_subjects

CONTENT = {"kind": "plugin", "class": "volume_regression:VolumeRegression", "options": {"ridge": 0.5}}
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, list]:
    """Scores of a real arm, a real+synthetic arm and its controls, with two training seeds each."""
    root = tmp_path_factory.mktemp("regression")
    real, checked, tested = (
        made_cohort(root / name, name, count) for name, count in (("real", 6), ("checked", 1), ("tested", 4))
    )
    synthetic = made_cohort(root / "made", "made", 6, "synthetic", seen=["real-00"])
    cohort = joined(real, checked, tested)
    roles = dict.fromkeys(real.subjects, "train") | dict.fromkeys(checked.subjects, "validation")
    split = split_of(roles | dict.fromkeys(tested.subjects, "test"))
    arms = resolve_arms({"real": ArmSettings(), "plus": ArmSettings(generator="g", dose=1.0, real_share=0.5)})
    task = open_task(CONTENT)
    subjects = {
        name: choose_training_subjects(arm, cohort, split, synthetic if arm.generator else None)
        for name, arm in arms.items()
    }
    task.plan(subjects["real"], root / "plan")
    tables = []
    for name, arm in arms.items():
        task.write_training_set(subjects[name], root / "plan", root / name / "training-set")
        for seed in SEEDS:
            folder = root / name / f"training-seed-{seed}"
            task.train(root / name / "training-set", folder / "model", folder / "checkpoints", seed)
            task.predict(folder / "model", tested, folder / "predictions")
            assert read_json(folder / "predictions" / "predictions.json")["seen"] == real.subjects
            fields = {"arm": name, "generator": arm.generator, "dose": arm.dose, "fold": 0}
            fields |= {"training_seed": seed, "generator_seed": 0 if arm.generator else None}
            tables.append(task.score(folder / "predictions", tested, fields))
    return pd.concat(tables, ignore_index=True), list(arms.values())


def test_every_arm_scores_every_patient(scores: tuple[pd.DataFrame, list]) -> None:
    rows, arms = scores
    assert len(rows) == len(arms) * len(SEEDS) * 4
    assert set(rows["metric"]) == {"edv_error_ml"} and rows["value"].notna().all()
    # Hearts whose radius is the only thing that changes: brightness tells the volume within a few mL.
    assert rows.loc[rows["arm"] == "real", "value"].abs().mean() < 5


def test_arms_are_compared_whatever_the_task(scores: tuple[pd.DataFrame, list]) -> None:
    rows, arms = scores
    compared = compare_arms(rows, arms, EvaluationSettings(replicates=100, permutations=999))
    differences = compared[compared["metric"] == "edv_error_ml_difference"]
    controls = {"plus-repeated", "plus-classical", "plus-exposure"}
    assert controls | {"real"} <= set(differences.loc[differences["arm"] == "plus", "versus"])
    assert (differences["status"] == "ok").all() and (differences["n"] == 4).all()


def test_a_task_of_ones_own_is_named_in_the_configuration() -> None:
    settings = PluginTaskSettings.model_validate({**CONTENT, "training_seeds": [3]})
    # Another seed beside it trains nothing again.
    assert settings.of_step("training") == {**CONTENT, "segmenter": False, "phenotypes": False}
    with pytest.raises(SynthaugError, match="does not segment cines"):
        open_segmenter(CONTENT)
    with pytest.raises(SynthaugError, match=r"is not derived from synthaug\.tasks\.base\.Task"):
        open_task({**CONTENT, "class": "volume_regression:Options"})
