"""Synthetic cines from elsewhere: links to them, with hashes, and what tells that one was written anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_hearts import SPACING, heart, made_cohort

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.folder_state import folder_state
from synthaug.data.cohort import Cohort, write_subject
from synthaug.generators.external import bring_cohort
from synthaug.runs import ListedRun
from synthaug.tables.manifest import data_manifest


def test_a_cohort_is_brought_by_links_with_the_hash_of_each_file(tmp_path: Path) -> None:
    theirs = made_cohort(tmp_path / "theirs", "g", 2, "synthetic", seen=["p-1"])
    (tmp_path / "theirs" / "attempts.tsv").write_text("subject\n")
    bring_cohort(tmp_path / "theirs", tmp_path / "mine")
    mine = Cohort.open(tmp_path / "mine")
    pd.testing.assert_frame_equal(mine.table, theirs.table)
    assert mine.meta["seen"] == ["p-1"] and (tmp_path / "mine" / "attempts.tsv").is_file()
    for subject in theirs.subjects:
        assert np.array_equal(mine.cine(subject), theirs.cine(subject))
        assert np.array_equal(mine.label_cine(subject), theirs.label_cine(subject))
        cine = theirs.folders[subject] / "cine.nii.gz"
        assert mine.meta["files"][subject]["cine"] == sha256_file(cine)
        assert mine.folders[subject].is_symlink()


def test_a_cine_that_is_overwritten_changes_the_state_and_not_its_folder(tmp_path: Path) -> None:
    theirs = made_cohort(tmp_path / "theirs", "g", 2, "synthetic")
    (tmp_path / "theirs" / ".hidden").write_text("")
    before, folder_time = folder_state(tmp_path / "theirs"), (tmp_path / "theirs").stat().st_mtime_ns
    assert folder_state(tmp_path / "theirs") == before
    bring_cohort(tmp_path / "theirs", tmp_path / "mine")
    place = theirs.folders[theirs.subjects[0]]
    write_subject(place, heart(99)[0], heart(99)[1], SPACING)
    assert (tmp_path / "theirs").stat().st_mtime_ns == folder_time
    assert folder_state(tmp_path / "theirs") != before
    # Until it is brought again, its tables would be of another cine than its measures.
    run = ListedRun("synthetic", "g", fold=0, generator_seed=0, cohort=tmp_path / "mine")
    with pytest.raises(SynthaugError, match=r"cine\.nii\.gz: is not what cohort\.json records"):
        data_manifest([run])


def test_a_cine_that_its_own_cohort_does_not_record_is_refused(tmp_path: Path) -> None:
    theirs = made_cohort(tmp_path / "theirs", "g", 2, "synthetic")
    bring_cohort(tmp_path / "theirs", tmp_path / "recorded")
    recorded = Cohort.open(tmp_path / "recorded").meta["files"]
    made_cohort(tmp_path / "theirs", "g", 2, "synthetic", files=recorded)
    bring_cohort(tmp_path / "theirs", tmp_path / "again")
    write_subject(theirs.folders[theirs.subjects[1]], heart(99)[0], heart(99)[1], SPACING)
    with pytest.raises(
        SynthaugError, match=r"sub-g-01/cine\.nii\.gz: is not what cohort\.json records; restore it"
    ):
        bring_cohort(tmp_path / "theirs", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_real_subjects_and_other_folders_are_refused(tmp_path: Path) -> None:
    made_cohort(tmp_path / "real", "p", 1)
    with pytest.raises(SynthaugError, match="kind is 'real'; a generator's folder must say 'synthetic'"):
        bring_cohort(tmp_path / "real", tmp_path / "mine")
    assert folder_state(tmp_path / "nowhere") == "" and not (tmp_path / "mine").exists()
