"""Tokens of stacks, relevance and attention maps: cases by hand."""

from __future__ import annotations

import pytest
import torch

from synthaug.networks.attention import Attention
from synthaug.networks.attention_maps import MeanMaps, maps_of_words
from synthaug.networks.cross_alignment import CrossAlignment, relevance_weights
from synthaug.networks.prompt import Prompt
from synthaug.networks.relevance import (
    gradient_attention,
    mean_over,
    relevance_through,
    word_relevance,
)
from synthaug.networks.stack_patches import StackPatches
from synthaug.networks.unet import AttentionMap

PATCHES = StackPatches(2, (4, 5, 6, 6), (2, 2, 3, 2))


def test_tokens_hold_frames_slices_rows_and_columns_and_come_back():
    latents = torch.randn(2, 4, 2, 5, 6, 6)
    tokens = PATCHES.cut(latents)
    assert PATCHES.places == (2, 3, 2, 3) and tokens.shape == (2, PATCHES.count, PATCHES.features) == (
        2,
        36,
        48,
    )
    torch.testing.assert_close(PATCHES.paste(tokens), latents)
    # The second token of the first row: columns 2 and 3 of the first frames, slices and rows.
    torch.testing.assert_close(
        tokens[:, 1], latents[:, :2, :, :2, :3, 2:4].transpose(1, 2).flatten(1), check_stride=False
    )


def test_the_paper_has_2940_tokens():
    """25 frames, 9 slices, 224 x 224 pixels, divided by 8 in the plane."""
    assert StackPatches(4, (25, 9, 28, 28), (5, 3, 2, 2)).count == 2940


def test_a_token_exists_where_one_of_its_slices_does():
    slices = torch.tensor([0.0, 0, 0, 1, 0])[None, None, :, None, None]
    there = PATCHES.existing(slices).view(2, 3, 6)
    assert there[:, 1].all() and not there[:, [0, 2]].any()


def test_a_prompt_is_contexts_and_the_class():
    prompt = Prompt(5, 3, 2)
    made = prompt(torch.tensor([1, 2]))
    assert made.shape == (2, 4, 5) and torch.equal(made[0, :3], made[1, :3])
    assert torch.equal(made[:, 3], prompt.classes[1:])


# --- relevance ----------------------------------------------------------------------------------


def test_relevance_of_one_layer_by_hand():
    """target = 2 a_11 - a_12 + 3 a_21: the gradient is the factor, negative products do not count."""
    weights = torch.tensor([[[[0.25, 0.75], [0.4, 0.6]]]], requires_grad=True)
    target = (weights * torch.tensor([[2.0, -1.0], [3.0, 0.0]])).sum()
    (found,) = gradient_attention(target, [weights])
    torch.testing.assert_close(found, torch.tensor([[[0.5, 0.0], [1.2, 0.0]]]))
    assert found.requires_grad
    # One layer: of words to image tokens as found, nothing within a modality beyond itself.
    other = torch.zeros(1, 2, 2)
    relevance = relevance_through([(found, other)])
    assert torch.equal(relevance.image_words, found) and torch.equal(relevance.words, torch.eye(2)[None])
    # Column means 0.85 and 0; relative to their mean 0.425.
    everything = torch.ones(1, 2, dtype=torch.bool)
    torch.testing.assert_close(word_relevance(relevance, everything, everything), torch.tensor([[2.0, 0.0]]))


def test_relevance_is_the_mean_over_heads_of_an_attention_layer():
    """softmax(q k) v of one query: d out / d a_k = v_k, so R_k = relu(v_k) a_k."""
    torch.manual_seed(0)
    layer, maps = Attention(4, 2, 4), []
    context = torch.randn(1, 3, 4)
    target = layer(torch.randn(1, 1, 4), None, context, maps).sum()
    (found,) = gradient_attention(target, maps)
    value = layer.key_value(context)[..., 4:].view(1, 3, 2, 2)  # (b, m, heads, d)
    pushed = torch.einsum("bmhd,hd->bhm", value, layer.output.weight.sum(dim=0).view(2, 2))
    expected = (pushed[:, :, None] * maps[0]).clamp(min=0).mean(dim=1)
    torch.testing.assert_close(found, expected)


def test_two_layers_by_hand():
    """Scalars: one image token, one word; relevances a, b of the first layer and c, d of the second."""
    a, b, c, d = (torch.full((1, 1, 1), value) for value in (0.5, 0.25, 0.2, 0.4))
    found = relevance_through([(a, b), (c, d)])
    # Identities have nothing beyond themselves, so that their normal form is the identity.
    assert found.image_words.item() == pytest.approx(0.5 + 0.2) and found.words_image.item() == pytest.approx(
        0.25 + 0.4
    )
    assert found.image.item() == pytest.approx(1 + 0.2 * 0.25) and found.words.item() == pytest.approx(
        1 + 0.4 * 0.5
    )
    third = relevance_through([(a, b), (c, d), (c, d)])
    # Now each has 1 beyond itself after normalisation: (1 + 1) c (1 + 1) is added.
    assert third.image_words.item() == pytest.approx(0.7 + 4 * 0.2)


