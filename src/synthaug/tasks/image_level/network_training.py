"""Training of a network: pre-training, then fine-tuning or a linear probe, each part resumed where it was interrupted."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.image_tasks import ImageTaskSettings
from synthaug.config.training import TrainingSettings
from synthaug.jobs.checkpoints import load_checkpoint, save_checkpoint
from synthaug.jobs.interruption import INTERRUPTED
from synthaug.models.base import Grid, TrainableModel, to_device
from synthaug.networks.masked_autoencoder import MaskedAutoencoderNetwork
from synthaug.networks.subject_encoder import SubjectEncoder
from synthaug.tasks.image_level.linear_probe import fit_probe
from synthaug.tasks.image_level.models import FineTuning, Pretraining
from synthaug.tasks.image_level.targets import targets_of
from synthaug.tasks.image_level.training_set import TrainingData
from synthaug.tasks.sampling import Sampling
from synthaug.training.devices import describe, make_accelerator, precision_of
from synthaug.training.loop import Draw, Loop
from synthaug.training.schedule import draw_indices
from synthaug.training.train import take_steps

#: Folders of the checkpoints of both parts.
PARTS = ("pretraining", "fine-tuning")
#: Share of the iterations over which the learning rate rises.
_WARMUP = 0.05
_SUBJECTS_AT_ONCE = 4
_STANDARDISED_BY = 512  # labelled subjects at most: one pass of the encoder each
#: Settings that are those of the masked autoencoder by the same name.
_SIZES = ("width", "depth", "heads", "decoder_width", "decoder_depth", "mask_fraction", "order_weight")


class NetworkTraining:
    """The training of one network.

    Parameters
    ----------
    data : TrainingData
        Training set of the arm.
    settings : ImageTaskSettings
        Those that training depends on.
    iterations : mapping of str to int
        Of ``pretraining`` and ``fine_tuning``; 0 leaves a part out.
    seed : int
        Training seed.
    checkpoints : Path
        Folder for the checkpoints of both parts.
    identity : mapping of str to str
        What a checkpoint is of; see `load_checkpoint`.
    """

    def __init__(
        self,
        data: TrainingData,
        settings: ImageTaskSettings,
        iterations: Mapping[str, int],
        seed: int,
        checkpoints: Path,
        identity: Mapping[str, str],
    ) -> None:
        self.data, self.settings, self.iterations, self.seed = data, settings, iterations, seed
        self._checkpoints, self._identity = checkpoints, dict(identity)
        self._started, self._earlier = time.perf_counter(), 0.0
        self._resumed_at: dict[str, list[int]] = {}
        self._history: list[dict[str, float]] = []
        self._images = data.table["image"].to_numpy(int)
        self._heights = data.table["height"].to_numpy(float)
        slices, frames, y, x = data.plan["clips"]
        # No model here reads the spacing.
        self._grid = Grid(frames, slices, y, x, (1.0, 1.0, 1.0))
        self._sizes = MaskedAutoencoderSettings(
            kind="masked_autoencoder",
            patch=tuple(data.plan["patch"]),
            **{key: getattr(settings, key) for key in _SIZES},
        )

    def run(self, weights: np.ndarray) -> tuple[dict[str, Tensor], dict[str, Any], pd.DataFrame]:
        """Train.

        Parameters
        ----------
        weights : ndarray, shape (n_labelled,)
            Weight of each labelled subject in a linear probe.

        Returns
        -------
        weights : dict of str to Tensor
            Of a `SubjectEncoder`.
        record : dict
            Device, seconds, figures of the validation patients.
        history : DataFrame
            Losses of both parts.

        Raises
        ------
        SystemExit
            With code `INTERRUPTED`, after a checkpoint.
        """
        data, targets, chosen = self.data, targets_of(self.data.plan), self.data.labelled
        clips = data.clips
        encoder = self._pretrain(clips)
        torch.manual_seed(self.seed)
        model = FineTuning(
            self._sizes,
            self._grid,
            encoder,
            targets,
            clips,
            self._images[chosen],
            self._heights[chosen],
            data.targets[chosen],
            self.settings.augmentation,
        )
        precision = precision_of(self._optimisation(PARTS[1]))
        accelerator = make_accelerator(precision)
        to_device(model, accelerator.device)
        described = chosen[:: -(-len(chosen) // _STANDARDISED_BY)]
        model.network.standardise_by(torch.from_numpy(self._describe(model.network, described)))
        if self.settings.method == "fine_tuning":
            self._take_steps(model, PARTS[1], chosen, data.sampling, "loss")
        else:
            features = self._describe(model.network, chosen)
            fitted = fit_probe(targets, features, data.targets[chosen], weights, self.settings.penalty)
            head = model.network.head
            with torch.no_grad():
                for parameter, value in zip((head.weight, head.bias), fitted, strict=True):
                    parameter.copy_(torch.from_numpy(value))
        figures = {}
        if len(data.validation):
            predictions = targets.predictions(self._outputs(model.network, data.validation))
            figures = targets.figures(predictions, data.targets[data.validation])
        record = {
            "figures": figures,
            "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
            **describe(accelerator),
            "precision": precision,
            "resumed_at": self._resumed_at,
            "seconds": round(self._earlier + time.perf_counter() - self._started, 2),
        }
        state = model.network.state_dict()
        tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
        return tensors, record, pd.DataFrame(self._history)

    def _pretrain(self, clips: np.ndarray) -> MaskedAutoencoderNetwork:
        """The encoder, pre-trained on all training subjects or at its initial weights."""
        torch.manual_seed(self.seed)
        chosen = self.data.trained
        model = Pretraining(self._sizes, self._grid, clips, self._images[chosen])
        if self.iterations["pretraining"]:
            self._take_steps(model, PARTS[0], chosen, self.data.pretraining_sampling, "pretraining_loss")
        return model.network

    def _optimisation(self, part: str) -> TrainingSettings:
        first, settings = part == PARTS[0], self.settings
        iterations = self.iterations["pretraining" if first else "fine_tuning"]
        return TrainingSettings(
            iterations=max(1, iterations),
            batch_size=settings.pretraining_batch_size if first else settings.batch_size,
            learning_rate=settings.pretraining_learning_rate if first else settings.learning_rate,
            warmup_iterations=round(_WARMUP * iterations),
            weight_decay=settings.weight_decay,
            checkpoint_minutes=settings.checkpoint_minutes,
        )

    def _take_steps(
        self, model: TrainableModel, part: str, chosen: np.ndarray, sampling: Sampling, loss: str
    ) -> None:
        """Take the remaining steps of one part and put the averaged weights into the model."""
        optimisation, folder = self._optimisation(part), self._checkpoints / part
        accelerator = make_accelerator(precision_of(optimisation))
        to_device(model, accelerator.device)
        model.train()
        draw = drawing(sampling, self.data.sources(chosen), optimisation.iterations)
        loop = Loop(model, optimisation, accelerator, draw)
        loop.resume(load_checkpoint(folder, self._identity))
        first_step = loop.iteration
        if loop.resumed_at:
            self._resumed_at[part] = loop.resumed_at
        self._earlier += loop.seconds
        subjects = self.data.table["subject"].iloc[chosen].astype(str).tolist()
        if take_steps(loop, subjects, self.seed, folder, self._identity):
            done = f"{part}: {loop.iteration} of {optimisation.iterations} iterations"
            print(f"interrupted in {done}; run again to go on", file=sys.stderr)
            raise SystemExit(INTERRUPTED)
        if first_step < optimisation.iterations:
            # The other part may be interrupted: this one is not trained again.
            save_checkpoint(folder, loop.iteration, {"identity": self._identity, **loop.state()})
        loop.use_average()
        offset = 0 if part == PARTS[0] else self.iterations["pretraining"]
        kept = ("learning_rate", "gradient_norm")
        self._history += [
            {"iteration": offset + row["iteration"], loss: row["loss"], **{key: row[key] for key in kept}}
            for row in loop.rows
        ]

    @torch.inference_mode()
    def _describe(self, network: SubjectEncoder, rows: np.ndarray) -> np.ndarray:
        """Vectors of subjects of the training set in the network's standardisation, (n, 2 width), float64."""
        network.eval()
        device = network.head.weight.device
        found = []
        for start in range(0, len(rows), _SUBJECTS_AT_ONCE):
            part = rows[start : start + _SUBJECTS_AT_ONCE]
            clips = torch.from_numpy(self.data.clips[self._images[part]].astype(np.float32)).to(device)
            heights = torch.from_numpy(self._heights[part]).float().to(device)
            found.append(network.describe(clips, heights).double().cpu().numpy())
        return np.concatenate(found)

    def _outputs(self, network: SubjectEncoder, rows: np.ndarray) -> np.ndarray:
        weight, bias = (
            value.detach().double().cpu().numpy() for value in (network.head.weight, network.head.bias)
        )
        outputs: np.ndarray = self._describe(network, rows) @ weight.T + bias
        return outputs


def drawing(sampling: Sampling, sources: Sequence[str], iterations: int) -> Draw:
    """How the training loop draws the subjects of a batch.

    Parameters
    ----------
    sampling : Sampling
        Of the arm.
    sources : sequence of str
        Source of each subject.
    iterations : int
        Of this part of the training.

    Returns
    -------
    callable
        All subjects alike: every one once before any comes again. Otherwise each draw is independent, with the
        probabilities of the sampling.

    Raises
    ------
    SynthaugError
        As `Sampling.probabilities` and `Sampling.pretraining_epochs`.
    """
    before = sampling.pretraining_epochs(iterations)
    early = sampling.probabilities(sources, pretraining=True) if before else None
    late = sampling.probabilities(sources, pretraining=False)
    if late is None:
        return draw_indices

    def draw(count: int, batch_size: int, position: int, seed: int) -> list[int]:
        probabilities = early if position < before else late
        random = np.random.default_rng([seed, position])
        return [int(index) for index in random.choice(count, size=batch_size, p=probabilities)]

    return draw
