"""A generator as a folder: what it loads elsewhere, what its card says, and cines of a table of requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_models import requests, train, write_store

from synthaug.cli import main
from synthaug.config.generators import CascadeSettings, SamplerSettings
from synthaug.core.artifacts import read_json, sha256_file, write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.generators import describe, load
from synthaug.metric_registry import METRICS
from synthaug.models.masked_autoencoder import MaskedAutoencoder
from synthaug.release.export import export_generator
from synthaug.release.synthesise import synthesise
from synthaug.synthesis.requests import request_cohort
from synthaug.tables.rows import make_table
from synthaug.tables.versions import publish, write_current

SETTINGS = CascadeSettings(
    kind="cascade",
    anatomy_sampler=SamplerSettings(steps=2),
    motion_sampler=SamplerSettings(steps=2),
)
RUN = "fold-0/generator-seed-0"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``results/s`` with a trained cascade, without tables."""
    root = tmp_path_factory.mktemp("release") / "results" / "s"
    store = write_store(root / "cohorts" / "h")
    (root / "cohorts" / "h-cohort").rename(root / "cohorts" / "real")
    autoencoder = train("autoencoder", store, root / "models" / "autoencoder" / RUN)
    needs = {"autoencoder": autoencoder}
    models = {
        "autoencoder": autoencoder,
        "anatomy": train("anatomy_diffusion", store, root / "models" / "anatomy" / RUN, needs, iterations=2),
        "motion": train(
            "motion_diffusion", store, root / "models" / "motion" / RUN, needs, iterations=2, batch_size=1
        ),
    }
    describe(root / "generators" / "cascade" / RUN / "generator.json", SETTINGS, models)
    return root


