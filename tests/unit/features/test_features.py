"""Features and the distances measured from them: kinds, floors, statuses, files."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
import torch

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import (
    InceptionExtractorSettings,
    MaskedAutoencoderSettings,
    StudyExtractorSettings,
)
from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features import FeatureSet, extract_features, read_features
from synthaug.features.depth import with_thirds
from synthaug.measures import distances
from synthaug.measures.distances import measure_distances
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import fit_whitening
from synthaug.metrics.frechet import frechet_distance
from synthaug.metrics.kernel import kernel_distance
from synthaug.models.base import Grid
from synthaug.models.masked_autoencoder import MaskedAutoencoder
from synthaug.models.weights import save_model

SETTINGS = EvaluationSettings(splits=6)
FIELDS = {"generator": "cascade", "fold": 0, "generator_seed": 0}
MODEL = MaskedAutoencoderSettings(
    kind="masked_autoencoder", patch=(2, 4, 4), width=24, depth=2, heads=2, decoder_width=12, decoder_depth=1
)


def feature_set(n: int, shift: float = 0.0, seed: int = 0, extractor: str = "made", d: int = 6) -> FeatureSet:
    rng = np.random.default_rng(seed)
    subjects = tuple(f"{seed}-{i}" for i in range(n))
    own = rng.normal(size=(n, d)) + shift
    kinds = {"frames": 12, "temporal": 3, "spatial": 4}
    return FeatureSet(
        subjects,
        {kind: [mean + 0.3 * rng.normal(size=(rows, d)) for mean in own] for kind, rows in kinds.items()},
        extractor,
    )


def measure(real: FeatureSet, synthetic: FeatureSet, settings: EvaluationSettings = SETTINGS) -> pd.DataFrame:
    rows = measure_distances(real, synthetic, {"real train": real.subjects}, Measurement(FIELDS, settings))
    return rows[~rows["metric"].str.endswith("_extrapolated")].set_index("metric")


def test_two_distances_at_a_time_are_the_same_as_one(monkeypatch) -> None:
    """The first two wait for each other: alone each would wait in vain."""
    real, far = feature_set(12), feature_set(12, shift=1.0, seed=1)
    given = real, far, {"real train": real.subjects}, Measurement(FIELDS, SETTINGS)
    one = measure_distances(*given)
    rows_of, beside, calls = distances.distance_rows, Barrier(2, timeout=30), count()

    def watched(*about):
        if next(calls) < 2:
            beside.wait()
        return rows_of(*about)

    monkeypatch.setattr(distances, "distance_rows", watched)
    pd.testing.assert_frame_equal(measure_distances(*given, threads=2), one, check_exact=True)


def test_distances_are_of_equal_n_beside_their_floor() -> None:
    real, far = feature_set(20), feature_set(30, shift=2.0, seed=1)
    rows = measure(real, far)
    assert list(rows.index) == ["fid", "fid_ratio", "kid", "fvd_t", "fvd_t_ratio", "fvd_s", "fvd_s_ratio",
                                "f4d", "f4d_ratio"]  # fmt: skip
    assert set(rows["n"]) == {10} and rows["note"].str.contains("half of 20 real subjects").all()
    for metric in ("fid", "kid", "fvd_t", "fvd_s", "f4d"):
        row = rows.loc[metric]
        assert row["ci_low"] < row["value"] < row["ci_high"]
        assert row["value"] > row["floor"] + 3 * row["floor_sd"]
    assert rows.loc["fid_ratio", "value"] == pytest.approx(
        rows.loc["fid", "value"] / rows.loc["fid", "floor"]
    )
    assert rows.loc["fid", "value"] == pytest.approx(6 * 2.0**2, rel=0.4)  # six dimensions, each shifted by 2


def test_at_endless_n_where_there_are_subjects_enough() -> None:
    real, far = feature_set(50), feature_set(60, shift=2.0, seed=1)
    rows = measure_distances(
        real, far, {"real train": real.subjects}, Measurement(FIELDS, SETTINGS)
    ).set_index("metric")
    # 8 x 6 subjects for six features; F4D's 12 need twice as many.
    endless = rows.loc["fid_extrapolated"]
    assert endless["status"] == "ok" and endless["n"] == 50
    assert endless["definition"] == "frechet.frames.v1/extrapolated.v2"
    assert 0 < endless["value"] < rows.loc["fid", "value"]
    refused = rows.loc["f4d_extrapolated"]
    assert refused["status"] == "not_measured" and "50 subjects and 12 features" in refused["note"]
    # Of 20 subjects 12 rows each are no more subjects.
    few = measure_distances(
        feature_set(20), far, {"real train": feature_set(20).subjects}, Measurement(FIELDS, SETTINGS)
    )
    assert "20 subjects" in few.set_index("metric").loc["fid_extrapolated", "note"]


def test_a_cohort_without_thirds_of_the_stack_is_named_and_not_left_out() -> None:
    """Real stacks of three slices, synthetic ones of two."""
    real, made = feature_set(20), feature_set(30, seed=1)
    real = replace(real, features={**real.features, "basal": [rows[:4] for rows in real.features["frames"]]})
    for first, second, said in ((real, made, "20 real and 0 synthetic"), (made, real, "0 real and 20 synth")):
        rows = measure_distances(first, second, {"all": first.subjects}, Measurement(FIELDS, SETTINGS))
        own = rows[rows["metric"].str.startswith("fid_basal")].set_index("metric")
        assert list(own.index) == ["fid_basal", "fid_basal_ratio", "fid_basal_extrapolated"]
        assert set(own["status"]) == {"not_measured"} and said in own.loc["fid_basal", "note"]


def test_one_distribution_is_at_its_floor() -> None:
    rows = measure(feature_set(40), feature_set(20, seed=1))
    assert rows.loc["fid_ratio", "value"] == pytest.approx(1, abs=0.5)
    assert (rows["n"] == 20).all() and (rows["note"] == "").all()


def test_the_same_subjects_twice_give_the_library_functions() -> None:
    # With as many draws as subjects nothing is random: 2 of 4 real subjects against 2 of 2.
    real, other = feature_set(4), feature_set(2, seed=3)
    rows = measure(real, other, EvaluationSettings(splits=40))
    values = {name: [] for name in ("fid", "kid")}
    stacked = np.concatenate(other.features["frames"])
    rng = np.random.default_rng(0)
    for _ in range(40):
        order = rng.permutation(4)
        rng.permutation(2)
        half = np.concatenate([real.features["frames"][i] for i in order[:2]])
        values["fid"].append(frechet_distance(half, stacked))
        values["kid"].append(kernel_distance(half, stacked))
    for metric, expected in values.items():
        assert rows.loc[metric, "value"] == pytest.approx(np.mean(expected), rel=1e-9)


def test_too_few_subjects_are_not_measured() -> None:
    rows = measure(feature_set(3), feature_set(9, seed=1))
    assert set(rows["status"]) == {"not_measured"} and rows["note"].str.contains("3 real").all()


def test_same_seed_same_rows_whatever_the_scale_of_whitened_features() -> None:
    def whitened(features: FeatureSet, scale: np.ndarray) -> FeatureSet:
        scaled = {kind: [rows * scale for rows in arrays] for kind, arrays in features.features.items()}
        return FeatureSet(features.subjects, scaled, "made", whiten=True)

    one = np.full(6, 1.0)
    first = measure(whitened(feature_set(12), one), whitened(feature_set(12, 0.5, 1), one))
    again = measure(whitened(feature_set(12), one), whitened(feature_set(12, 0.5, 1), one))
    larger = measure(whitened(feature_set(12), 9 * one), whitened(feature_set(12, 0.5, 1), 9 * one))
    pd.testing.assert_frame_equal(first, again)
    assert larger["value"].to_numpy() == pytest.approx(first["value"].to_numpy(), rel=1e-6)


def test_whitening_without_ridge_gives_unit_covariance() -> None:
    features = np.random.default_rng(0).normal(size=(50, 4)) @ np.diag([10, 1, 0.1, 0.01]) + 5
    centre, matrix = fit_whitening(features, ridge=0.0)
    assert np.cov((features - centre) @ matrix, rowvar=False) == pytest.approx(np.eye(4), abs=1e-8)


def test_features_of_two_extractors_are_refused() -> None:
    with pytest.raises(ValueError, match="two extractors"):
        measure(feature_set(6), feature_set(6, extractor="other"))


def test_files_keep_everything_and_equal_features_are_equal_bytes(tmp_path: Path) -> None:
    features = feature_set(5)
    features.write(tmp_path / "a.npz")
    features.write(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    read = read_features(tmp_path / "a.npz")
    assert read.subjects == features.subjects and read.extractor == "made"
    for kind, arrays in features.features.items():
        for ours, theirs in zip(read.features[kind], arrays, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    content = (tmp_path / "a.npz").read_bytes()
    for number, damaged in enumerate(
        (b"PK no", b"", content[:-9], content.replace("made".encode("utf-32-le"), "mace".encode("utf-32-le")))
    ):
        (tmp_path / f"{number}.npz").write_bytes(damaged)
        with pytest.raises(SynthaugError, match="extract the features again"):
            read_features(tmp_path / f"{number}.npz")
    (tmp_path / "c.npz").write_bytes(b"PK no")
    with pytest.raises(SynthaugError, match="extract the features again"):
        read_features(tmp_path / "c.npz")


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    folder, rng = tmp_path / "cohort", np.random.default_rng(0)
    rows = []
    for subject, slices in (("a", 4), ("b", 5)):
        write_subject(folder / f"sub-{subject}", rng.random((6, slices, 16, 16)), {}, (10, 2, 2))
        rows.append({"subject": subject, "n_frames": 6, "n_slices": slices})
    write_cohort(folder, "made", "real", rows, (10, 2, 2))
    return Cohort.open(folder)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = MaskedAutoencoder(MODEL, Grid(6, 5, 16, 16, (10.0, 2.0, 2.0)), {})
    path = tmp_path / "model.safetensors"
    save_model(path, model, MODEL.model_dump(mode="json"), ["a", "x"], 0, {})
    return path


def test_study_extractor_kinds_rows_and_identity(cohort: Cohort, weights: Path, tmp_path: Path) -> None:
    settings = StudyExtractorSettings(kind="study", model="features")
    extract_features(cohort, settings, tmp_path / "f.npz", weights)
    features = read_features(tmp_path / "f.npz")
    assert features.subjects == ("a", "b") and features.seen == ("a", "x") and features.whiten
    assert sha256_file(weights)[:12] in features.extractor
    shapes = {kind: [rows.shape for rows in arrays] for kind, arrays in features.features.items()}
    assert shapes == {
        "frames": [(24, 24), (30, 24)],
        "temporal": [(4, 24), (5, 24)],
        "spatial": [(6, 24), (6, 24)],
        "basal": [(12, 24), (12, 24)],  # 2 of 4 and of 5 slices, in each of 6 frames
        "middle": [(6, 24), (12, 24)],
        "apical": [(6, 24), (6, 24)],
    }
    alone = cohort.select(["b"])
    extract_features(alone, settings, tmp_path / "g.npz", weights)
    np.testing.assert_allclose(
        read_features(tmp_path / "g.npz").features["temporal"][0], features.features["temporal"][1], atol=1e-5
    )


def test_features_tell_time_from_slices_and_feel_their_order(weights: Path) -> None:
    from synthaug.features.study import StudyExtractor

    cine = np.random.default_rng(1).random((6, 5, 16, 16)).astype(np.float32)
    extractor = StudyExtractor(weights)
    plain, shuffled = extractor.extract(cine), extractor.extract(cine[[0, 3, 1, 5, 2, 4]])
    assert np.abs(plain["temporal"] - shuffled["temporal"]).max() > 1e-3
    # A frame's own features do not know when it was.
    np.testing.assert_allclose(shuffled["spatial"], plain["spatial"][[0, 3, 1, 5, 2, 4]], atol=1e-5)


def test_absent_extractors_are_a_status(cohort: Cohort, tmp_path: Path) -> None:
    for settings in (
        StudyExtractorSettings(kind="study", model="features"),
        InceptionExtractorSettings(kind="inception"),
        InceptionExtractorSettings(kind="inception", weights=str(tmp_path / "none.pth"), sha256="0" * 64),
    ):
        extract_features(cohort, settings, tmp_path / "f.npz")
        absent = read_features(tmp_path / "f.npz")
        rows = measure_distances(absent, absent, {"real train": ["a", "b"]}, Measurement(FIELDS, SETTINGS))
        assert {"fid", "kid", "fvd_t", "fvd_s", "f4d", "fid_apical"} <= set(rows["metric"])
        assert set(rows["status"]) == {"extractor_absent"} and rows["value"].isna().all()
        assert (rows["note"].str.len() > 20).all() and set(rows["extractor"]) == {settings.kind}


def test_inception_is_the_network_of_pytorch_fid(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid import inception

    from synthaug.features.inception import InceptionExtractor, build_network

    torch.manual_seed(0)
    state = build_network().state_dict()
    state |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    path = tmp_path / "inception.pth"
    torch.save(state, path)
    with pytest.raises(SynthaugError, match="check the file"):
        InceptionExtractor(path, "0" * 64)
    cine = cohort.cine("a")[:1, :2]
    ours = InceptionExtractor(path, sha256_file(path)).extract(cine)["frames"]
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: state)
    reference = inception.InceptionV3([3]).eval()
    with torch.inference_mode():
        theirs = reference(torch.from_numpy(cine[0][:, None]).expand(-1, 3, -1, -1))[0][..., 0, 0].numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert ours.shape == (2, 2048)


def test_inception_measures_frames_only() -> None:
    features = feature_set(8)
    frames = FeatureSet(features.subjects, {"frames": features.features["frames"]}, "inception")
    assert list(measure(frames, frames).index) == ["fid", "fid_ratio", "kid"]


def test_images_by_thirds_of_the_stack():
    frames, n_slices = np.arange(2 * 5)[:, None].astype(float), 5  # two frames of five slices
    found = with_thirds({"frames": frames}, n_slices)
    assert found["basal"].ravel().tolist() == [0, 1, 5, 6]
    assert found["middle"].ravel().tolist() == [2, 3, 7, 8]
    assert found["apical"].ravel().tolist() == [4, 9]
    assert set(with_thirds({"frames": frames}, 2)) == {"frames"}