def test_unknown_words_and_missing_tokens_have_no_part_in_relevance():
    words_of_image = torch.tensor([[[1.0, 3.0, 9.0], [50.0, 50.0, 50.0]]])
    relevance = relevance_through([(words_of_image, torch.zeros(1, 3, 2))])
    existing, known = torch.tensor([[True, False]]), torch.tensor([[True, True, False]])
    torch.testing.assert_close(word_relevance(relevance, existing, known), torch.tensor([[0.5, 1.5, 0.0]]))


def test_rows_of_relevance_sum_to_1_and_without_any_are_the_attention():
    relevance = torch.tensor([[[0.0, 4.0], [0.0, 0.0]]])
    attention = torch.tensor([[[0.5, 0.5], [0.3, 0.7]]])
    found = relevance_weights(relevance, attention, torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(1, 2))
    torch.testing.assert_close(found[0, 1], attention[0, 1])
    # A tenth of the mean sum, 0.2, is spread by attention: (4 + 0.1) / 4.2.
    assert found[0, 0, 1].item() == pytest.approx(4.1 / 4.2)


def alignment(depth=2):
    torch.manual_seed(0)
    return CrossAlignment(5, PATCHES, 8, 2, depth, weighted=True)


def test_crossing_ignores_what_does_not_exist():
    made = alignment()
    image, words = torch.randn(1, PATCHES.count, 8), torch.randn(1, 4, 8)
    existing = torch.arange(PATCHES.count)[None] < 20
    known = torch.tensor([[True, True, True, False]])
    before = made.cross(image, words, existing, known)
    changed_image, changed_words = image.clone(), words.clone()
    changed_image[:, 20:] += 7
    changed_words[:, 3:] -= 7
    after = made.cross(changed_image, changed_words, existing, known)
    torch.testing.assert_close(after.image[:, :20], before.image[:, :20])
    torch.testing.assert_close(after.words[:, :3], before.words[:, :3])
    weights = made.weights(image, words, existing, known)
    torch.testing.assert_close(weights[0][0, :20], torch.full((20,), 1 / 20))  # alike at first
    assert not weights[0][0, 20:].any() and not weights[1][0, 3:].any()


def test_mixing_by_its_own_attention_is_the_layer_itself():
    torch.manual_seed(0)
    layer, maps = Attention(4, 1, 4), []
    tokens, context = torch.randn(2, 3, 4), torch.randn(2, 5, 4)
    out = layer(tokens, None, context, maps)
    torch.testing.assert_close(layer.mix(maps[0][:, 0], context), out)


def test_means_are_over_what_is_there():
    values, there = torch.tensor([[[1.0], [3.0], [8.0]]]), torch.tensor([[True, True, False]])
    assert mean_over(values, there).item() == 2 and mean_over(values, ~there & there).item() == 0


# --- attention maps -----------------------------------------------------------------------------


def test_maps_are_means_over_heads_then_layers_of_the_words_pieces():
    """Two frames, one slice; a layer of one pixel and one of 2 x 1, two heads, three tokens."""
    small = torch.tensor([[[[0.2, 0.3, 0.5]], [[0.4, 0.1, 0.5]]]]).repeat(2, 1, 1, 1)
    small[1] = 1 / 3
    large = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(2, 2, 2, 3)
    columns = torch.tensor([[[1.0, 0.0], [0.0, 0.5], [0.0, 0.5]]])  # the second word has two pieces
    layers = [AttentionMap(small, (1, 1, 1)), AttentionMap(large, (1, 2, 1))]
    found = maps_of_words(layers, columns, frames=2, size=(2, 1))
    assert found.shape == (1, 2, 2, 1, 2, 1)
    # First word: 0.3 of the small layer, 1 and 0 of the large one.
    torch.testing.assert_close(found[0, 0, 0, 0, :, 0], torch.tensor([(0.3 + 1) / 2, (0.3 + 0) / 2]))
    # Second: mean of 0.2 and 0.5; of 0 and 0, then of 1 and 0.
    torch.testing.assert_close(found[0, 1, 0, 0, :, 0], torch.tensor([0.35 / 2, (0.35 + 0.5) / 2]))
    torch.testing.assert_close(found[0, 0, 1, 0, :, 0], torch.tensor([(1 / 3 + 1) / 2, 1 / 3 / 2]))


def test_enlarged_maps_keep_their_mean_and_steps_are_averaged():
    weights = torch.rand(1, 1, 16, 2).softmax(dim=-1)
    steps = MeanMaps(torch.eye(2)[None], 1, (8, 8))
    with pytest.raises(ValueError, match="no step"):
        steps.mean()
    for factor in (1.0, 0.5):
        steps.add([AttentionMap(weights * factor, (1, 4, 4))])
    assert steps.mean().mean().item() == pytest.approx(0.75 * weights.mean().item(), abs=0.02)
    assert steps.mean().shape == (1, 2, 1, 1, 8, 8)
