"""The codebook of the vector-quantised autoencoder against MONAI's, which makes the full matrices."""

import copy

import pytest
import torch
from monai.networks.layers.vector_quantizer import EMAQuantizer

from synthaug.networks import codebook as module
from synthaug.networks.codebook import Codebook


@pytest.fixture(params=[2**26, 40], ids=["one block", "blocks of three vectors"])
def books(request, monkeypatch):
    monkeypatch.setattr(module, "_DISTANCES_AT_ONCE", request.param)
    torch.manual_seed(0)
    theirs = EMAQuantizer(spatial_dims=3, num_embeddings=13, embedding_dim=4)
    ours = Codebook(spatial_dims=3, num_embeddings=13, embedding_dim=4)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    return ours, theirs


def test_codes_loss_and_moving_averages_are_those_of_monai(books):
    ours, theirs = books
    for step in range(3):
        inputs = torch.randn(2, 4, 3, 5, 2, generator=torch.Generator().manual_seed(step))
        mine, reference = (book(inputs) for book in books)
        assert torch.equal(mine[2], reference[2])
        torch.testing.assert_close(mine[0], reference[0])
        torch.testing.assert_close(mine[1], reference[1])
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, msg=name)


def test_gradient_passes_straight_through(books):
    ours, _ = books
    inputs = torch.randn(1, 4, 2, 2, 2, requires_grad=True)
    quantised, _, _ = ours(inputs)
    (quantised * torch.arange(quantised.numel()).view_as(quantised)).sum().backward()
    assert torch.equal(inputs.grad.flatten(), torch.arange(quantised.numel()).float())


def test_evaluation_changes_no_code(books):
    ours, _ = books
    before = ours.embedding.weight.clone()
    ours.eval()(torch.randn(1, 4, 2, 2, 2))
    assert torch.equal(ours.embedding.weight, before)


def test_nearest_by_hand(books):
    ours, _ = books
    ours.embedding.weight.zero_()
    ours.embedding.weight[5] = torch.tensor([1.0, 0, 0, 0])
    # Codes 0 to 4 are equally near to the second vector: the first of them.
    assert ours.nearest(torch.tensor([[0.9, 0, 0, 0], [0.4, 0, 0, 0]])).tolist() == [5, 0]
