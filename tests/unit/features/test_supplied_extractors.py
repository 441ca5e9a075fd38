"""Networks the user supplies: checked files, hand-computed inputs, clear refusals, equal bytes."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from synthaug.config.features import ExtractorSettings
from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features import ExtractorAbsent, extract_features, make_extractor, read_features
from synthaug.features.preprocessing import Preprocessing, spatial_clips, temporal_clips
from synthaug.features.torchvision_video import find_classifier


class ImageMeans(nn.Module):
    """(n, c, y, x) -> (n, c): the mean of each channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


class ClipMeans(nn.Module):
    """(n, c, t, y, x) -> (n, c): the mean over space and time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3, 4))


class FrameMeans(nn.Module):
    """(n, c, t, y, x) -> (n, t): the mean of each frame, so that resampling can be read off."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(1, 3, 4))


class Unpooled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=1)


class TwoChannels(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3)) @ x.new_ones(2, 2)


class NotFinite(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3)) / 0


class LikeI3D(nn.Module):
    """The call of StyleGAN-V's I3D: 400 values, which say what came in."""

    def forward(
        self, x: torch.Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> torch.Tensor:
        assert not rescale and not resize and return_features
        assert x.shape[1] == 3 and x.shape[2] >= 10 and x.shape[3] == 224 and x.shape[4] == 224
        return torch.cat([x.mean(dim=(1, 3, 4)), x.new_zeros(x.shape[0], 400 - x.shape[2])], dim=1)


def save(module: nn.Module, path: Path) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(module).save(str(path))
    return {"weights": str(path), "sha256": sha256_file(path)}


def settings(**content: Any) -> ExtractorSettings:
    return TypeAdapter(ExtractorSettings).validate_python(content)


def torchscript(path: Path, module: nn.Module, **content: Any) -> ExtractorSettings:
    return settings(kind="torchscript", **save(module, path), **content)


VIDEO = {"input": "video", "size": (4, 4), "channels": 1, "mean": (0.0,), "deviation": (1.0,)}
#: Two frames of three slices, each of one grey.
GREYS = np.array([[0.0, 0.2, 0.4], [0.6, 0.8, 0.2]], np.float32)


def cine_of(greys: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(greys[..., None, None], (*greys.shape, 6, 6)))


def test_clips_are_cyclic_in_time_and_end_at_the_last_slice() -> None:
    cine = cine_of(GREYS)
    temporal, spatial = temporal_clips(cine, 4), spatial_clips(cine, 5)
    assert temporal.shape == (3, 4, 6, 6) and spatial.shape == (2, 5, 6, 6)
    np.testing.assert_allclose(temporal[0, :, 0, 0], [0, 0.3, 0.6, 0.3], atol=1e-6)
    np.testing.assert_allclose(spatial[0, :, 0, 0], [0, 0.1, 0.2, 0.3, 0.4], atol=1e-6)
    np.testing.assert_array_equal(temporal_clips(cine, 2), cine.swapaxes(0, 1))
    np.testing.assert_array_equal(spatial_clips(cine, 3), cine)
    one_slice = spatial_clips(cine[:, :1], 5)
    np.testing.assert_array_equal(one_slice, np.repeat(cine[:, :1], 5, axis=1))


def test_video_network_sees_every_slice_in_time_and_every_frame_in_depth(tmp_path: Path) -> None:
    frames = make_extractor(torchscript(tmp_path / "frames.pt", FrameMeans(), frames=4, **VIDEO))
    features = frames.extract(cine_of(GREYS))
    assert set(features) == {"temporal", "spatial"}
    np.testing.assert_allclose(
        features["temporal"], [[0, 0.3, 0.6, 0.3], [0.2, 0.5, 0.8, 0.5], [0.4, 0.3, 0.2, 0.3]], atol=1e-6
    )
    np.testing.assert_allclose(features["spatial"][0], np.arange(4) * 0.4 / 3, atol=1e-6)
    means = make_extractor(torchscript(tmp_path / "means.pt", ClipMeans(), frames=4, **VIDEO))
    np.testing.assert_allclose(means.extract(cine_of(GREYS))["temporal"], [[0.3], [0.5], [0.3]], atol=1e-6)


def test_image_network_sees_every_image_normalised_for_each_channel(tmp_path: Path) -> None:
    plain = make_extractor(torchscript(tmp_path / "n.pt", ImageMeans(), input="image", size=(8, 4)))
    features = plain.extract(cine_of(GREYS))
    assert set(features) == {"frames"}
    np.testing.assert_allclose(features["frames"], np.repeat(2 * GREYS.reshape(6, 1) - 1, 3, 1), atol=1e-6)
    colours = make_extractor(
        torchscript(
            tmp_path / "n.pt",
            ImageMeans(),
            input="image",
            size=(8, 4),
            mean=(0, 0.1, 0.2),
            deviation=(1, 2, 4),
        )
    )
    np.testing.assert_allclose(
        colours.extract(cine_of(GREYS))["frames"],
        (GREYS.reshape(6, 1) - [0, 0.1, 0.2]) / [1, 2, 4],
        atol=1e-6,
    )
    assert plain.id != colours.id and plain.id.startswith("n-" + sha256_file(tmp_path / "n.pt")[:12])


def test_antialiasing_averages_what_a_plain_resize_skips() -> None:
    stripes = torch.zeros(1, 16, 16)
    stripes[:, :, ::8] = 1.0  # one column in eight: none lies where 2 samples of 16 are taken
    plain, smooth = (
        Preprocessing((2, 2), 1, (0.0,), (1.0,), antialias=antialias) for antialias in (False, True)
    )
    assert float(plain.prepare(stripes).max()) == 0
    assert float(smooth.prepare(stripes).mean()) == pytest.approx(1 / 8, abs=0.03)
    assert str(plain) != str(smooth)


def test_every_setting_that_changes_features_changes_the_identity(tmp_path: Path) -> None:
    path, base = tmp_path / "n.pt", {**VIDEO, "frames": 4}
    changes = ({}, {"frames": 5}, {"size": (4, 5)}, {"channels": 3}, {"mean": (0.12345678,)},
               {"mean": (0.12345679,)}, {"deviation": (2.0,)}, {"resize_antialias": True})  # fmt: skip
    ids = {make_extractor(torchscript(path, ClipMeans(), **base | change)).id for change in changes}
    assert len(ids) == len(changes)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Unpooled(), r"\(2, 3, 8, 8\) the network makes \(2, 8, 8\), not \(2, d\)"),
        (TwoChannels(), r"fails on an input of shape \(2, 3, 8, 8\) \(RuntimeError: .*cannot be multiplied"),
        (NotFinite(), "not finite"),
    ],
)
def test_networks_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, module: nn.Module, message: str
) -> None:
    extractor = make_extractor(torchscript(tmp_path / "n.pt", module, input="image", size=(8, 8)))
    with pytest.raises(SynthaugError, match=message) as refused:
        extractor.extract(cine_of(GREYS[:1, :2]))
    assert "\n" not in str(refused.value) and "n.pt" in str(refused.value)


