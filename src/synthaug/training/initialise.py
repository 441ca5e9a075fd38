"""Fine-tuning: a training that starts from the weights of another one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from synthaug.core.errors import SynthaugError
from synthaug.core.registry import reference_of
from synthaug.models.base import TrainableModel
from synthaug.models.conditioner import Conditioner
from synthaug.models.weights import model_settings, read_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Initialised:
    """What a training took of other weights.

    Attributes
    ----------
    record : dict
        For ``training.json``: ``sha256`` of the file, share of the numbers that were ``taken``, and names of parameters
        that start at random, in whole or in rows (``anew``).
    seen : list of str
        Ids of the subjects that the weights were trained on.
    """

    record: dict[str, Any]
    seen: list[str]


def initialise(model: TrainableModel, settings: Any) -> Initialised | None:
    """Give a new model the parameters of its `init`; buffers stay those of its own training fold, but `learned_buffers`.

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
        The file is not the one whose hash the study gives, or of another kind of model, or no parameter of it fits, or
        its parameters stand for other words, diagnoses or phenotypes than this model's.
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
    their_settings = model_settings(header, init.weights)
    theirs = reference_of(their_settings)
    if theirs != reference_of(settings):
        raise SynthaugError(
            f"{where}: is of {theirs}, not of {reference_of(settings)}; name weights of the same kind"
        )
    conditioners = {place: part for place, part in model.named_modules() if isinstance(part, Conditioner)}
    categories = _categories(conditioners)
    # Places in parameters of other models stand for words, diagnoses or phenotypes by number alone.
    if not conditioners and header.facts != model.fold_facts:
        changed = [name for name, fact in model.fold_facts.items() if header.facts.get(name) != fact]
        raise SynthaugError(
            f"{where}: its training data have another {' and '.join(changed)} than this study's; train from the start, or "
            "on data with the same"
        )
    if getattr(their_settings, "phenotypes", ()) != getattr(settings, "phenotypes", ()):
        raise SynthaugError(
            f"{where}: models phenotypes {', '.join(their_settings.phenotypes)}; give the same, in that order"
        )
    taken, anew = 0, []
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            given = tensors.get(name)
            if given is not None and name in categories:
                condition, values = categories[name]
                count = _take_rows(
                    parameter, given, values, header.facts.get("vocabulary", {}).get(condition, [])
                )
            elif given is not None and given.shape == parameter.shape:
                parameter.copy_(given)
                count = parameter.numel()
            else:
                count = 0
            taken += count
            if count < parameter.numel():
                anew.append(name)
        for name in model.learned_buffers:
            buffer, given = model.get_buffer(name), tensors.get(name)
            if given is not None and given.shape == buffer.shape:
                buffer.copy_(given)
    if not taken:
        raise SynthaugError(
            f"{where}: no parameter has the shape of this model's; give the model the sizes of its settings"
        )
    share = taken / sum(parameter.numel() for parameter in model.parameters())
    log.info("starts from %s: %.1f %% of the parameters", init.weights, 100 * share)
    if anew:
        log.warning(
            "of another shape or of other categories there, or absent, and at random here: %s",
            ", ".join(anew),
        )
    return Initialised({"sha256": init.sha256, "taken": round(share, 4), "anew": anew}, list(header.seen))


def _categories(conditioners: Mapping[str, Conditioner]) -> dict[str, tuple[str, list[str]]]:
    """Condition and values of the rows of every embedding of categories, by the name of the parameter."""
    return {
        f"{place}.embedding.categorical.{condition}.weight": (condition, values)
        for place, part in conditioners.items()
        for condition, values in part.vocabulary.items()
    }


def _take_rows(parameter: Tensor, given: Tensor, values: list[str], theirs: list[str]) -> int:
    """Copy the rows (n, size) of values that both have, whatever their order; how many numbers these are."""
    if given.shape[1] != parameter.shape[1]:
        return 0
    shared = [value for value in values if value in theirs]
    parameter[[values.index(value) for value in shared]] = given[
        [theirs.index(value) for value in shared]
    ].to(parameter)
    return len(shared) * parameter.shape[1]
