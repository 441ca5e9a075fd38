"""CLIPSIM by the text encoder that the study trains itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from tiny_models import train, write_store

from synthaug.config.features import ExtractorSettings
from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.features import ExtractorAbsent, FeatureSet, extract_features, make_extractor, read_features
from synthaug.features.described import part_of, sentence_of
from synthaug.measures.measurement import Measurement
from synthaug.measures.text_agreement import measure_text_agreement

SETTINGS = TypeAdapter(ExtractorSettings).validate_python({"kind": "study_text", "model": "text"})
SMALL = {"width": 16, "depth": 1, "heads": 2, "embedding": 8, "channels": [4], "slices_drawn": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Cohort]:
    folder = tmp_path_factory.mktemp("text")
    store = write_store(folder / "train", subjects=4, n_slices=3)
    return train("text_encoder", store, folder / "model", changes=SMALL), Cohort.open(folder / "train-cohort")


def test_clipsim_without_supplied_weights(trained, tmp_path):
    weights, cohort = trained
    extract_features(cohort, SETTINGS, tmp_path / "real.npz", weights)
    real = read_features(tmp_path / "real.npz")
    assert real.extractor.startswith("text_encoder-") and set(real.seen) == set(cohort.subjects)
    t, z = cohort.cine("h0").shape[:2]
    assert real.features["frames"][0].shape == (t * z, 8) and real.features["text"][0].shape == (1, 8)
    assert np.linalg.norm(real.features["frames"][0], axis=1) == pytest.approx(1, abs=1e-5)
    rows = measure_text_agreement(real, real, {"all": real.subjects}, Measurement()).set_index("metric")
    assert rows.loc["clipsim", "status"] == "ok" and rows.loc["clipsim", "extractor"] == real.extractor
    # The same number by hand: every image with its own sentence.
    own = [
        float((f @ t[0]).mean()) for f, t in zip(real.features["frames"], real.features["text"], strict=True)
    ]
    assert rows.loc["clipsim", "value"] == pytest.approx(np.mean(own), abs=1e-5)


def test_images_are_described_alike_alone_and_in_any_order(trained):
    weights, cohort = trained
    extractor = make_extractor(SETTINGS, weights)
    cine = cohort.cine("h0")
    features = extractor.extract(cine)["frames"].reshape(*cine.shape[:2], -1)
    # Frames do not see each other but for ED: frame 2 alone after ED is described as within the cycle.
    part = extractor.extract(cine[[0, 2]])["frames"].reshape(2, cine.shape[1], -1)
    assert part[1] == pytest.approx(features[2], abs=1e-5)


def test_absent_and_wrong(trained, tmp_path):
    with pytest.raises(ExtractorAbsent, match="was not trained"):
        make_extractor(SETTINGS)
    store = write_store(tmp_path / "train", subjects=2, n_slices=2)
    other = train("patient_recogniser", store, tmp_path / "model")
    with pytest.raises(SynthaugError, match="is no text encoder"):
        make_extractor(SETTINGS, other)


def test_the_model_must_be_a_text_encoder():
    content = {
        "name": "s",
        "datasets": {"p": {"layout": "acdc", "phantom": {"subjects": 8}}},
        "models": {"features": {"kind": "masked_autoencoder"}},
        "arms": {"real": {}},
        "evaluation": {"extractors": {"words": {"kind": "study_text", "model": "features"}}},
    }
    with pytest.raises(SynthaugError, match="name a model of kind text_encoder"):
        load_study(content)
    content["models"]["text"] = {"kind": "text_encoder"}
    content["evaluation"]["extractors"]["words"]["model"] = "text"
    assert load_study(content).evaluation.model_names() == ["text"]


def test_one_fact_of_a_sentence_is_compared_too():
    """Frames point along x, as do the sentences of the vendor; those of the diagnosis are at a right angle."""
    x, y = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    kinds = {"frames": [x, x], "text": [x, y], "text_vendor": [x, x], "text_diagnosis": [y, y]}
    features = FeatureSet(("one", "two"), kinds, "extractor")
    rows = measure_text_agreement(features, features, {"all": features.subjects}, Measurement())
    found = rows[rows["target"].notna()].set_index(["metric", "target"])["value"]
    assert dict(found) == {
        ("clipsim_part", "vendor"): 1,
        ("clipsim_part_real", "vendor"): 1,
        ("clipsim_part", "diagnosis"): 0,
        ("clipsim_part_real", "diagnosis"): 0,
    }


def test_a_part_of_a_subject_says_nothing_else():
    real = {"subject": "p", "vendor": "A", "diagnosis": "DCM", "lv_edv_ml": 250.0, "sentence": "All of it."}
    assert part_of(real, "vendor") == {"subject": "p", "vendor": "A"}
    said = sentence_of(part_of(real, "diagnosis"))
    assert said and "vendor" not in said.lower() and "mL" not in said
    made = {"subject": "m", "requested_diagnosis": "DCM", "requested_lv_edv_ml": 250.0}
    assert part_of(made, "diagnosis") == {"subject": "m", "requested_diagnosis": "DCM"}
    assert sentence_of(part_of(made, "vendor")) is None
