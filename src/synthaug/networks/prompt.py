"""Learned words in front of a sentence."""

from __future__ import annotations

import torch
from einops import repeat
from torch import Tensor, nn

_SIZE = 0.02  # standard deviation of new word vectors, as of CoOp


class Prompt(nn.Module):
    """[V]_1 .. [V]_M [CLS]: context vectors that all sentences share, then one of the diagnosis.

    Parameters
    ----------
    width : int
        Length of a word vector of the text encoder.
    contexts : int
        M.
    classes : int
        Diagnoses; one more is that of subjects without.

    References
    ----------
    Zhou et al., Learning to prompt for vision-language models (CoOp), IJCV 2022; Liu et al., TexDC, equation 1.
    """

    def __init__(self, width: int, contexts: int, classes: int) -> None:
        super().__init__()
        self.contexts = nn.Parameter(torch.randn(contexts, width) * _SIZE)
        self.classes = nn.Parameter(torch.randn(classes + 1, width) * _SIZE)

    def forward(self, classes: Tensor) -> Tensor:
        """Word vectors (b, M + 1, width) of diagnoses (b,), the number of classes where unknown."""
        shared = repeat(self.contexts, "m d -> b m d", b=len(classes))
        return torch.cat([shared, self.classes[classes][:, None]], dim=1)
