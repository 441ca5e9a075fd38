"""Training the segmenter of one arm with one seed, to a folder that can predict on its own."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import (
    atomic_file,
    atomic_folder,
    read_json,
    sha256_file,
    sha256_json,
    write_json,
)
from synthaug.core.code_hash import package_code
from synthaug.core.plugins import code_hashes
from synthaug.core.spreadsheets import write_table
from synthaug.jobs.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint
from synthaug.jobs.interruption import INTERRUPTED, interruptible
from synthaug.tasks.sampling import Sampling
from synthaug.tasks.segmentation.cases import read_cases, read_record, read_sampling
from synthaug.tasks.segmentation.ensemble import Member, cases_left_out
from synthaug.tasks.segmentation.nnunet_classes import check_network, trainer_class
from synthaug.tasks.segmentation.pickles import check_pickles
from synthaug.tasks.segmentation.workspace import (
    PLANS,
    environment,
    nnunet_variables,
    nnunet_workspace,
    unused_variables,
)
from synthaug.tasks.training_subjects import REAL_SOURCES, SOURCES, expected_real_exposure

if TYPE_CHECKING:
    from synthaug.tasks.segmentation.trainer import StudyTrainer


def code_of_training(settings: SegmentationSettings) -> str:
    """Hash of the code that trains, that of a study's own trainer included."""
    module, colon, _ = settings.trainer.partition(":")
    modules = [__name__, module] if colon else [__name__]
    return sha256_json([package_code(modules), code_hashes(modules)])


def train_segmenter(
    preprocessed: str | Path,
    model: str | Path,
    checkpoints: str | Path,
    settings: SegmentationSettings,
    training_seed: int,
    threads: int = 1,
    member: Member | None = None,
) -> None:
    """Train a network of nnU-Net on an arm, or finish a training that was interrupted.

    On one CPU thread count the same arm, settings and training seed give the same weights, bit for bit,
    also after an interruption. On a GPU nnU-Net is not deterministic, and seeds are repetitions.

    Parameters
    ----------
    preprocessed : path
        A folder that `preprocess_dataset` wrote.
    model : path
        Folder that receives the segmenter, atomically: ``model.safetensors``, ``plans.json``,
        ``dataset.json``, ``training.json`` (the record) and ``history.csv`` (one row an epoch).
    checkpoints : path
        Folder for the state of an unfinished training, outside every declared output; emptied when
        the training has finished.
    settings : SegmentationSettings
        Those that training depends on (see `SegmentationSettings.steps`), and how often it is saved.
    training_seed : int
        Seed of initial weights, sampling and augmentation.
    threads : int
        CPU threads; beside a GPU, processes that augment.
    member : Member, optional
        Which network of an ensemble it is; the only one where not given.

    Raises
    ------
    SystemExit
        With code `synthaug.jobs.interruption.INTERRUPTED`, after SIGTERM, SIGINT or SIGUSR1 and a checkpoint;
        calling again resumes.
    SynthaugError
        The loss is not finite, ``compile: on`` where a compiler is missing, or the folder holds a pickle or plans that
        nnU-Net did not write (`check_pickles`, `check_network`).
    """
    started = time.perf_counter()
    preprocessed, checkpoints = Path(preprocessed), Path(checkpoints)
    import torch

    from synthaug.training.devices import compiles

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(threads if device.type == "cpu" else 1)
    # Augmenting in this process is what makes a training on CPU repeatable, and does not hang.
    augmenters = {"nnUNet_n_proc_DA": str(threads if device.type == "cuda" else 0)}
    member = member or Member(settings.configuration)
    check_pickles(preprocessed)
    record = describe_training(preprocessed, settings, training_seed, member)
    identity = {"settings or training set": sha256_json(record), "code": code_of_training(settings)}
    compiled = device.type == "cuda" and compiles("tasks.<name>.compile", settings.compile, device)
    unused = unused_variables(nnunet_variables(threads, compiled) | augmenters)
    with (
        nnunet_workspace(threads, preprocessed=preprocessed, compiled=compiled),
        environment(augmenters),
        interruptible() as interruption,
    ):
        from synthaug.tasks.segmentation.trainer import Interrupted

        state = load_checkpoint(checkpoints, identity)
        plans = {**read_json(preprocessed / f"{PLANS}.json"), "continue_training": False}
        check_network(plans, preprocessed / f"{PLANS}.json")
        trainer = trainer_class(settings.trainer)(
            plans, member.configuration, 0, read_json(preprocessed / "dataset.json"), device=device
        )
        seconds_before, resumed_at = (state["seconds"], state["resumed_at"]) if state else (0.0, [])

        def save(epoch: int, state: dict[str, Any]) -> None:
            seconds = seconds_before + time.perf_counter() - started
            facts = {"identity": identity, "seconds": seconds, "resumed_at": [*resumed_at, epoch]}
            save_checkpoint(checkpoints, epoch, state | facts)

        cases = read_cases(preprocessed)
        sources = dict(zip(cases["case"], cases["source"], strict=True))
        trainer.prepare(
            settings,
            training_seed,
            save,
            interruption,
            state,
            sources,
            sampling_of(preprocessed, record["left_out"]),
            record["left_out"],
        )
        prepared = time.perf_counter()
        try:
            trainer.run_training()
        except (Interrupted, RuntimeError):
            # A scheduler signals nnU-Net's augmenting processes too; it misses them before it gets here.
            if not interruption.requested:
                raise
            trainer.save_last_epoch()
            print(f"interrupted after epoch {trainer.current_epoch}; run again to resume", flush=True)
            raise SystemExit(INTERRUPTED) from None
        seconds = {
            "start": prepared - started,
            "training": time.perf_counter() - prepared,
            "total": seconds_before + time.perf_counter() - started,
        }
        _write_model(
            Path(model),
            trainer,
            {
                **record,
                **_measured(trainer, seconds, threads),
                "resumed_at": resumed_at,  # epochs
                "environment_not_used": unused,
            },
        )
    remove_checkpoints(checkpoints)


