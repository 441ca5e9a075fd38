"""An image-text pair as an extractor: a tiny CLIP made here, its sentences, and the rows that come of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from tiny_clip import write_tiny_clip

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features import ExtractorAbsent, FeatureSet, extract_features, make_extractor, read_features
from synthaug.features.described import sentence_of
from synthaug.features.image_text import clipsim
from synthaug.measures.distances import measure_distances
from synthaug.measures.generator_comparison import compare_generators
from synthaug.measures.measurement import Measurement
from synthaug.measures.text_agreement import measure_text_agreement
from synthaug.metrics.kernel import gaussian_kernel_distance
from synthaug.text.impressions import number_of_subject, write
from synthaug.text.reading import read


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_tiny_clip(tmp_path_factory.mktemp("clip")).parent


def settings_of(folder: Path, **more):
    weights = folder / "model.safetensors"
    return TypeAdapter(ExtractorSettings).validate_python(
        {"kind": "image_text", "weights": str(weights), "sha256": sha256_file(weights), **more}
    )


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    """Three subjects, of whom one has no diagnosis, with stacks of four and of two slices."""
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    rows = []
    for subject, slices, diagnosis in (("a", 4, "NOR"), ("b", 2, "DCM"), ("c", 4, None)):
        cine = rng.random((3, slices, 20, 20), np.float32)
        write_subject(folder / f"sub-{subject}", cine, {}, (8, 2, 2))
        rows.append({"subject": subject, "n_frames": 3, "n_slices": slices, "diagnosis": diagnosis})
    write_cohort(folder, "three", "real", rows, (8.0, 2.0, 2.0))
    return Cohort.open(folder)


def test_features_are_the_models_own(folder, cohort, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    settings = settings_of(folder)
    extract_features(cohort, settings, tmp_path / "f.npz")
    found = read_features(tmp_path / "f.npz")
    assert [len(rows) for rows in found.features["frames"]] == [12, 6, 12]
    # No diagnosis, no sentence; two slices, no thirds.
    assert [len(rows) for rows in found.features["text"]] == [1, 1, 0]
    assert [len(rows) for rows in found.features["basal"]] == [6, 0, 6]
    assert found.select(["c"]).features["basal"][0] == pytest.approx(found.features["basal"][2])

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    sentence = "a short-axis cardiac cine MRI of dilated cardiomyopathy"
    with torch.no_grad():
        output = model.get_text_features(**tokenizer(sentence, return_tensors="pt"))
    assert found.features["text"][1][0] == pytest.approx(output.pooler_output[0].numpy(), abs=1e-6)
    images = torch.from_numpy(cohort.cine("b")).flatten(0, 1)[:, None]
    shrunk = torch.nn.functional.interpolate(images, (16, 16), mode="bilinear", antialias=True)
    mean, deviation = (
        torch.tensor(values).reshape(3, 1, 1)
        for values in (
            (0.48145466, 0.4578275, 0.40821073),
            (0.26862954, 0.26130258, 0.27577711),
        )
    )
    with torch.no_grad():
        output = model.get_image_features(pixel_values=(shrunk.expand(-1, 3, -1, -1) - mean) / deviation)
    assert found.features["frames"][1] == pytest.approx(output.pooler_output.numpy(), abs=1e-5)


def test_images_of_a_cohort_without_sentences_are_compared_all_the_same(folder, cohort, tmp_path):
    """CMMD is of images: a generator that is conditioned on no diagnosis has one, and a ratio to another generator's."""
    made = {}
    for name, subjects in {"real": ["a", "b"], "plain": ["c"]}.items():
        extract_features(cohort.select(subjects), settings_of(folder), tmp_path / f"{name}.npz")
        made[name] = read_features(tmp_path / f"{name}.npz")
    assert [len(rows) for rows in made["plain"].features["text"]] == [0]
    about = (made["real"], made["plain"], {"real train": ("a", "b")}, Measurement())
    assert "cmmd" in set(measure_distances(*about)["metric"])
    rows = measure_text_agreement(*about).set_index("metric")
    assert rows.loc["clipsim", "status"] == "not_measured"
    assert "0 subjects with a sentence" in rows.loc["clipsim", "note"]
    pair = compare_generators(made["real"], {"a": made["real"], "b": made["plain"]}, *about[2:])
    assert {"fid_quotient", "cmmd_quotient"} == set(pair["metric"])


def test_the_prompt_is_part_of_the_identity_and_of_the_features(folder, cohort):
    first, second = (
        make_extractor(settings_of(folder, **more)) for more in ({}, {"prompt": "heart {diagnosis}"})
    )
    assert first.id != second.id and second.id.endswith("heart {diagnosis}")
    row = cohort.record("a")
    assert not np.allclose(first.describe(row), second.describe(row))
    # Longer than the network reads: cut, not failed.
    assert first.text_feature("a " * 50).shape == (8,)


