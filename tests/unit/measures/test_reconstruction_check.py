"""Reconstruction check: which autoencoders are refused, and why."""

from __future__ import annotations

import numpy as np
import pytest
from beating_ellipsoid import beating_heart
from tiny_models import train, write_store

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import InceptionExtractorSettings, StudyExtractorSettings
from synthaug.config.synthesis import GateSettings, ReconstructionCheckSettings
from synthaug.core.artifacts import write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.features.extraction import extract_features
from synthaug.features.files import read_features
from synthaug.generators.reconstruction import Reconstruction
from synthaug.measures.measurement import Measurement
from synthaug.measures.reconstruction_check import (
    check_reconstruction,
    look_at_reconstructions,
    measure_reconstruction_acceptance,
)
from synthaug.measures.reconstructions import measure_reconstructions
from synthaug.tables import make_table

GOOD = {"psnr_db": 27.0, "ssim": 0.9, "dice_LV": 0.8, "dice_MYO": 0.4, "dice_RV": 0.6}


@pytest.fixture
def record(tmp_path):
    def write(**figures):
        write_json(tmp_path / "training.json", {"figures": figures})
        return tmp_path / "training.json"

    return write


def test_a_good_autoencoder_passes_with_the_mean_over_structures(record):
    assert check_reconstruction(record(**GOOD), ReconstructionCheckSettings()) == pytest.approx(
        {"psnr_db": 27.0, "ssim": 0.9, "dice": 0.6}
    )


def test_every_figure_below_its_floor_is_named(record):
    with pytest.raises(SynthaugError, match=r"psnr_db 18 is below 20, dice 0\.2 is below 0\.5\)"):
        check_reconstruction(record(psnr_db=18.0, ssim=0.9, dice_LV=0.2), ReconstructionCheckSettings())


def test_dice_is_not_required_without_masks(record):
    assert "dice" not in check_reconstruction(record(psnr_db=25.0, ssim=0.7), ReconstructionCheckSettings())


@pytest.mark.parametrize(
    ("status", "value", "refused"),
    [
        ("ok", 4.0, False),
        ("ok", 12.0, True),
        ("not_measured", None, False),
        ("extractor_absent", None, False),
    ],
)
def test_what_the_extractor_sees_counts_where_it_was_measured(record, status, value, refused):
    rows = make_table([{"metric": "reconstruction_acceptance_rate", "status": "ok", "value": 0.5},
                       {"metric": "reconstruction_acceptance_rate", "status": "ok", "value": 0.0, "diagnosis": "DCM"},
                       {"metric": "fid_reconstruction", "status": status, "value": value},
                       {"metric": "f4d_reconstruction", "status": "ok", "value": 100.0}])  # fmt: skip
    if refused:
        with pytest.raises(SynthaugError, match=r"\(fid_ratio 12 is above 5\); train it longer"):
            check_reconstruction(record(**GOOD), ReconstructionCheckSettings(), rows)
    else:
        assert (
            check_reconstruction(record(**GOOD), ReconstructionCheckSettings(), rows).get("fid_ratio")
            == value
        )


def test_an_autoencoder_whose_reconstructions_fail_quality_control_is_refused(record):
    rows = make_table([{"metric": "reconstruction_acceptance_rate", "status": "ok", "value": 0.25}])
    with pytest.raises(SynthaugError, match=r"\(accepted 0\.25 is below 0\.3\)"):
        check_reconstruction(record(**GOOD), ReconstructionCheckSettings(), rows)


class Echo:
    """Gives a beating heart back with its labels, without them for broken subjects."""

    def __init__(self, cohort, broken):
        self.cohort, self.broken, self.asked = cohort, broken, 0

    def reconstruct(self, cine):
        subject = self.cohort.subjects[self.asked]
        self.asked += 1
        heart, labels = beating_heart(150.0, 60.0, cine.shape[1], seed=self.asked)
        return heart, np.zeros_like(labels) if subject in self.broken else labels


def test_quality_control_of_reconstructions_is_counted_by_diagnosis(study):
    cohort = Cohort.open(study / "store-cohort")
    broken = [subject for subject in cohort.subjects if cohort.table.loc[subject, "diagnosis"] == "DCM"][:2]
    _, judged = look_at_reconstructions(
        cohort, Echo(cohort, broken), None, None, GateSettings(), Measurement({"versus": "coder"})
    )
    rows = measure_reconstruction_acceptance(judged, Measurement({"versus": "coder", "fold": 0}))
    rates = rows[rows["metric"] == "reconstruction_acceptance_rate"].set_index("diagnosis")
    sizes = cohort.table["diagnosis"].value_counts()
    own = judged.set_index("subject")
    for diagnosis, n in sizes.items():
        accepted = own[own["diagnosis"] == diagnosis]["accepted"].mean()
        assert rates.loc[diagnosis, "n"] == n and rates.loc[diagnosis, "value"] == pytest.approx(accepted)
    assert not own.loc[broken, "accepted"].any() and own["accepted"].sum() == len(own) - 2
    whole = rates[rates.index.isna()]
    assert whole["n"].item() == len(cohort.subjects) and set(rows["versus"]) == {"coder"}
    reasons = rows[rows["metric"].str.startswith("reconstruction_rejected_") & rows["diagnosis"].isna()]
    assert (reasons["value"] == 2).all() and len(reasons)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Ten hearts, an autoencoder without masks that hardly learned, an extractor and its features."""
    folder = tmp_path_factory.mktemp("reconstruction")
    store = write_store(folder / "store", subjects=10)
    train("autoencoder", store, folder / "autoencoder", changes={"masks": False})
    extractor = train("masked_autoencoder", store, folder / "features")
    cohort = Cohort.open(folder / "store-cohort")
    settings = StudyExtractorSettings(kind="study", model="features")
    extract_features(cohort, settings, folder / "real.npz", weights=extractor)
    return folder


def test_an_autoencoder_without_masks_is_looked_at_by_the_extractor_too(study):
    settings = EvaluationSettings(splits=4)
    cohort, real = Cohort.open(study / "store-cohort"), read_features(study / "real.npz")
    autoencoder = Reconstruction.load(study / "autoencoder/model.safetensors", "autoencoder")

    def measure(extractor, probed=24, weights=study / "features/model.safetensors"):
        changed = settings.model_copy(update={"sensitivity_subjects": probed})
        measurement = Measurement({"versus": "autoencoder"}, changed)
        reconstructed, judged = look_at_reconstructions(
            cohort, autoencoder, extractor, weights, GateSettings(), measurement
        )
        assert len(judged) == min(probed, len(cohort.subjects))
        return measure_reconstructions(real, reconstructed, cohort.subjects, measurement)

    own = StudyExtractorSettings(kind="study", model="features")
    rows = measure(own)
    assert rows["metric"].to_list() == [f"{m}_reconstruction" for m in ("fid", "fvd_t", "fvd_s", "f4d")]
    assert set(rows["n"]) == {5} and (rows["value"] > 1).all() and (rows["floor"] == 1).all()
    assert np.isfinite(rows["value"]).all() and (rows["ci_low"] <= rows["value"]).all()
    assert "8 are needed" in measure(own, probed=7)["note"].iloc[0]
    absent = measure(InceptionExtractorSettings(kind="inception"), weights=None)
    assert set(absent["status"]) == {"extractor_absent"}
