"""Losses of the codebook: entropies and lengths by hand, what they do to vectors, and that they are off by default."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_models import settings_of

from synthaug.models import codebook_losses
from synthaug.models.base import Grid
from synthaug.models.codebook_losses import code_entropies, draw_positions, length_loss
from synthaug.models.vq_autoencoder import VQAutoencoder

TWO = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])


def entropies(vectors, codes=TWO, temperature=0.01):
    return tuple(float(part) for part in code_entropies(torch.as_tensor(vectors), codes, temperature))


@pytest.mark.parametrize(
    ("vectors", "each", "together"),
    [
        ([[1.0, 0.0], [-1.0, 0.0]], 0, math.log(2)),  # both codes in use: the least loss that two codes have
        ([[1.0, 0.0], [0.9, 0.1]], 0, 0),  # one code for all
        ([[0.0, 1.0], [0.0, -1.0]], math.log(2), math.log(2)),  # as near to one as to the other
    ],
)
def test_entropies_of_two_codes(vectors, each, together):
    assert entropies(vectors) == pytest.approx((each, together), abs=1e-6)


def test_probabilities_fall_with_squared_distance_over_temperature():
    # Squared distances 0 and 4, so that 3 to 1 is a temperature of 4 / log 3.
    found = entropies([[1.0, 0.0]], temperature=4 / math.log(3))
    by_hand = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found == pytest.approx((by_hand, by_hand), rel=1e-5)


def test_lengths_by_hand():
    assert float(length_loss(torch.tensor([[3.0, 4.0], [0.6, -0.8]]))) == pytest.approx((16 + 0) / 2)


def test_gradients_are_finite_where_a_share_or_a_length_is_0():
    vectors = torch.tensor([[1.0, 0.0], [0.0, 0.0]], requires_grad=True)
    each, together = code_entropies(vectors, torch.tensor([[1.0, 0.0], [-1e4, 0.0]]), 0.01)
    (each - together + length_loss(vectors)).backward()
    assert vectors.grad.isfinite().all()


def test_both_losses_spread_vectors_over_codes_that_only_one_had():
    codes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    vectors = 0.5 * codes[:1] + 0.1 * torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    assert (torch.cdist(vectors, codes).argmin(1) == 0).all()
    vectors.requires_grad_()
    optimiser = torch.optim.Adam([vectors], lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        each, together = code_entropies(vectors, codes, 1.0)
        (each - together + length_loss(vectors)).backward()
        optimiser.step()
    nearest = torch.cdist(vectors.detach(), codes).argmin(1)
    assert torch.bincount(nearest, minlength=4).min() >= 4
    assert float(together.detach()) > 0.95 * math.log(4)


def test_many_positions_are_drawn_from_and_few_are_all_taken(monkeypatch):
    monkeypatch.setattr(codebook_losses, "_POSITIONS", 5)
    vectors = torch.arange(8.0)[:, None]
    drawn = draw_positions(vectors, torch.Generator().manual_seed(0))
    assert drawn.shape == (5, 1) and set(drawn.flatten().tolist()) <= set(range(8))
    generator = torch.Generator().manual_seed(0)
    assert draw_positions(vectors[:5], generator) is not None
    assert torch.equal(draw_positions(vectors[:5], generator), vectors[:5])
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(0).get_state())


def loss_of(**changes):
    """Loss and terms of a step of the same model, evaluated so that its codes stay."""
    torch.manual_seed(0)
    content = {"kind": "vq_autoencoder", "channels": [4, 8], "blocks": 1, "latent_channels": 2, "codes": 8}
    coder = VQAutoencoder(settings_of({**content, **changes}), Grid(8, 3, 16, 16, (10, 2, 2)), {}).eval()
    batch = {
        "cines": torch.rand(1, 2, 8, 16, 16),
        "labels": torch.zeros(1, 2, 8, 16, 16, dtype=torch.uint8),
    }
    loss, terms = coder.loss(batch, torch.Generator().manual_seed(0), 1)
    return coder, loss, terms


def test_a_model_adds_them_with_their_weights_and_to_the_encoder_only():
    _, without, none = loss_of()
    coder, loss, terms = loss_of(entropy_weight=0.5, codebook_norm_weight=3.0)
    assert set(terms) - set(none) == {"codebook_norm", "entropy_each", "entropy_together"}
    assert 0 <= float(terms["entropy_together"]) <= math.log(8) + 1e-6
    added = 3 * terms["codebook_norm"] + 0.5 * (terms["entropy_each"] - terms["entropy_together"])
    assert float(loss.detach() - without.detach()) == pytest.approx(float(added), rel=1e-4)
    loss.backward()
    assert all(parameter.grad is not None for parameter in coder.network.encoder.parameters())
    assert coder.codebook.grad is None


def test_entropy_without_a_length_is_refused():
    with pytest.raises(ValueError, match="entropy_weight without codebook_norm_weight"):
        settings_of({"kind": "vq_autoencoder", "entropy_weight": 0.1})
