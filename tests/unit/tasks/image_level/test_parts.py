"""Parts of the image tasks: clips, linear probe, forest, augmentation, drawing, and a step on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from fake_training import step_once
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.training import TrainingSettings
from synthaug.core.errors import SynthaugError
from synthaug.models.base import Grid
from synthaug.networks.masked_autoencoder import MaskedAutoencoderNetwork
from synthaug.networks.subject_encoder import SubjectEncoder
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.tasks.classical_augmentation import augment, augment_cine
from synthaug.tasks.image_level.clips import clips_of
from synthaug.tasks.image_level.forest import Forest
from synthaug.tasks.image_level.linear_probe import fit_probe
from synthaug.tasks.image_level.models import FineTuning, Pretraining, augment_clips
from synthaug.tasks.image_level.network_training import drawing
from synthaug.tasks.image_level.phenotype_columns import enlarged
from synthaug.tasks.image_level.targets import Classes, Phenotypes, Targets
from synthaug.tasks.sampling import UNIFORM, Sampling
from synthaug.training.schedule import draw_indices

SIZES = MaskedAutoencoderSettings(
    kind="masked_autoencoder",
    patch=(4, 4, 4),
    width=24,
    depth=1,
    heads=2,
    decoder_width=12,
    decoder_depth=1,
    order_weight=0.3,
)
CLASSES = Classes({"NOR": ["NOR"], "DCM": ["DCM"], "HCM": ["HCM"]})
PHENOTYPES = Phenotypes({"lv_edv_ml": {"mean": 150.0, "sd": 30.0}, "lv_ef": {"mean": 60.0, "sd": 8.0}})


def test_clips_are_evenly_spaced_slices_along_time() -> None:
    cine = np.zeros((4, 7, 8, 8), np.float32) + np.arange(7, dtype=np.float32)[:, None, None] / 10
    clips = clips_of(cine, {"clips": [3, 4, 8, 8]})
    assert clips.shape == (3, 4, 8, 8) and clips[:, 0, 0, 0] == pytest.approx([0, 0.3, 0.6])
    # A shorter stack repeats slices; two frames of four are every other one.
    beating = np.zeros((4, 2, 8, 8), np.float32) + np.arange(4, dtype=np.float32)[:, None, None, None] / 10
    clips = clips_of(beating, {"clips": [4, 2, 4, 4]})
    assert clips.shape == (4, 2, 4, 4) and clips[0, :, 0, 0] == pytest.approx([0, 0.2])


def test_the_vector_of_a_subject_knows_the_height_but_not_the_order_of_its_slices() -> None:
    torch.manual_seed(0)
    network = SubjectEncoder(MaskedAutoencoderNetwork((4, 4, 4), 24, 1, 2, 12, 1), 3).eval()
    clips = torch.rand(2, 3, 4, 8, 8)
    with torch.no_grad():
        vectors = network.describe(clips, torch.tensor([1.0, 2.0]))
        assert torch.allclose(vectors[0, :24], vectors[0, 24:])
        assert torch.allclose(2 * vectors[1, :24], vectors[1, 24:])
        assert torch.allclose(network.describe(clips.flip(1), torch.tensor([1.0, 2.0])), vectors, atol=1e-5)
        assert not network(clips, torch.ones(2)).any()  # starts without an opinion
    trained = {name for name, value in network.named_parameters() if value.requires_grad}
    assert trained and not any("decoder" in name or "predict" in name for name in trained)


def test_vectors_are_standardised_by_those_of_training_subjects() -> None:
    torch.manual_seed(0)
    network = SubjectEncoder(MaskedAutoencoderNetwork((4, 4, 4), 2, 1, 1, 2, 1), 3).eval()
    # Columns deviate by 3, 1, 0 and 0 around 5, 0, 7 and 0: the mean deviation is 1, a tenth of it is added to each.
    given = torch.tensor([[8.0, 1.0, 7.0, 0.0], [2.0, -1.0, 7.0, 0.0]])
    network.standardise_by(given)
    assert network.centre.tolist() == [5, 0, 7, 0]
    assert network.deviation.tolist() == pytest.approx([3.1, 1.1, 0.1, 0.1])
    clips, heights = torch.rand(1, 1, 4, 8, 8), torch.tensor([2.0])
    plain = SubjectEncoder(network.encoder, 3).eval()
    with torch.no_grad():
        expected = (plain.describe(clips, heights) - network.centre) / network.deviation
        assert torch.equal(network.describe(clips, heights), expected)
    network.standardise_by(given[:1])  # a single subject: nothing varies
    assert network.deviation.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("present", [[0, 1, 2], [0, 2]])
def test_a_probe_is_logistic_regression_on_standardised_features(present: list[int]) -> None:
    random = np.random.default_rng(0)
    numbers = np.array(present)[np.arange(30) % len(present)]
    features = random.normal(3, 2, (30, 4)) + numbers[:, None]
    weights = random.uniform(0.5, 1.5, 30)
    weight, bias = fit_probe(CLASSES, features, numbers[:, None].astype(float), weights, 2.0)
    found = CLASSES.predictions(features @ weight.T + bias)
    scaled = StandardScaler().fit_transform(features)
    model = LogisticRegression(C=0.5, max_iter=10_000).fit(scaled, numbers, weights)
    assert found[:, present] == pytest.approx(model.predict_proba(scaled), abs=1e-3)
    absent = [k for k in range(3) if k not in present]
    assert not found[:, absent].any()


def test_a_probe_is_ridge_regression_on_the_subjects_with_the_phenotype() -> None:
    random = np.random.default_rng(0)
    features = random.normal(0, 1, (30, 4))
    values = features[:, :2] + random.normal(0, 0.1, (30, 2))
    values[:10, 1] = np.nan
    weight, bias = fit_probe(PHENOTYPES, features, values, np.ones(30), 1.0)
    scaled = StandardScaler().fit_transform(features)
    model = Ridge(alpha=1.0).fit(scaled[10:], values[10:, 1])
    assert features @ weight[1] + bias[1] == pytest.approx(model.predict(scaled), abs=1e-4)


@pytest.mark.parametrize(
    ("targets", "values", "message"),
    [
        (CLASSES, np.zeros((4, 1)), "all labelled subjects of the arm are of class 'NOR'"),
        (PHENOTYPES, np.array([[0.0, np.nan]] * 4), "lv_ef is known of no labelled subject"),
    ],
)
def test_a_probe_refuses_what_it_cannot_learn(targets: Targets, values: np.ndarray, message: str) -> None:
    with pytest.raises(SynthaugError, match=message):
        fit_probe(targets, np.eye(4), values, np.ones(4), 1.0)


def test_a_forest_leaves_missing_phenotypes_missing() -> None:
    """The class is whether the phenotype is known: an imputed value would hide it."""
    features = np.array([[1.0], [np.nan]] * 10)
    values = np.array([[0.0], [1.0]] * 10)
    forest = Forest(CLASSES, features, values, np.ones(20), trees=10, seed=0)
    assert forest.predict(np.array([[1.0], [np.nan]])).argmax(axis=1).tolist() == [0, 1]
    other = Forest(CLASSES, features, values, np.ones(20), trees=10, seed=1)
    again = Forest(CLASSES, features, values, np.ones(20), trees=10, seed=0)
    assert forest.fingerprint == again.fingerprint
    assert other.predict(features).shape == (20, 3) and not other.predict(features)[:, 2].any()


def test_losses() -> None:
    """Cross-entropy of equal logits is log 3; squared errors count where the phenotype is known."""
    logits = torch.zeros(2, 3)
    assert float(CLASSES.loss(logits, torch.tensor([[0.0], [2.0]]))) == pytest.approx(np.log(3))
    outputs = torch.tensor([[1.0, 5.0], [2.0, 3.0]])
    values = torch.tensor([[0.0, float("nan")], [0.0, 0.0]])
    assert float(PHENOTYPES.loss(outputs, values)) == pytest.approx((1 + 4 + 9) / 3)
    assert PHENOTYPES.predictions(np.array([[1.0, -1.0]]))[0] == pytest.approx([180, 52])


def test_phenotypes_grow_with_the_heart() -> None:
    """A volume by the square of an in-plane enlargement, an ejection fraction not at all, an own one unknown."""
    found = enlarged(np.array([100.0, 60.0, 3.0]), ["lv_edv_ml", "lv_ef", "grip"], 1.1)
    assert found[:2] == pytest.approx([121, 60]) and np.isnan(found[2])


def test_classical_augmentation_moves_all_frames_alike() -> None:
    plane = np.zeros((24, 24), np.float32)
    plane[8:16, 9:15] = 0.9
    cine = np.stack([np.stack([plane] * 2)] * 3)
    moved, scale = augment_cine(cine, np.random.default_rng(5))
    assert moved.shape == cine.shape and moved.dtype == np.float32 and 0.9 <= scale <= 1.1
    centres = [np.argwhere(volume[0] > 0.4).mean(axis=0) for volume in moved]
    assert np.ptp(centres, axis=0).max() < 0.5
    area = (moved > 0.45).sum() / (cine > 0.45).sum()
    assert area == pytest.approx(scale**2, rel=0.25)
    # One frame by itself is moved in the same way.
    _, labels = augment(cine[0], (cine[0] > 0).astype(np.uint8), np.random.default_rng(5))
    assert ((moved[0] > 0.45) == labels.astype(bool)).mean() > 0.95


def test_augmentation_in_fine_tuning_keeps_sizes() -> None:
    y, x = np.indices((64, 48)) - np.array([31.5, 23.5])[:, None, None]
    inside = np.hypot(y / 1.5, x) < 12  # an ellipse, so that a skewed rotation would change its size
    disc = torch.from_numpy(inside.astype(np.float32)).expand(6, 2, 3, 64, 48)
    changed = augment_clips(disc, torch.Generator().manual_seed(0))
    assert changed.shape == disc.shape
    area = (changed > 0.4).float().sum(dim=(-2, -1))
    assert (area / inside.sum() - 1).abs().max() < 0.08  # of the edge, gamma and brightness move half a pixel
    assert torch.equal(changed[:, :1, :1].expand_as(changed), changed)  # slices and frames alike
    again = augment_clips(disc, torch.Generator().manual_seed(0))
    assert torch.equal(again, changed) and not torch.equal(changed[0], changed[1])


def test_drawing() -> None:
    sources = ["real"] * 2 + ["synthetic"] * 6
    assert drawing(UNIFORM, sources, 10) is draw_indices
    draw = drawing(Sampling(real_share=0.75), sources, 10)
    drawn = [index for position in range(200) for index in draw(8, 8, position, 3)]
    assert np.mean(np.array(drawn) < 2) == pytest.approx(0.75, abs=0.05)
    assert draw(8, 8, 5, 3) == draw(8, 8, 5, 3) != draw(8, 8, 5, 4)
    first = drawing(Sampling(pretrain=0.5), sources, 10)
    assert min(first(8, 50, 4, 0)) >= 2 and max(first(8, 50, 5, 0)) < 2


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", ["pretraining", "classification", "regression"])
def test_a_step_and_a_use_stay_on_the_gpu(kind: str, half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of every other model: `tests/unit/models/test_fake_cuda.py`; forward, backward, optimiser, average, checkpoint."""
    images = np.random.default_rng(0).random((4, 3, 4, 8, 8)).astype(np.float16)
    grid, rows = Grid(4, 3, 8, 8, (1.0, 1.0, 1.0)), np.arange(4)
    training = TrainingSettings(iterations=4, batch_size=2, warmup_iterations=1)
    with FakeCuda() as gpu:
        model: Any = Pretraining(SIZES, grid, images, rows)
        if kind != "pretraining":
            targets = CLASSES if kind == "classification" else PHENOTYPES
            values = np.array([[0.0], [1.0], [2.0], [0.0]])
            if kind == "regression":
                values = np.array([[0.1, np.nan], [0.2, 1.0], [np.nan, 0.0], [0.3, -1.0]])
            parts = (model.network, targets, images, rows, np.ones(4), values, True)
            model = FineTuning(SIZES, grid, *parts)
        move(model)
        before = gpu.copies, gpu.uploads
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        read = step_once(model, training, 3, ["a", "b", "c", "d"], monkeypatch, half, gpu)
        assert trained and all(part.grad is not None and part.grad.device.type == "cuda" for part in trained)
        if kind != "pretraining":
            with torch.no_grad():
                clips = torch.rand(2, 3, 4, 8, 8, device="cuda")
                assert model.network(clips, torch.ones(2, device="cuda")).device.type == "cuda"
        assert (gpu.copies, gpu.uploads) == before
    assert read and {(value.device.type, value.ndim) for value in read} == {("cuda", 0)}
