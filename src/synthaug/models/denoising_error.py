"""How well a trained model denoises: error of the data that its predictions imply, by noise level."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.objectives import DiffusionObjective
from synthaug.models.conditioned_latents import ConditionedLatents

#: Thirds of the diffusion time, from data (0) to noise (1).
LEVELS = ("low_noise", "medium_noise", "high_noise")
_ITEMS = 24  # training items a store: eight a third


def assess_denoising(
    model: ConditionedLatents, objective: DiffusionObjective, store: TensorStore
) -> dict[str, float]:
    """Denoising error of the training fold, and of another store without augmentation.

    Conditions are dropped as in training. Weights and statistics stay as they are; afterwards the model is prepared with
    `store`. A store that the model cannot read, such as one with a diagnosis that the training fold lacks, costs its
    figures and not the training: one line says why.

    Parameters
    ----------
    model : ConditionedLatents
        Trained, prepared with its training fold.
    objective : DiffusionObjective
        That of its loss.
    store : TensorStore
        Validation subjects; the training fold itself where there are none.

    Returns
    -------
    dict of str to float
        ``x0_error_<level>_training`` and, of `store`, ``x0_error_<level>``: square root of the sum of |x' - x|^2 over that of
        |x|^2, with x normalised data and x' the data that the prediction implies. 0 is perfect, 1 is an answer of zeros.
        A higher error on validation than on training subjects is overfitting.
    """
    figures = denoising_error(model, objective, "_training")
    state = {name: value.clone() for name, value in model.state_dict().items()}
    settings = model.settings
    model.settings = settings.model_copy(update={"copies": 1})
    try:
        model.prepare(store)
        model.load_state_dict(state)
        return figures | denoising_error(model, objective)
    except SynthaugError as error:
        print(f"denoising error of validation subjects: not measured; {error}", file=sys.stderr)
        return figures
    finally:
        model.settings = settings


@torch.no_grad()
def denoising_error(
    model: ConditionedLatents, objective: DiffusionObjective, suffix: str = ""
) -> dict[str, float]:
    """Denoising error by noise level, of the store that the model is prepared with; see `assess_denoising`."""
    sums = torch.zeros(2, len(LEVELS), dtype=torch.float64)

    def add(times: Tensor, data: Tensor, implied: Tensor, weights: Tensor) -> None:
        levels = (len(LEVELS) * times.cpu()).long().clamp(max=len(LEVELS) - 1)
        for row, values in zip(sums, (implied - data, data), strict=True):
            row.index_add_(0, levels, (values.double().square() * weights).flatten(1).sum(1).cpu())

    training, count = model.settings.training, len(model.slices)
    generator = torch.Generator().manual_seed(0)
    objective.observer = add
    try:
        for start in range(0, _ITEMS, training.batch_size):
            items = range(start, min(start + training.batch_size, _ITEMS))
            batch = model.batch([item % count for item in items], generator)
            moved = {name: value.to(model.device) for name, value in batch.items()}
            model.loss(moved, generator, training.iterations - 1)
    finally:
        objective.observer = None
    return {
        f"x0_error_{level}{suffix}": float((missed / there).sqrt())
        for level, missed, there in zip(LEVELS, *sums, strict=True)
        if there > 0
    }
