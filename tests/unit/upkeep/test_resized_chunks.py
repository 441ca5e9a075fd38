"""Another size of chunks never has finished samples made again unnoticed."""

from __future__ import annotations

import pytest
import yaml
from helpers.checkout import REPOSITORY

from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError
from synthaug.preflight.lost_records import write_configuration
from synthaug.upkeep.resized_chunks import check_chunk_size

CHUNKS = "synthetic/cascade/fold-0/generator-seed-0/chunks"


def study(chunk_size: int, subjects: int = 6):
    settings = yaml.safe_load((REPOSITORY / "config" / "studies" / "tiny.yaml").read_text())
    settings["synthesis"] |= {"chunk_size": chunk_size, "subjects": subjects}
    return load_study(settings)


@pytest.fixture
def results(tmp_path):
    """Results of two finished chunks of three."""
    for number in "01":
        (tmp_path / CHUNKS / number).mkdir(parents=True)
    write_configuration(tmp_path, study(3).model_dump(mode="json"))
    return tmp_path


def test_another_size_is_refused_in_one_line_that_says_what_it_would_cost(results):
    with pytest.raises(
        SynthaugError, match=r"chunk_size: 3 before, 2 now: 2 finished chunks .*; set it to 3"
    ) as error:
        check_chunk_size(results, study(2))
    assert "\n" not in str(error.value)


def test_the_same_size_more_subjects_and_results_without_chunks_pass(results, tmp_path):
    check_chunk_size(results, study(3))
    check_chunk_size(results, study(3, subjects=60))
    check_chunk_size(tmp_path / "never ran", study(2))
    (results / "synthetic").rename(results / "put away")
    check_chunk_size(results, study(2))


def test_sizes_above_the_number_of_subjects_are_one_chunk_either_way(results):
    write_configuration(results, study(20).model_dump(mode="json"))
    check_chunk_size(results, study(30))
