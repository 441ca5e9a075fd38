"""nnU-Net's trainer with given iterations and sampling, seeded, and resumable after any epoch."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch._dynamo import OptimizedModule

from synthaug.config.tasks import SegmentationSettings
from synthaug.core.errors import SynthaugError
from synthaug.jobs.checkpoint_times import CheckpointTimes
from synthaug.jobs.interruption import Interruption
from synthaug.jobs.progress import progress
from synthaug.tasks.sampling import Sampling


class Interrupted(Exception):
    """The training was asked to stop."""


class StudyTrainer(nnUNetTrainer):
    """nnU-Net's network, loss, optimiser, schedule and augmentation.

    What differs is around them: iterations, learning rate and momentum come from the study; cases
    are drawn by their source through the sampling probabilities of nnU-Net's loader; seeds are set,
    and with them all randomness of a training on CPU; nothing is plotted; states are handed out for
    checkpoints instead of pickled by nnU-Net. Call `prepare` before `run_training`. Another trainer of nnU-Net
    keeps its network, loss, optimiser, schedule and augmentation in the same way: see
    `synthaug.tasks.segmentation.nnunet_classes.trainer_class`.
    """

    def prepare(
        self,
        settings: SegmentationSettings,
        training_seed: int,
        save: Callable[[int, dict[str, Any]], None],
        interruption: Interruption,
        state: dict[str, Any] | None,
        sources: Mapping[str, str],
        sampling: Sampling,
        left_out: Collection[str] = (),
    ) -> None:
        """Set up a training, or the rest of one.

        Parameters
        ----------
        settings : SegmentationSettings
            Those that training depends on (see `SegmentationSettings.steps`), and how often it is saved.
        training_seed : int
            Seed of initial weights, sampling and augmentation.
        save : callable
            Takes the number of finished epochs and a state when a checkpoint is due.
        interruption : Interruption
            Of this process.
        state : dict or None
            State to go on from.
        sources : mapping of str to str
            Source of each training case, by its name.
        sampling : Sampling
            How cases are drawn, and for how many of the iterations the arm trains.
        left_out : collection of str
            Training cases that this network of an ensemble does not see.
        """
        self.num_iterations_per_epoch = settings.epoch_iterations
        self.num_epochs = sampling.epochs(settings.iterations // settings.epoch_iterations)
        self._sources, self._sampling, self._left_out = sources, sampling, frozenset(left_out)
        self._pretraining_epochs = sampling.pretraining_epochs(self.num_epochs)
        self._pretraining: bool | None = None  # of the epoch whose probabilities are set
        self.draws = dict.fromkeys(dict.fromkeys(self._sources.values()), 0)
        self.num_val_iterations_per_epoch = settings.validation_iterations
        self.initial_lr = settings.learning_rate
        self._momentum = settings.momentum
        self.disable_checkpointing = True
        self._interruption = interruption
        self._save, self._times = save, CheckpointTimes(settings.checkpoint_minutes)
        self._start_state = state
        self._last_state: dict[str, Any] | None = None
        random.seed(training_seed)
        np.random.seed(training_seed)  # noqa: NPY002 - nnU-Net draws from the global generators
        torch.manual_seed(training_seed)
        self.initialize()

    def do_split(self) -> tuple[list[str], list[str]]:
        """The training and validation cases of the arm, without those that are left out."""
        training, validation = super().do_split()
        return [case for case in training if case not in self._left_out], validation

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, PolyLRScheduler]:
        """nnU-Net's SGD and schedule with the study's momentum."""
        optimizer, scheduler = super().configure_optimizers()
        for group in optimizer.param_groups:
            if "momentum" in group:
                group["momentum"] = self._momentum
        return optimizer, scheduler

    def get_training_transforms(self, *arguments: Any, **keywords: Any) -> BasicTransform:
        """nnU-Net's augmentation; its blur must not choose an algorithm by a stopwatch."""
        transforms = super().get_training_transforms(*arguments, **keywords)
        for transform in getattr(transforms, "transforms", ()):
            if isinstance(transform, RandomTransform) and isinstance(
                transform.transform, GaussianBlurTransform
            ):
                transform.transform.benchmark = False
        return transforms

    def on_train_start(self) -> None:
        """Open the data; then, for a resumed training, put everything back where it stood."""
        super().on_train_start()
        # After the data loaders, which draw a first batch each.
        if self._start_state is not None:
            self._restore(self._start_state)
        self._iteration = self.current_epoch * self.num_iterations_per_epoch
        self._progress, self._latest = progress("iterations", self._iteration), ""

    def on_train_epoch_start(self) -> None:
        """Set what is drawn how often, where the epoch differs from the one before."""
        pretraining = self.current_epoch < self._pretraining_epochs
        if pretraining != self._pretraining:
            self._pretraining = pretraining
            self._draw_with(pretraining)
        super().on_train_epoch_start()

    def _draw_with(self, pretraining: bool) -> None:
        """Hand nnU-Net's loader the probability of every case."""
        augmenter = self.dataloader_train
        parallel = isinstance(augmenter, NonDetMultiThreadedAugmenter)
        loader = augmenter.generator if parallel else augmenter.data_loader
        sources = [self._sources[case] for case in loader.indices]
        probabilities = self._sampling.probabilities(sources, pretraining)
        if probabilities is None:
            return
        if parallel:
            augmenter._finish()  # its processes have copies of the loader, and batches of before
        loader.sampling_probabilities = probabilities

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One iteration; a requested stop or a loss that is not finite ends the training."""
        if self._interruption.requested:
            raise Interrupted
        step = super().train_step(batch)
        if not math.isfinite(step["loss"]):
            raise SynthaugError(
                f"segmentation: the loss is {step['loss']} in epoch {self.current_epoch}; lower "
                "learning_rate of the task or look at the arm's cases"
            )
        for case in batch["keys"]:
            self.draws[self._sources[str(case)]] += 1
        self._iteration += 1
        self._progress(self._iteration, self.num_epochs * self.num_iterations_per_epoch, self._latest)
        return step

    def on_epoch_end(self) -> None:
        """Note how it goes, and hand out the state when a checkpoint is due."""
        self.logger.log("epoch_end_timestamps", time.time(), self.current_epoch)
        self.current_epoch += 1
        last = self.curves()[-1]
        self._latest = f"epoch {self.current_epoch}/{self.num_epochs}: " + ", ".join(
            f"{name} {value:.4g}" for name, value in last.items() if name not in ("epoch", "iteration")
        )
        self._last_state = self._state()
        if self._times.due and self.current_epoch < self.num_epochs:
            self._save(self.current_epoch, self._last_state)
            self._times.saved()

    def save_last_epoch(self) -> None:
        """Hand out the state after the last whole epoch, if there is one."""
        if self._last_state is not None:
            self._save(self._last_state["epoch"], self._last_state)

    def curves(self) -> list[dict[str, float]]:
        """One row an epoch: losses, pseudo Dice of every structure on validation batches, learning rate."""
        log = self.logger.get_checkpoint()
        structures = [name.lower() for name, label in self.dataset_json["labels"].items() if label != 0]
        rows = []
        for epoch in range(len(log["epoch_end_timestamps"])):
            dice = {
                f"dice_{name}": float(log["dice_per_class_or_region"][epoch][i])
                for i, name in enumerate(structures)
            }
            rows.append(
                {
                    "epoch": epoch + 1,
                    "iteration": (epoch + 1) * self.num_iterations_per_epoch,
                    "train_loss": float(log["train_losses"][epoch]),
                    "validation_loss": float(log["val_losses"][epoch]),
                    **dice,
                    "learning_rate": float(log["lrs"][epoch]),
                    "seconds": log["epoch_end_timestamps"][epoch] - log["epoch_start_timestamps"][epoch],
                }
            )
        return rows

    def plain_network(self) -> torch.nn.Module:
        """The network without the wrapper of torch.compile."""
        network = self.network
        return network._orig_mod if isinstance(network, OptimizedModule) else network

    def _state(self) -> dict[str, Any]:
        """Everything the next epoch depends on, copied to the CPU."""
        name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
        return {
            "epoch": self.current_epoch,
            "draws": dict(self.draws),
            "network": _copy(self.plain_network().state_dict()),
            "optimizer": _copy(self.optimizer.state_dict()),
            "grad_scaler": self.grad_scaler.state_dict() if self.grad_scaler else None,
            "log": _copy(self.logger.get_checkpoint()),
            "random": {
                "python": _copy(random.getstate()),
                "numpy": [name, torch.from_numpy(np.array(keys)), *rest],
                "torch": torch.get_rng_state(),
            },
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.current_epoch = state["epoch"]
        self.draws = dict(state["draws"])
        self.plain_network().load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.grad_scaler and state["grad_scaler"]:
            self.grad_scaler.load_state_dict(state["grad_scaler"])
        self.logger.load_checkpoint(state["log"])
        version, internal, gauss = state["random"]["python"]
        random.setstate((version, tuple(internal), gauss))
        name, keys, *rest = state["random"]["numpy"]
        np.random.set_state((name, keys.numpy(), *rest))  # noqa: NPY002
        torch.set_rng_state(state["random"]["torch"])
        self._last_state = state

    def print_to_log_file(self, *arguments: Any, **keywords: Any) -> None:
        """Nothing: `on_epoch_end` says what matters."""

    def plot_network_architecture(self) -> None:
        """Nothing: needs a library that is not installed."""

    def _save_debug_information(self) -> None:
        """Nothing: would name the machine."""


def _copy(value: Any) -> Any:
    """A copy on the CPU in types that torch loads without unpickling code."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
