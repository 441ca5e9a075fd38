"""The autoencoders of slices through the cycle (2D+t): a closed cycle, codes that are used, terms that come late."""

from __future__ import annotations

import pytest
import torch
from tiny_models import settings_of, train, write_store
from torch import nn

from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid
from synthaug.models.sharpening import Adversary, Perception, ramp
from synthaug.models.slice_autoencoder import SliceAutoencoder
from synthaug.models.vq_autoencoder import VQAutoencoder
from synthaug.models.weights import load_model

GRID = Grid(8, 3, 16, 16, (10, 2, 2))
CLASSES = {"vq_autoencoder": VQAutoencoder, "slice_autoencoder": SliceAutoencoder}
OWN: dict[str, dict[str, int]] = {"vq_autoencoder": {"codes": 8}, "slice_autoencoder": {}}
both_kinds = pytest.mark.parametrize("kind", list(CLASSES))


def model(kind="vq_autoencoder", **changes):
    torch.manual_seed(0)
    content = {"kind": kind, "channels": [4, 8], "blocks": 1, "latent_channels": 2, **OWN[kind]}
    return CLASSES[kind](settings_of({**content, **changes}), GRID, {})


def everywhere(count=1):
    return torch.ones(count, 1, GRID.z, 1, 1)


@both_kinds
@torch.no_grad()
def test_latents_halve_time_and_plane_at_every_level_but_never_depth(kind):
    coder = model(kind).eval()
    mean, _ = coder.encode_cine(torch.rand(2, 8, 3, 16, 16), everywhere(2))
    assert mean.shape == (2, 2, *coder.latent_shape) == (2, 2, 2, 3, 4, 4)
    images, labels = coder.decode_cine(mean, everywhere(2))
    assert images.shape == labels.shape == (2, 8, 3, 16, 16) and labels.dtype == torch.uint8


@both_kinds
@torch.no_grad()
def test_a_cycle_that_starts_a_latent_frame_later_has_latents_that_do(kind):
    coder, cine = model(kind).eval(), torch.rand(1, 8, 3, 16, 16)
    mean, _ = coder.encode_cine(cine, everywhere())
    later, _ = coder.encode_cine(cine.roll(4, 1), everywhere())
    torch.testing.assert_close(later, mean.roll(1, 1), atol=1e-5, rtol=1e-4)
    images, _ = coder.decode_cine(mean, everywhere())
    torch.testing.assert_close(
        coder.decode_cine(later, everywhere())[0], images.roll(4, 1), atol=1e-5, rtol=1e-4
    )


@torch.no_grad()
def test_what_is_decoded_is_the_nearest_code():
    coder = model().eval()
    codes = coder.network.quantizer.quantizer.embedding.weight
    latents = codes[torch.randint(8, (1, 2, 3, 4, 4))].movedim(-1, 2)
    near = latents + 1e-3 * torch.randn(latents.shape)
    torch.testing.assert_close(
        coder.decode_cine(near, everywhere())[0], coder.decode_cine(latents, everywhere())[0]
    )


def test_codes_start_at_encoded_data_and_dead_ones_start_again():
    coder = model()
    quantizer, encoded = coder.network.quantizer.quantizer, torch.randn(1, 2, 2, 4, 4)
    vectors = {tuple(vector) for vector in encoded.movedim(1, -1).reshape(-1, 2).tolist()}
    coder._revive_codes(encoded, torch.Generator().manual_seed(0), iteration=0)
    assert all(tuple(code) in vectors for code in quantizer.embedding.weight.tolist())
    quantizer.ema_cluster_size[:] = torch.tensor([5.0] * 7 + [0.1])
    before = quantizer.embedding.weight.clone()
    coder._revive_codes(encoded + 10, torch.Generator().manual_seed(0), iteration=20)
    changed = (quantizer.embedding.weight != before).any(dim=1)
    assert changed.tolist() == [False] * 7 + [True] and quantizer.ema_cluster_size[7] == 1
    quantizer.ema_cluster_size[:] = 0
    coder._revive_codes(encoded, torch.Generator().manual_seed(0), iteration=1980)  # late, they stay
    assert (quantizer.ema_cluster_size == 0).all()


def test_codes_start_again_at_the_first_process_data_in_all(monkeypatch):
    """Each process has drawn from data of its own: the codebook is one."""
    coder = model()
    encoded = torch.zeros(1, coder.codebook.shape[1], 2, 4, 4)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "broadcast", lambda tensor, src: tensor.fill_(src + 7.0))
    coder._revive_codes(encoded, torch.Generator().manual_seed(0), iteration=0)
    assert (coder.codebook == 7).all() and (coder.network.quantizer.quantizer.ema_w == 7).all()


def test_perplexity_is_the_number_of_codes_used_alike():
    quantizer = model().eval().network.quantizer
    codes = quantizer.quantizer.embedding.weight[:4].T.reshape(1, 2, 4, 1, 1)
    quantizer(codes)
    assert float(quantizer.perplexity) == pytest.approx(4, rel=1e-4)
    quantizer(codes[:, :, :1].expand(-1, -1, 4, -1, -1))
    assert float(quantizer.perplexity) == pytest.approx(1, rel=1e-4)


def test_the_divergence_of_the_variational_kind_is_that_of_its_latents():
    coder, batch = model("slice_autoencoder", kl_weight=1.0), torch.rand(1, 2, 8, 16, 16)
    mean, log_variance = coder.encode_slices(2 * batch[0, :, None] - 1)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    ).mean()
    labels = torch.zeros(1, 2, 8, 16, 16, dtype=torch.uint8)
    total, terms = coder.loss({"cines": batch, "labels": labels}, torch.Generator().manual_seed(0), 0)
    torch.testing.assert_close(terms["kl"], expected.detach())
    total.backward()
    assert all(parameter.grad is not None for parameter in coder.encoder.parameters())