def test_a_prompt_can_be_the_subjects_own_sentence(folder, cohort):
    extractor = make_extractor(settings_of(folder, prompt="{sentence}"))
    row = cohort.record("a")
    asked = {**row, "sentence": "dilated heart"}
    assert extractor.describe(asked) == pytest.approx(extractor.text_feature("dilated heart"))
    assert sentence_of(row) == write(row, number_of_subject("a"), held_out=True)
    # A synthetic subject is described by what was requested of it, not by what its masks measure.
    made = {"subject": "s", "diagnosis": "NOR", "requested_diagnosis": "HCM", "requested_vendor": None}
    assert read(sentence_of(made)).facts == {"diagnosis": "HCM"}
    assert sentence_of({"subject": "s", "requested_diagnosis": None}) is None
    assert extractor.describe({"subject": "c", "diagnosis": None}) is None


def test_absent_wrong_and_unusable_weights(folder, tmp_path):
    with pytest.raises(ExtractorAbsent, match="put a CLIP model"):
        make_extractor(TypeAdapter(ExtractorSettings).validate_python({"kind": "image_text"}))
    settings = settings_of(folder).model_copy(update={"sha256": "0" * 64})
    with pytest.raises(SynthaugError, match="SHA-256 is"):
        make_extractor(settings)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(SynthaugError, match="holds no readable model"):
        make_extractor(settings_of(tmp_path))
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    shutil.copytree(folder, tmp_path / "half")
    save_file(weights, tmp_path / "half" / "model.safetensors", {"format": "pt"})
    with pytest.raises(SynthaugError, match=r"lacks text_projection\.weight"):
        make_extractor(settings_of(tmp_path / "half"))


@pytest.mark.parametrize("prompt", ["no column", "an open {brace", "a {0} number"])
def test_prompts_that_cannot_be_filled_are_refused(prompt):
    with pytest.raises(ValidationError, match="prompt"):
        TypeAdapter(ExtractorSettings).validate_python({"kind": "image_text", "prompt": prompt})


def paired(directions, texts, prefix) -> FeatureSet:
    """Subjects whose two images both point in one direction (degrees), as their sentence does."""

    def rows(angle, count):
        angle = np.deg2rad(angle)
        return np.tile([[np.cos(angle), np.sin(angle)]], (count, 1))

    return FeatureSet(
        tuple(f"{prefix}{number}" for number in range(len(directions))),
        {
            "frames": [3 * rows(angle, 2) for angle in directions],
            "text": [rows(angle, 1) if angle is not None else np.empty((0, 2)) for angle in texts],
        },
        "pair",
    )


def test_clipsim_rows_by_hand():
    real = paired([0, 0, 90, 90], [0, 0, 90, 90], "r")
    synthetic = paired([60, 60, 90, 45], [0, 0, 0, None], "s")
    settings = EvaluationSettings()
    about = (real, synthetic, {"real train": real.subjects}, Measurement({"generator": "g"}, settings))
    rows = measure_text_agreement(*about).set_index("metric")
    # cos 60, cos 60, cos 90; the fourth has no sentence. Real ones fit theirs, and stand at 90 degrees to others'.
    assert rows.loc["clipsim", "value"] == pytest.approx(1 / 3)
    assert rows.loc["clipsim", "n"] == 3
    assert rows.loc["clipsim_real", "value"] == pytest.approx(1)
    assert rows.loc["clipsim_other", "value"] == pytest.approx(0, abs=1e-12)
    assert clipsim(synthetic.features["frames"][0], real.features["text"][0][0]) == pytest.approx(0.5)

    # At unit length, and biased, as CMMD is: with all subjects drawn it is the plain function's value.
    distances = measure_distances(*about).set_index("metric")
    assert {"fid", "kid", "cmmd"} <= set(distances.index)
    same = paired([10, 20, 30, 40, 25, 35], [0] * 6, "r"), paired([70, 80, 75], [0] * 3, "s")
    found = measure_distances(*same, {"all": same[0].subjects}, Measurement(settings=settings)).set_index(
        "metric"
    )
    units = [np.concatenate(side.features["frames"]) / 3 for side in same]
    assert found.loc["cmmd", "ci_low"] <= gaussian_kernel_distance(*units) <= found.loc["cmmd", "ci_high"]


def test_nothing_is_said_of_text_where_there_is_none():
    plain = FeatureSet(("a", "b"), {"frames": [np.eye(2), np.eye(2)]}, "plain")
    assert measure_text_agreement(plain, plain, {"all": ("a", "b")}, Measurement()).empty
    assert "cmmd" not in set(measure_distances(plain, plain, {"all": ("a",)}, Measurement()).metric)


def test_sentences_that_are_all_alike_have_no_other():
    real = paired([0, 0, 0], [0, 0, 0], "r")
    rows = measure_text_agreement(real, real, {"all": real.subjects}, Measurement())
    other = rows.set_index("metric").loc["clipsim_other"]
    assert other["status"] == "not_measured" and pd.isna(other["value"])