def test_i3d_gets_ten_frames_of_a_shorter_beat_and_is_another_extractor_than_its_file(tmp_path: Path) -> None:
    path = tmp_path / "i3d-x.pt"
    file = save(LikeI3D(), path)
    i3d = make_extractor(settings(kind="i3d", frames=10, **file))
    features = i3d.extract(cine_of(GREYS[:, :2]))
    assert features["temporal"].shape == features["spatial"].shape == (2, 400)
    # 2 frames become 10: five steps from 0 to 0.6 and five back, then [0, 1] becomes [-1, 1].
    beat = 0.6 * np.array([0, 1, 2, 3, 4, 5, 4, 3, 2, 1]) / 5
    np.testing.assert_allclose(features["temporal"][0, :10], 2 * beat - 1, atol=1e-5)
    plain = make_extractor(settings(kind="torchscript", **file, input="video", frames=10, size=(224, 224)))
    assert plain.id != i3d.id and sha256_file(path)[:12] in i3d.id
    with pytest.raises(ValidationError, match="greater than or equal to 10"):
        settings(kind="i3d", frames=9)


def test_nothing_is_read_before_its_hash_was_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "n.pt"
    save(ClipMeans(), path)

    def reads(*_: Any, **__: Any) -> None:
        raise AssertionError("read a file with another hash")

    monkeypatch.setattr(torch.jit, "load", reads)
    monkeypatch.setattr(torch, "load", reads)
    wrong = {"weights": str(path), "sha256": "0" * 64}
    for other in (
        settings(kind="torchscript", input="image", size=(8, 8), **wrong),
        settings(kind="i3d", **wrong),
        settings(kind="torchvision", network="r3d_18", **wrong),
    ):
        with pytest.raises(SynthaugError, match="check the file"):
            make_extractor(other)
    with pytest.raises(ValidationError, match="go together"):
        settings(kind="torchscript", input="image", size=(8, 8), weights=str(path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"<html>not found</html>")
    file = {"weights": str(junk), "sha256": sha256_file(junk)}
    for other, message in (
        (settings(kind="i3d", **file), "not a TorchScript file"),
        (settings(kind="torchvision", network="r3d_18", **file), "does not fit torchvision's r3d_18"),
        (settings(kind="inception", **file), "does not fit the Inception network"),
    ):
        with pytest.raises(SynthaugError, match=message) as refused:
            make_extractor(other)
        assert "\n" not in str(refused.value)


def test_absent_files_are_a_status(cohort: Cohort, tmp_path: Path) -> None:
    gone = {"weights": str(tmp_path / "gone.pt"), "sha256": "0" * 64}
    for content in (
        {"kind": "torchscript", "input": "image", "size": (8, 8)},
        {"kind": "i3d"},
        {"kind": "torchvision", "network": "mvit_v2_s"},
    ):
        for file, where in (({}, "no weights are configured"), (gone, "gone.pt does not exist")):
            with pytest.raises(ExtractorAbsent, match=f"{where}; .*set `weights` and `sha256`"):
                make_extractor(settings(**content, **file))
        extract_features(cohort, settings(**content), tmp_path / "f.npz")
        absent = read_features(tmp_path / "f.npz")
        assert absent.absent and absent.extractor == content["kind"]


def test_settings_say_what_does_not_go_together() -> None:
    image = {"kind": "torchscript", "input": "image", "size": (8, 8)}
    for change, message in (
        ({"frames": 8}, "frames is needed with input: video, and only there"),
        ({"input": "video"}, "frames is needed with input: video, and only there"),
        ({"mean": (0.1, 0.2)}, "one number or one for each of 3 channels"),
        ({"channels": 1, "deviation": (1, 1, 1)}, "one number or one for each of 1 channels"),
        ({"deviation": (0.0,)}, "greater than 0"),
        ({"size": (0, 8)}, "greater than or equal to 1"),
    ):
        with pytest.raises(ValidationError, match=message):
            settings(**image | change)


def test_torchvision_gives_the_layer_before_the_classifier(tmp_path: Path) -> None:
    from torchvision.models.video import r3d_18

    torch.manual_seed(0)
    network, path = r3d_18(num_classes=7).eval(), tmp_path / "r3d.pth"
    torch.save(network.state_dict(), path)
    content = {"kind": "torchvision", "network": "r3d_18", "frames": 4, "size": (16, 16)}
    file = {"weights": str(path), "sha256": sha256_file(path)}
    extractor = make_extractor(settings(**content, **file))
    cine = np.random.default_rng(0).random((4, 2, 16, 16), np.float32)
    features = extractor.extract(cine)
    assert features["temporal"].shape == (2, 512) and features["spatial"].shape == (4, 512)
    assert extractor.id.startswith(f"r3d_18-{file['sha256'][:12]}-4x16x16x3-mean0.43216,")

    # The classifier's own scores follow from them, of an input that was normalised by hand.
    mean, deviation = (
        torch.tensor(values).reshape(3, 1, 1, 1)
        for values in ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989))
    )
    clips = (torch.from_numpy(cine).transpose(0, 1)[:, None].expand(-1, 3, -1, -1, -1) - mean) / deviation
    with torch.inference_mode():
        device = next(extractor.network.parameters()).device
        scores = network.to(device)(clips.to(device))
        ours = network.fc(torch.from_numpy(features["temporal"]).to(device))
    torch.testing.assert_close(ours, scores, rtol=1e-4, atol=1e-4)

    state = network.cpu().state_dict()
    del state["stem.0.weight"]
    torch.save(state, path)
    file["sha256"] = sha256_file(path)
    with pytest.raises(SynthaugError, match=r"does not fit torchvision's r3d_18 .*stem\.0\.weight"):
        make_extractor(settings(**content, **file))
    path.unlink()


