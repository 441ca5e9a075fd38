"""Losses of the alignment: values by hand, and which way they pull."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from synthaug.models.alignment_losses import class_contrast, relevance_loss, token_contrast


def everything(n):
    return torch.ones(1, n, dtype=torch.bool), torch.full((1, n), 1 / n)


def test_contrast_of_tokens_that_see_alike_is_chance():
    tokens, seen = torch.randn(1, 5, 3), torch.ones(1, 5, 3)
    there, weights = everything(5)
    # p(seen_k | token_j) is uniform; the other direction is at best uniform on average.
    one_way = token_contrast(torch.ones(1, 5, 3), seen, there, weights, 0.1)
    assert one_way.item() == pytest.approx(math.log(5))
    assert token_contrast(tokens, seen, there, weights, 0.1).item() > math.log(5)


def test_contrast_of_two_orthogonal_pairs_by_hand():
    """Cosines 1 with the own, 0 with the other: -log(e / (e + 1)) both ways at temperature 1."""
    tokens = torch.eye(2)[None]
    there, weights = everything(2)
    assert token_contrast(tokens, tokens, there, weights, 1.0).item() == pytest.approx(
        math.log(1 + math.exp(-1))
    )


def test_the_local_loss_falls_as_matching_tokens_become_more_alike():
    """The sign of equation 7 would turn this round."""
    torch.manual_seed(0)
    tokens, seen = torch.randn(1, 6, 4), torch.randn(1, 6, 4)
    there, weights = everything(6)
    losses = [
        token_contrast(tokens, torch.lerp(seen, tokens, share), there, weights, 0.2).item()
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert losses == sorted(losses, reverse=True) and losses[-1] > 0
    moving = seen.clone().requires_grad_()
    token_contrast(tokens, moving, there, weights, 0.2).backward()
    cosines = functional.cosine_similarity(tokens, seen, dim=-1)
    moved = functional.cosine_similarity(tokens, seen - 0.5 * moving.grad, dim=-1)
    assert moved.mean() > cosines.mean()


def test_tokens_that_do_not_exist_are_no_candidates():
    tokens, seen = torch.randn(1, 4, 3), torch.randn(1, 4, 3)
    there = torch.tensor([[True, True, True, False]])
    weights = torch.tensor([[0.5, 0.25, 0.25, 0.0]])
    short = token_contrast(tokens[:, :3], seen[:, :3], there[:, :3], weights[:, :3], 0.1)
    torch.testing.assert_close(token_contrast(tokens, seen, there, weights, 0.1), short)


def test_contrast_of_classes_replaces_the_own_and_leaves_out_the_unknown():
    image = torch.tensor([[1.0, 0], [1.0, 0], [0.0, 1]])
    text = torch.tensor([[1.0, 0], [0.0, 1], [5.0, 5]])
    others = torch.tensor([[0.0, 1], [0.0, 1], [0.0, 1]])
    classes = torch.tensor([0, 2, 3])  # of three; the last is unknown
    found = class_contrast(image, text, others, classes, torch.tensor(1.0))
    # First: own 1, others 0 and 0. Second: own 0 and others 0.
    expected = (math.log(math.e + 2) - 1 + math.log(3)) / 2
    assert found.item() == pytest.approx(expected)
    none = class_contrast(image, text, others, torch.tensor([3, 3, 3]), torch.tensor(1.0))
    assert none.item() == 0


def test_relevance_of_the_disease_lowers_its_loss():
    disease = torch.tensor([[False, True, True, False]])
    assert relevance_loss(torch.tensor([[9.0, 1, 2, 9]]), disease).item() == -1.5
    assert relevance_loss(torch.tensor([[9.0, 1, 4, 9]]), disease).item() == -2.5
