"""Numbers in a sentence: near ones are alike before any training, and what is learned of one holds for its neighbours."""

from __future__ import annotations

import math

import pytest
import torch

from synthaug.networks.text_transformer import TextTransformer, number_features

VALUES = (math.nan, math.nan, 60.0, 65.0, 120.0)
UNKNOWN, WORD, SIXTY, SIXTY_FIVE, DOUBLE = range(5)


def network(seed: int = 0) -> TextTransformer:
    torch.manual_seed(seed)
    return TextTransformer(len(VALUES), 16, 1, 2, 4, VALUES)


def pooled(net: TextTransformer, *indices: int) -> torch.Tensor:
    sentence = torch.tensor([indices])
    return net(sentence, torch.ones_like(sentence, dtype=torch.bool))[2][0]


def test_functions_of_a_number_by_hand() -> None:
    features = number_features(torch.tensor([0.5, 0.625, math.nan, 0.1, 1e6]))
    assert features[0, :3].tolist() == pytest.approx([1, math.exp(-0.5), math.exp(-2)], abs=1e-6)
    assert features[1, :3].tolist() == pytest.approx([math.exp(-0.5), 1, math.exp(-0.5)], abs=1e-6)
    assert not features[2].any() and torch.equal(features[3], features[0])
    assert torch.equal(features[4], number_features(torch.tensor([1000.0]))[0])


@pytest.mark.parametrize("seed", range(5))
def test_near_numbers_are_alike_before_training(seed: int) -> None:
    net = network(seed)
    near = (pooled(net, WORD, SIXTY) - pooled(net, WORD, SIXTY_FIVE)).norm()
    far = (pooled(net, WORD, SIXTY) - pooled(net, WORD, DOUBLE)).norm()
    assert 0 < near < far / 2


def test_what_is_learned_of_a_number_moves_its_neighbour_and_hardly_the_double() -> None:
    net = network().eval()
    before = {index: pooled(net, index).detach() for index in (SIXTY_FIVE, DOUBLE, WORD)}
    optimiser = torch.optim.SGD(net.of_numbers.parameters(), lr=0.5)
    for _ in range(5):
        optimiser.zero_grad()
        pooled(net, SIXTY)[0].backward()
        optimiser.step()
    moved = {index: float((pooled(net, index) - was).detach().norm()) for index, was in before.items()}
    assert moved[SIXTY_FIVE] > 0.1 and moved[WORD] == 0
    assert moved[DOUBLE] < moved[SIXTY_FIVE]
