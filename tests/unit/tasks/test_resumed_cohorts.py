"""Segmentation, labelling and feature extraction of a cohort, killed half-way and run again: nothing is done twice."""

from __future__ import annotations

import pytest
from made_network import Killed, Network, content, extracted, labelled, segmented
from report_study import write_made_up_cohort

from synthaug.data.cohort import Cohort

FRAMES = 8  # of a made-up cine


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohort")
    write_made_up_cohort(folder, "g", "synthetic", 3, 1)
    return Cohort.open(folder)


@pytest.mark.parametrize(("run", "each"), [(segmented, FRAMES), (labelled, FRAMES), (extracted, 1)])
def test_a_killed_job_goes_on_with_the_next_subject(run, each, cohort, tmp_path, monkeypatch):
    run(Network(), cohort, tmp_path / "undisturbed", None, monkeypatch)
    with pytest.raises(Killed):
        run(Network(2 * each), cohort, tmp_path / "output", tmp_path / "kept", monkeypatch)
    assert not (tmp_path / "output").exists()
    again = Network()
    run(again, cohort, tmp_path / "output", tmp_path / "kept", monkeypatch)
    assert again.done == each  # the third of three subjects
    assert content(tmp_path / "output") == content(tmp_path / "undisturbed")
    assert list((tmp_path / "kept").iterdir()) == []