def test_torchvision_classifiers_are_found_and_unknown_networks_refused() -> None:
    from torchvision.models import get_model

    expected = {"r3d_18": "fc", "mc3_18": "fc", "r2plus1d_18": "fc", "mvit_v2_s": "head", "swin3d_t": "head"}
    with torch.device("meta"):  # no weights in memory
        for name, classifier in expected.items():
            assert find_classifier(get_model(name), name) == classifier
    with pytest.raises(SynthaugError, match="classifier of mine is not known"):
        find_classifier(nn.Linear(2, 2), "mine")
    with pytest.raises(SynthaugError, match=r"no video network 'r3d_19'; set `network` to one of .*r3d_18"):
        make_extractor(settings(kind="torchvision", network="r3d_19"))


def make_cohort(folder: Path, seed: int = 0) -> Cohort:
    rng = np.random.default_rng(seed)
    rows = []
    for subject, slices in (("a", 4), ("b", 5)):
        write_subject(folder / f"sub-{subject}", rng.random((6, slices, 16, 16)), {}, (10, 2, 2))
        rows.append({"subject": subject, "n_frames": 6, "n_slices": slices})
    write_cohort(folder, "made", "real", rows, (10, 2, 2))
    return Cohort.open(folder)


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return make_cohort(tmp_path / "cohort")


