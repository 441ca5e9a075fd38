"""Losses of the alignment of words and image tokens."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def token_contrast(
    tokens: Tensor, seen: Tensor, there: Tensor, weights: Tensor, temperature: float
) -> Tensor:
    """InfoNCE between tokens and what they see of the other modality, in both directions, within each pair.

    -1/2 sum_j w_j (log p(seen_j | token_j) + log p(token_j | seen_j)), mean over pairs; the candidates are those of the
    pair's tokens that are there, by cosine over temperature. It falls as matching tokens become more alike.

    Parameters
    ----------
    tokens, seen : Tensor, shape (b, n, d)
    there : Tensor of bool, shape (b, n)
        Tokens that exist; the others are no candidates and have no loss.
    weights : Tensor, shape (b, n)
        Of each token; sum to 1 over those that are there.
    temperature : float

    References
    ----------
    Liu et al., TexDC, equations 4 to 6. Equation 7 has a further minus, which would push matching tokens apart.
    """
    cosines = functional.normalize(tokens.float(), dim=-1) @ functional.normalize(seen.float(), dim=-1).mT
    logits = cosines / temperature
    pairs = there[:, :, None] & there[:, None, :]
    logits = torch.where(pairs, logits, torch.finfo(logits.dtype).min / 2)
    found = sum(logits.log_softmax(dim=dim).diagonal(dim1=1, dim2=2) for dim in (2, 1))
    return -(torch.where(there, weights * found, 0.0).sum(dim=1) / 2).mean()


def class_contrast(
    image: Tensor, text: Tensor, others: Tensor, classes: Tensor, temperature: Tensor
) -> Tensor:
    """Cross-entropy of the own class among one text of each class, by cosine over temperature.

    Parameters
    ----------
    image, text : Tensor, shape (b, d)
        Of each pair.
    others : Tensor, shape (k, d)
        A text of each class; that of a pair's own class is replaced by the pair's.
    classes : Tensor of int, shape (b,)
        k where unknown, which is left out.
    temperature : Tensor, 0-d

    References
    ----------
    Liu et al., TexDC, equation 8.
    """
    k = len(others)
    image, text, others = (functional.normalize(part.float(), dim=-1) for part in (image, text, others))
    own = functional.one_hot(classes, k + 1)[:, :k].bool()
    cosines = torch.where(own, (image * text).sum(dim=-1, keepdim=True), image @ others.T)
    known = classes < k
    losses = functional.cross_entropy(cosines / temperature, classes.clamp(max=k - 1), reduction="none")
    return torch.where(known, losses, 0.0).sum() / known.sum().clamp(min=1)


def relevance_loss(relevance: Tensor, disease: Tensor) -> Tensor:
    """Minus the mean relevance (b, n) of the words that tell of the disease (b, n); mean over pairs.

    References
    ----------
    Liu et al., TexDC, equation 2.
    """
    count = disease.sum(dim=1).clamp(min=1)
    return -(torch.where(disease, relevance, 0.0).sum(dim=1) / count).mean()