@pytest.fixture(scope="module")
def folder(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported generator, moved to where nothing else lies."""
    output = tmp_path_factory.mktemp("exported") / "first"
    export_generator(study / "generators" / "cascade" / RUN, output, "CC-BY-4.0")
    return output.rename(tmp_path_factory.mktemp("elsewhere") / "cascade")


def test_the_folder_samples_what_the_study_samples(study: Path, folder: Path) -> None:
    asked = request_cohort(requests(2))
    here = list(load(study / "generators" / "cascade" / RUN, "cpu").sample(asked))
    there = list(load(folder, "cpu").sample(asked))
    assert [subject for subject, _, _ in here] == [subject for subject, _, _ in there]
    for (_, cine, labels), (_, other, others) in zip(here, there, strict=True):
        assert np.array_equal(cine, other) and np.array_equal(labels, others)


def test_weights_are_copied_with_what_they_build_on_as_they_are(study: Path, folder: Path) -> None:
    for name in ("autoencoder", "anatomy", "motion"):
        ours, theirs = (root / "models" / name / RUN / "model.safetensors" for root in (study, folder))
        assert sha256_file(ours) == sha256_file(theirs)
        assert theirs.with_name("training.json").is_file()
    inside = {file.relative_to(folder).parts[0] for file in folder.rglob("*") if file.is_file()}
    assert inside == {"README.md", "card.json", "generator.json", "measured.tsv", "models"}


def test_the_network_of_a_perceptual_term_comes_with_its_autoencoder_and_samples_nothing(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, store = tmp_path / "results" / "s", study / "cohorts" / "h"

    def trained(name: str, kind: str, **arguments: Any) -> Path:
        return train(kind, store, root / "models" / name / RUN, iterations=1, **arguments)

    perceptual = {"perceptual": trained("features", "masked_autoencoder")}
    coder = trained("autoencoder", "autoencoder", needs=perceptual, changes={"late_from": 0})
    anatomy = trained(
        "anatomy", "anatomy_diffusion", needs={"autoencoder": coder}, changes={"frames": "all", "copies": 1}
    )
    models = {"autoencoder": coder, "anatomy": anatomy}
    settings = SETTINGS.model_copy(update={"models": {role: role for role in models}})
    describe(root / "generators" / "cascade" / RUN / "generator.json", settings, models)
    card = export_generator(root / "generators" / "cascade" / RUN, tmp_path / "out", "CC-BY-4.0")
    assert [model["model"] for model in card["models"]] == ["autoencoder", "anatomy", "features"]
    root.rename(tmp_path / "gone")
    generator = load(tmp_path / "out", "cpu")
    monkeypatch.delattr(MaskedAutoencoder, "block_features")
    monkeypatch.delattr(MaskedAutoencoder, "features")
    assert len(list(generator.sample(request_cohort(requests(1))))) == 1


def test_the_card_counts_the_data_and_says_what_was_not_measured(folder: Path) -> None:
    card, page = read_json(folder / "card.json"), (folder / "README.md").read_text()
    # Four hearts, every other one NOR or DCM, the last one without labels.
    assert card["trained_on"] == [
        {
            "dataset": "h",
            "subjects": 4,
            "labelled": 3,
            "vendors": {"A": 4},
            "diagnoses": {"DCM": 2, "NOR": 2},
        }
    ]
    assert card["licence"] == "CC-BY-4.0" and card["categories"] == {
        "diagnosis": ["DCM", "NOR"],
        "vendor": ["A"],
    }
    assert "| h | 4 | 3 | A 4 | DCM 2, NOR 2 |" in page and "**Licence**: CC-BY-4.0" in page
    assert "Not measured: the study had no result table" in page


def test_what_the_split_withholds_does_not_count(study: Path, tmp_path: Path) -> None:
    """Of three labelled hearts of four the fold sees the labels of the first, and not what ails the second."""
    split = study / "splits" / "fold-0.tsv"
    subjects = [f"h{number}" for number in range(4)]
    table = pd.DataFrame(
        {"subject": subjects, "patient": subjects, "dataset": "h", "vendor": "A", "role": "train"}
    )
    write_tsv(
        split, table.assign(diagnosis=["NOR", "unknown", "NOR", "DCM"], labelled=[True, False, False, False])
    )
    try:
        card = export_generator(study / "generators" / "cascade" / RUN, tmp_path / "exported", "none")
    finally:
        split.unlink()
    (counts,) = card["trained_on"]
    assert counts["subjects"] == 4 and counts["labelled"] == 1 and counts["diagnoses"] == {"DCM": 1, "NOR": 2}


def test_the_card_has_the_rows_of_this_training_alone(study: Path, tmp_path: Path) -> None:
    found = METRICS["acceptance_rate"]
    about = {
        "metric": found.name,
        "definition": found.definition,
        "unit": found.unit,
        "direction": found.direction,
    }
    about |= {"status": "ok", "generator": "cascade", "fold": 0, "n": 8}
    rows = [
        {**about, "value": 0.75, "ci_low": 0.4, "ci_high": 0.9, "generator_seed": 0},
        {**about, "value": 0.25, "generator_seed": 1},
        {**about, "value": 0.5, "generator_seed": 0, "generator": "other"},
    ]
    write_tsv(tmp_path / "rows.tsv", make_table(rows))
    tables = study / "tables"
    write_current(tables / "current.json", publish([tmp_path / "rows.tsv"], tables, {}), {})
    try:
        card = export_generator(study / "generators" / "cascade" / RUN, tmp_path / "exported", "none")
    finally:
        (tables / "current.json").unlink()
    assert [row["value"] for row in card["measured"]] == [0.75]
    page = (tmp_path / "exported" / "README.md").read_text()
    assert "(`acceptance_rate`) |  | 0.75 | 0.4 to 0.9 |  | 8 |" in page
    assert "(`copied_share`) | | not measured |" in page
    assert len(pd.read_csv(tmp_path / "exported" / "measured.tsv", sep="\t")) == 1


def test_a_table_of_requests_gives_a_cohort_the_same_for_a_seed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "requests.tsv").write_text(
        "diagnosis\tlv_edv_ml\tlv_esv_ml\tn_slices\nNOR\t120\t50\t6\n\t\t\t5\n"
    )
    made = synthesise(folder, tmp_path / "requests.tsv", tmp_path / "a", device="cpu")
    again = synthesise(folder, tmp_path / "requests.tsv", tmp_path / "b", device="cpu")
    attempts = pd.read_csv(tmp_path / "a" / "attempts.tsv", sep="\t")
    assert set(attempts["subject"]) == {"cascade-s0-0000", "cascade-s0-0001"}
    assert made.kind == "synthetic" and made.subjects == again.subjects
    assert made.meta["seen"] == ["h0", "h1", "h2", "h3"]
    for file in ("attempts.tsv", "subjects.tsv", "cohort.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("n_slices\n\n6\n", "row 1: n_slices is open; give a whole number from 1 to 6"),
        ("vendor\tn_slices\nB\t6\n", "row 1: unknown vendor 'B'; the training subjects have A"),
        ("n_slices\n7\n", "row 1: n_slices is 7; give a whole number from 1 to 6"),
    ],
)
def test_impossible_requests_are_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, said: str
) -> None:
    (tmp_path / "requests.tsv").write_text(table.replace("\n\n", '\n""\n'))
    assert main(["synthesise", str(folder), str(tmp_path / "requests.tsv"), str(tmp_path / "made")]) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "made").exists()


def test_what_cannot_be_exported_is_one_line(study: Path, folder: Path, tmp_path: Path) -> None:
    source = study / "generators" / "cascade" / RUN
    (tmp_path / "there").mkdir()
    with pytest.raises(SynthaugError, match="exists already; give another folder"):
        export_generator(source, tmp_path / "there", "none")
    with pytest.raises(SynthaugError, match=r"no generator\.json of a study; give results"):
        export_generator(source.parent, tmp_path / "made", "none")
    with pytest.raises(
        SynthaugError, match=r"no generator\.json of a study"
    ):  # an exported one is no study's
        export_generator(folder, tmp_path / "made", "none")
    content = read_json(source / "generator.json")
    content["models"]["motion"]["sha256"] = "0" * 64
    write_json(tmp_path / "s" / "generators" / "cascade" / RUN / "generator.json", content)
    with pytest.raises(SynthaugError, match="is missing; train the generator again"):
        export_generator(tmp_path / "s" / "generators" / "cascade" / RUN, tmp_path / "made", "none")
    assert not (tmp_path / "made").exists()


def test_a_folder_of_another_version_is_one_line(folder: Path, tmp_path: Path) -> None:
    content = json.loads((folder / "generator.json").read_text())
    content["settings"]["steps_of_yesterday"] = 3
    write_json(tmp_path / "generator.json", content)
    for model in content["models"].values():
        place = tmp_path / model["path"]
        place.parent.mkdir(parents=True)
        place.write_bytes((folder / model["path"]).read_bytes())
    with pytest.raises(SynthaugError, match=r"another version of synthaug .*steps_of_yesterday"):
        load(tmp_path, "cpu")


def test_the_cohort_of_requests_may_have_masks(study: Path, folder: Path, tmp_path: Path) -> None:
    real = study / "cohorts" / "real"
    made = synthesise(folder, real, tmp_path / "made", device="cpu")
    assert set(pd.read_csv(tmp_path / "made" / "attempts.tsv", sep="\t")["subject"]) == {
        f"cascade-s0-{number:04d}" for number in range(len(Cohort.open(real).subjects))
    }
    assert made.kind == "synthetic"
