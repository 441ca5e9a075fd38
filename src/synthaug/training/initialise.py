"""Fine-tuning: a training that starts from the weights of another one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import torch

from synthaug.core.errors import SynthaugError
from synthaug.core.registry import reference_of
from synthaug.models.base import TrainableModel
from synthaug.models.weights import model_settings, read_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Initialised:
    """What a training took of other weights.

    Attributes
    ----------
    record : dict
        For ``training.json``: ``sha256`` of the file, share of the numbers that were ``taken``, and names of parameters
        that start at random (``anew``).
    seen : list of str
        Ids of the subjects that the weights were trained on.
    """

    record: dict[str, Any]
    seen: list[str]


def initialise(model: TrainableModel, settings: Any) -> Initialised | None:
    """Give a new model the parameters of its `init`; buffers stay those of its own training fold.

    Parameters
    ----------
    model : TrainableModel
        Prepared; changed in place.
    settings : TrainableSettings
        Its section of the study.

    Returns
    -------
    Initialised or None
        None where the study names no weights.

    Raises
    ------
    SynthaugError
        The file is not the one whose hash the study gives, or of another kind of model, or no parameter of it fits.
    """
    init = settings.init
    if init is None:
        return None
    where = f"{settings.kind}: init.weights {init.weights}"
    if next(model.parameters(), None) is None:
        raise SynthaugError(f"{where}: this kind of model has no parameters to start from; leave init out")
    header, tensors, found = read_weights(init.weights)
    if found != init.sha256:
        raise SynthaugError(
            f"{where}: its SHA-256 is {found}, init.sha256 is another; give the file that it is of"
        )
    theirs = reference_of(model_settings(header, init.weights))
    if theirs != reference_of(settings):
        raise SynthaugError(
            f"{where}: is of {theirs}, not of {reference_of(settings)}; name weights of the same kind"
        )
    taken, anew = 0, []
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            given = tensors.get(name)
            if given is None or given.shape != parameter.shape:
                anew.append(name)
            else:
                parameter.copy_(given)
                taken += parameter.numel()
    if not taken:
        raise SynthaugError(
            f"{where}: no parameter has the shape of this model's; give the model the sizes of its settings"
        )
    share = taken / sum(parameter.numel() for parameter in model.parameters())
    log.info("starts from %s: %.1f %% of the parameters", init.weights, 100 * share)
    if anew:
        log.warning("of another shape there, or absent, and at random here: %s", ", ".join(anew))
    return Initialised({"sha256": init.sha256, "taken": round(share, 4), "anew": anew}, list(header.seen))