def test_the_latents_of_the_paper_are_eight_times_smaller_in_plane_and_two_in_time():
    strides = [[1, 2, 2], [1, 2, 2], [2, 2, 2]]
    content = {"kind": "slice_autoencoder", "channels": [4, 4, 4], "blocks": 1, "latent_channels": 16}
    coder = SliceAutoencoder(
        settings_of({**content, "strides": strides}), Grid(50, 1, 96, 96, (10, 2, 2)), {}
    )
    with torch.no_grad():
        mean, _ = coder.encode_cine(torch.rand(1, 50, 1, 96, 96), torch.ones(1, 1, 1, 1, 1))
    assert mean.shape == (1, 25, 16, 1, 12, 12)


def test_training_logs_the_codebook_and_the_late_terms(tmp_path):
    store = write_store(tmp_path / "store")
    changes = {"adversarial_weight": 0.1, "late_from": 0.0}
    weights = train("vq_autoencoder", store, tmp_path / "vq", changes=changes, iterations=2)
    columns = (tmp_path / "vq" / "history.csv").read_text().splitlines()[0].split(",")
    assert {"perplexity", "usage", "commitment", "adversarial", "discriminator"} <= set(columns)
    figures = load_model(weights).assess(TensorStore.open(store))
    assert {"psnr_db", "ssim", "dice_LV"} <= set(figures)


def test_late_terms_train_any_autoencoder(tmp_path):
    store = write_store(tmp_path / "store")
    changes = {"adversarial_weight": 0.1, "late_from": 0.0}
    train("autoencoder", store, tmp_path / "ae", changes=changes, iterations=2)
    columns = (tmp_path / "ae" / "history.csv").read_text().splitlines()[0].split(",")
    assert {"adversarial", "discriminator", "kl"} <= set(columns)


@pytest.mark.parametrize(("grid", "what"), [((6, 16, 16), "6 frames"), ((8, 16, 18), "18 columns")])
def test_a_grid_that_does_not_divide_is_refused(grid, what):
    frames, y, x = grid
    settings = settings_of({"kind": "vq_autoencoder", "channels": [4, 8]})
    with pytest.raises(SynthaugError, match=f"vq_autoencoder: {what} are not divisible by 4"):
        VQAutoencoder(settings, Grid(frames, 3, y, x, (10, 2, 2)), {})


@both_kinds
@torch.no_grad()
def test_strides_of_each_axis_are_the_settings_and_the_cycle_still_closes(kind):
    coder, cine = model(kind, strides=[[1, 2, 2], [2, 2, 1]]).eval(), torch.rand(1, 8, 3, 16, 16)
    mean, _ = coder.encode_cine(cine, everywhere())
    assert mean.shape == (1, 4, *coder.latent_shape) == (1, 4, 2, 3, 4, 8) and coder.frames_per_latent == 2
    later, _ = coder.encode_cine(cine.roll(2, 1), everywhere())
    torch.testing.assert_close(later, mean.roll(1, 1), atol=1e-5, rtol=1e-4)
    images, labels = coder.decode_cine(mean, everywhere())
    assert images.shape == labels.shape == cine.shape
    torch.testing.assert_close(
        coder.decode_cine(later, everywhere())[0], images.roll(2, 1), atol=1e-5, rtol=1e-4
    )


# --- late terms ---------------------------------------------------------------------------------


def test_late_terms_rise_over_a_tenth_of_the_training():
    assert [ramp(step, 100, 0.5) for step in (0, 50, 55, 60, 99)] == pytest.approx([0, 0, 0.5, 1, 1])


def test_each_side_of_the_adversary_learns_from_its_own_loss_alone():
    torch.manual_seed(0)
    adversary = Adversary(4)
    real, made = torch.rand(2, 1, 32, 32), torch.rand(2, 1, 32, 32, requires_grad=True)
    makers, own = adversary(real, made)
    makers.backward(retain_graph=True)
    assert made.grad.abs().sum() > 0 and all(p.grad is None for p in adversary.parameters())
    made.grad = None
    own.backward()
    assert made.grad is None and all(p.grad is not None for p in adversary.parameters())


def test_an_undecided_adversary_costs_both_sides_what_least_squares_say():
    """A discriminator that answers 0.5 everywhere: (1 - 0.5)^2 for the maker, and as the mean of its own two errors."""
    adversary = Adversary(4)
    last = [layer for layer in adversary.modules() if isinstance(layer, nn.Conv2d)][-1]
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, 0.5)
    makers, own = adversary(torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32))
    assert makers.item() == pytest.approx(0.25) and own.item() == pytest.approx(0.25)


def test_the_perceptual_term_takes_a_file_of_the_user(tmp_path):
    from torchvision.models import resnet50

    torch.manual_seed(0)
    torch.save(resnet50(weights=None).state_dict(), tmp_path / "resnet50.pth")
    perception = Perception(tmp_path / "resnet50.pth")
    real, made = torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32, requires_grad=True)
    assert float(perception(real, real)) == 0
    distance = perception(made, real)
    distance.backward()
    assert distance > 0 and made.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in perception.parameters())


def test_a_file_that_is_no_such_network_is_refused_in_one_line(tmp_path):
    with pytest.raises(SynthaugError, match="no such file; perceptual_weights takes"):
        Perception(tmp_path / "none.pth")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(SynthaugError, match="not a state dict of torchvision's resnet50") as caught:
        Perception(tmp_path / "other.pth")
    assert "\n" not in str(caught.value)
