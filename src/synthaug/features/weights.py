"""Files of networks that the user supplies: found, checked by hash, and only then read."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from synthaug.core.artifacts import check_sha256
from synthaug.core.errors import SynthaugError
from synthaug.features.base import ExtractorAbsent

if TYPE_CHECKING:
    from torch import nn


def check_weights(
    name: str, weights: str | Path | None, sha256: str | None, how_to_get: str
) -> tuple[Path, str]:
    """Find a file of weights and make sure that it is the right one, before anything reads it.

    Parameters
    ----------
    name : str
        What the features are called in messages.
    weights : str, Path or None
        The file.
    sha256 : str or None
        What its hash must be.
    how_to_get : str
        What to do about an absent file.

    Returns
    -------
    Path
        The file.
    str
        Its hash, in hexadecimal.

    Raises
    ------
    ExtractorAbsent
        The file is not configured or not there.
    SynthaugError
        The file has another hash, or none is configured.
    """
    if weights is None or not Path(weights).is_file():
        where = "no weights are configured" if weights is None else f"{weights} does not exist"
        raise ExtractorAbsent(f"{name} features: {where}; {how_to_get}")
    return Path(weights), check_sha256(weights, sha256)


def load_state(network: nn.Module, weights: Path, name: str, classifier: str, how_to_get: str) -> None:
    """Load a state dict into a network whose classifier was removed; no code in the file is run.

    Parameters
    ----------
    network : Module
        Takes the weights; every one of its own must be in the file.
    weights : Path
        A file `check_weights` found right.
    name : str
        What the network is called in messages.
    classifier : str
        The layer that was removed: its weights in the file are left out.
    how_to_get : str
        What to do about a file that does not fit.

    Raises
    ------
    SynthaugError
        The file is not a state dict, or not of this network.
    """
    import torch

    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(
            {key: value for key, value in state.items() if not key.startswith(f"{classifier}.")}
        )
    except (RuntimeError, TypeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        reason = textwrap.shorten(str(error), 160, placeholder=" ...")
        raise SynthaugError(f"{weights}: does not fit {name} ({reason}); {how_to_get}") from None
