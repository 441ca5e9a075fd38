"""The studies of text-driven generation: every model, generator and table that they must have is planned."""

from __future__ import annotations

import json

import pytest
from checkout import copy_repository

from synthaug.cli import main

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_repository(tmp_path_factory.mktemp("text") / "synthaug")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Phantoms in the layouts of the real datasets."""
    folder = tmp_path_factory.mktemp("raw")
    for layout in ("acdc", "mnms"):
        command = ["phantom", str(folder / layout), "--layout", layout, "--subjects", "2", "--processes", "1"]
        assert main(command) == 0
    return {layout: {"root": str(folder / layout)} for layout in ("acdc", "mnms")}


# One fold. Table 1: 11 generators in two chunks; Table 2: four, of which one reads text. Two extractors compare them.
@pytest.mark.parametrize(
    ("study", "table", "jobs"),
    [
        (
            "texdc",
            "texdc_table1",
            # 7 alignments, 8 bases, 10 diffusion models; autoencoder, text encoder and extractor.
            {"train_model": 7 + 8 + 10 + 3, "synthesise_chunk": 11 * 2, "word_requests": 11 * 2}
            # A segmenter and two judges of the diagnosis on real patients.
            | {"measure_attention": 11, "measure_recovery": 11, "compare_generators": 2, "train_task": 3},
        ),
        (
            "texdc_comparison",
            "texdc_table2",
            {"train_model": 11, "synthesise_chunk": 4 * 2, "word_requests": 2}
            | {"measure_attention": 1, "compare_generators": 2, "train_task": 1},
        ),
    ],
)
def test_studies_on_the_phantom(checkout, study, table, jobs):
    found = checkout.would_run(f"config/studies/{study}.yaml", "--", "all", table)
    assert {rule: found.get(rule) for rule in jobs} == jobs
    assert found["write_published_table"] == found["rank_generators"] == found["render_report"] == 1


# Five folds of eight chunks; three seeds of each segmenter.
@pytest.mark.parametrize(
    ("study", "layouts", "tables", "jobs"),
    [
        (
            "texdc_full",
            ("acdc", "mnms"),
            ["texdc_table1"],
            {"train_model": 28 * 5, "synthesise_chunk": 11 * 8 * 5, "word_requests": 11 * 8 * 5}
            | {"measure_attention": 11 * 5, "compare_generators": 2 * 5},
        ),
        (
            "texdc_comparison_full",
            ("acdc", "mnms"),
            ["texdc_table2"],
            {"train_model": 11 * 5, "synthesise_chunk": 4 * 8 * 5, "word_requests": 8 * 5}
            | {"compare_generators": 2 * 5, "train_task": 3 * 5},
        ),
        (
            "text_mask_full",
            ("mnms",),
            ["control_table1", "control_table2", "control_table3"],
            # The sentence alone, with masks, with edges.
            {"train_model": 7 * 5, "synthesise_chunk": 3 * 8 * 5, "synthesise_contrasts": 3 * 5}
            | {"measure_contrast_consistency": 3 * 5, "measure_mask_agreement": 3 * 5},
        ),
    ],
)
def test_studies_at_full_size(checkout, roots, study, layouts, tables, jobs):
    datasets = json.dumps({layout: roots[layout] for layout in layouts})
    found = checkout.would_run(
        f"config/studies/{study}.yaml", "--config", f"datasets={datasets}", "--", "all", *tables
    )
    assert {rule: found.get(rule) for rule in jobs} == jobs
    assert found["write_published_table"] == len(tables) and found["render_report"] == 1