class Convolution(nn.Module):
    """A video network whose kernels a compiler could fuse."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(3, 5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.convolution(x)).mul(1.7).exp().mean(dim=(2, 3, 4))


def test_equal_cohorts_and_equal_extractors_give_equal_bytes(cohort: Cohort, tmp_path: Path) -> None:
    torch.manual_seed(0)
    video = {"input": "video", "size": (12, 12), "frames": 7}
    here = torchscript(tmp_path / "net.pt", Convolution(), **video)
    (tmp_path / "elsewhere").mkdir()
    copied = shutil.copy(tmp_path / "net.pt", tmp_path / "elsewhere" / "net.pt")
    there = here.model_copy(update={"weights": copied})
    assert make_extractor(here).id == make_extractor(there).id
    twin = make_cohort(tmp_path / "twin")

    extract_features(cohort, here, tmp_path / "a.npz")
    extract_features(twin, there, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    # Nor does a subject's answer depend on who came before it.
    extract_features(twin.select(["b"]), there, tmp_path / "c.npz")
    both, alone = read_features(tmp_path / "a.npz"), read_features(tmp_path / "c.npz")
    for kind in ("temporal", "spatial"):
        np.testing.assert_array_equal(alone.features[kind][0], both.features[kind][1])

    extract_features(make_cohort(tmp_path / "other", seed=1), here, tmp_path / "d.npz")
    assert (tmp_path / "a.npz").read_bytes() != (tmp_path / "d.npz").read_bytes()
