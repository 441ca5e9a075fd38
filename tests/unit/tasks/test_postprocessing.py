"""nnU-Net's connected-component post-processing: when it is decided on, and what it removes."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.core.artifacts import write_json
from synthaug.core.errors import SynthaugError
from synthaug.labels import LV, MYO, RV
from synthaug.tasks.segmentation.determine_postprocessing import determine_postprocessing
from synthaug.tasks.segmentation.postprocessing import NONE, Postprocessing, keep_largest, read_postprocessing

EVERY = ("LV", "MYO", "RV")


def heart() -> np.ndarray:
    """MYO of 4 x 8, LV of 4 x 4 and RV of 4 x 4 voxels side by side: one component of foreground."""
    labels = np.zeros((1, 12, 24), np.uint8)
    labels[0, 0:4, 0:4] = LV
    labels[0, 0:4, 4:12] = MYO
    labels[0, 0:4, 12:16] = RV
    return labels


def with_blob(labels: np.ndarray, label: int, voxels: int = 4) -> np.ndarray:
    """The same with a row of voxels far from the heart."""
    changed = labels.copy()
    changed[0, 10, 18 : 18 + voxels] = label
    return changed


def test_a_far_blob_of_false_positives_is_removed() -> None:
    decision, trials = determine_postprocessing([with_blob(heart(), RV), heart()], [heart(), heart()])
    assert decision.keep_largest == (EVERY,)
    first = trials[0]
    assert first.kept and first.structures == EVERY
    assert first.before["RV"] == pytest.approx((2 * 16 / (20 + 16) + 1) / 2) and first.after["RV"] == 1
    assert first.before["LV"] == first.after["LV"] == 1
    assert [trial.kept for trial in trials] == [True, False, False, False]
    np.testing.assert_array_equal(decision.apply(with_blob(heart(), RV)), heart())


def test_two_true_components_are_kept() -> None:
    truth = with_blob(heart(), RV)
    decision, trials = determine_postprocessing([truth], [truth])
    assert decision == NONE
    assert trials[0].after["RV"] == pytest.approx(2 * 16 / (16 + 20)) and trials[0].before["RV"] == 1
    np.testing.assert_array_equal(decision.apply(truth), truth)


def test_what_harms_one_structure_is_refused_for_all_and_kept_for_another() -> None:
    """A true second component of RV; false LV touches it: all together lose the RV, the LV alone gains."""
    truth = with_blob(heart(), RV, voxels=2)
    predicted = truth.copy()
    predicted[0, 11, 18:24] = LV
    decision, trials = determine_postprocessing([predicted], [truth])
    assert decision.keep_largest == (("LV",),)
    gain = trials[0].after["LV"] - trials[0].before["LV"]
    loss = trials[0].before["RV"] - trials[0].after["RV"]
    assert gain > loss > 0  # the mean rises, and still it is refused
    np.testing.assert_array_equal(decision.apply(predicted), truth)


def test_no_change_of_dice_is_no_reason() -> None:
    decision, trials = determine_postprocessing([heart()], [heart()])
    assert decision == NONE and not any(trial.kept for trial in trials)


def test_a_structure_that_no_case_has_decides_nothing() -> None:
    truth = np.where(heart() == RV, 0, heart()).astype(np.uint8)
    decision, trials = determine_postprocessing([with_blob(truth, LV)], [truth])
    assert decision.keep_largest == (EVERY,)
    assert trials[0].before["RV"] is None and trials[0].after["RV"] is None


def test_components_are_of_the_volume_and_touch_at_corners() -> None:
    labels = np.zeros((3, 4, 4), np.uint8)
    labels[0, 0, 0] = labels[1, 1, 1] = LV  # one component over a corner
    labels[2, 3, 3] = LV
    found = keep_largest(labels, ["LV"])
    assert found[0, 0, 0] == found[1, 1, 1] == LV and found[2, 3, 3] == 0
    assert labels[2, 3, 3] == LV  # the input stays
    labels[1, 1, 1] = 0
    np.testing.assert_array_equal(keep_largest(labels, ["LV"]), labels)  # equally large ones stay


def test_the_order_of_removals_counts() -> None:
    labels = heart()
    labels[0, 11, 0:20] = LV  # larger than the true LV
    both = Postprocessing((EVERY, ("LV",))).apply(labels)
    np.testing.assert_array_equal(both, heart())
    assert not (Postprocessing((("LV",), EVERY)).apply(labels) == LV).any()


def test_cases_without_partner_are_refused() -> None:
    with pytest.raises(ValueError, match="0 predictions and 0 references"):
        determine_postprocessing([], [])
    with pytest.raises(ValueError, match="1 predictions and 2 references"):
        determine_postprocessing([heart()], [heart(), heart()])


def test_a_decision_belongs_to_one_training(tmp_path) -> None:
    assert read_postprocessing(None, {"weights_sha256": "a"}) == NONE
    content = {"keep_largest": [["LV", "MYO", "RV"], ["RV"]], "weights_sha256": "a"}
    write_json(tmp_path / "postprocessing.json", content)
    decision = read_postprocessing(tmp_path, {"weights_sha256": "a"})
    assert decision.keep_largest == (EVERY, ("RV",))
    with pytest.raises(SynthaugError, match="of another training"):
        read_postprocessing(tmp_path, {"weights_sha256": "b"})
