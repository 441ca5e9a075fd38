"""nnU-Net's pickles: those that it writes pass, any that could run a program does not and is not run."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from synthaug.core.errors import SynthaugError
from synthaug.tasks.segmentation.pickles import check_pickles

PROPERTIES = {
    "spacing": [np.float64(10.0), 1.5, 1.5],
    "shape_before_cropping": (8, 32, 32),
    "bbox_used_for_cropping": [[0, np.int64(8)], [0, 32]],
    "class_locations": {1: np.arange(12, dtype=np.int64).reshape(3, 4), 2: []},
    "sitk_stuff": {"direction": (1.0, 0.0), "name": "cine", "none": None},
}


class Runs:
    """A pickle of it calls any function when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_properties_of_cases_pass(tmp_path, protocol):
    (tmp_path / "nnUNetPlans_2d").mkdir()
    (tmp_path / "nnUNetPlans_2d" / "a.pkl").write_bytes(pickle.dumps(PROPERTIES, protocol))
    check_pickles(tmp_path)


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("function, argument", [(os.system, "touch ran"), (eval, "open('ran', 'w')")])
def test_a_pickle_that_runs_something_is_refused_and_not_run(
    tmp_path, monkeypatch, function, argument, protocol
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(
        pickle.dumps(PROPERTIES | {"spacing": Runs(function, argument)}, protocol)
    )
    with pytest.raises(
        SynthaugError, match=r"a\.pkl: is no list of properties .* \(names .*\); it is not read"
    ):
        check_pickles(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"\x80", pickle.dumps(PROPERTIES)[:-9]])
def test_a_damaged_pickle_is_one_line(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(SynthaugError) as refused:
        check_pickles(tmp_path)
    assert len(str(refused.value).splitlines()) == 1