def sampling_of(preprocessed: Path, left_out: Collection[str]) -> Sampling:
    """How a network draws, which does not see the cases `left_out`.

    Drawn uniformly, its real cases would come the more rarely the more of them are left out, while a control of real exposure
    trains for the share of an arm with all of them: so a network of an ensemble draws real cases as often as that arm.
    """
    sampling, cases = read_sampling(preprocessed), read_cases(preprocessed)
    kept = cases.loc[(cases["role"] == "train") & ~cases["case"].isin(list(left_out)), "source"]
    if not left_out or sampling.pretrain or sampling.real_share is not None or (kept == "real").all():
        return sampling
    return replace(sampling, real_share=read_record(preprocessed)["expected_real_share"])


def describe_training(
    preprocessed: Path, settings: SegmentationSettings, training_seed: int, member: Member
) -> dict[str, Any]:
    """What the weights depend on: a checkpoint that differs in any of it is not resumed."""
    plan = read_json(preprocessed / f"{PLANS}.json")["configurations"][member.configuration]
    cases = read_cases(preprocessed)
    left_out = cases_left_out(cases, member)
    cases = cases[~cases["case"].isin(left_out)]
    training = cases[cases["role"] == "train"]
    by_source = {source: int((training["source"] == source).sum()) for source in SOURCES}
    arm = read_record(preprocessed)
    sampling = sampling_of(preprocessed, left_out)
    epochs = sampling.epochs(settings.iterations // settings.epoch_iterations)
    return {
        "arm": arm,
        "kind": settings.kind,
        "configuration": member.configuration,
        "left_out": left_out,
        "trainer": settings.trainer,
        "iterations": epochs * settings.epoch_iterations,
        "epochs": epochs,
        "epoch_iterations": settings.epoch_iterations,
        "validation_iterations": settings.validation_iterations,
        "learning_rate": settings.learning_rate,
        "momentum": settings.momentum,
        "batch_size": plan["batch_size"],
        "patch_size": plan["patch_size"],
        "features": plan["architecture"]["arch_kwargs"]["features_per_stage"],
        "training_seed": training_seed,
        "expected_real_exposure": expected_real_exposure(by_source, sampling),
        "cases": {**by_source, "validation": int((cases["role"] == "validation").sum())},
        "seen": sorted(set(cases.loc[cases["source"] != "synthetic", "subject"])),
        "validation_subjects": sorted(set(cases.loc[cases["role"] == "validation", "subject"])),
        "plan_sha256": sha256_file(preprocessed / f"{PLANS}.json"),
        "cases_sha256": sha256_file(preprocessed / "cases.tsv"),
        "nnunetv2": importlib.metadata.version("nnunetv2"),
        "torch": importlib.metadata.version("torch"),
    }


def _measured(trainer: StudyTrainer, seconds: dict[str, float], threads: int) -> dict[str, Any]:
    drawn = sum(trainer.draws.values())
    return {
        "draws": trainer.draws,
        # A repeated real case is a real case.
        "real_exposure": sum(trainer.draws.get(source, 0) for source in REAL_SOURCES) / drawn,
        "parameters": sum(weight.numel() for weight in trainer.plain_network().parameters()),
        "mirror_axes": list(trainer.inference_allowed_mirroring_axes or ()),  # a trainer may mirror nothing
        "device": trainer.device.type,
        "threads": threads,
        "compiled": trainer._do_i_compile(),
        "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
    }


def _write_model(model: Path, trainer: StudyTrainer, record: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    dataset = {key: value for key, value in trainer.dataset_json.items() if key != "dataset"}
    network = trainer.plain_network()
    # nnU-Net's state_dict names most weights several times over; these iterators name each once.
    weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    with atomic_folder(model) as folder:
        with atomic_file(folder / "model.safetensors") as temporary:  # for its rights
            save_file(weights, temporary)
        write_json(folder / "plans.json", trainer.plans_manager.plans, checksum=True)
        write_json(folder / "dataset.json", dataset, checksum=True)
        write_table(folder / "history.csv", pd.DataFrame(trainer.curves()))
        write_json(
            folder / "training.json",
            {**record, "weights_sha256": sha256_file(folder / "model.safetensors")},
            checksum=True,
        )
