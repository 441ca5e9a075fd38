"""One nnU-Net plan a fold, from its real training cases, for every arm."""

from __future__ import annotations

from pathlib import Path

from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import atomic_folder, read_json, write_json
from synthaug.core.errors import SynthaugError
from synthaug.tasks.segmentation.cases import read_cases
from synthaug.tasks.segmentation.nnunet_classes import planner_class
from synthaug.tasks.segmentation.workspace import DATASET, PLANS, nnunet_workspace, threads_for_processes

FILES = (f"{PLANS}.json", "dataset_fingerprint.json")


def make_plan(
    dataset: str | Path,
    output: str | Path,
    settings: SegmentationSettings,
    threads: int = 1,
    stands_for: int | None = None,
) -> None:
    """Run nnU-Net's fingerprint and planner on a dataset's real training cases.

    Parameters
    ----------
    dataset : path
        A dataset that `write_raw_dataset` wrote; cases that validate or are not real are left out,
        so that the plan is the same whichever arm of the fold it is made from.
    output : path
        Folder that receives nnU-Net's plan and fingerprint, atomically.
    settings : SegmentationSettings
        Those that the plan depends on; see `SegmentationSettings.steps`.
    threads : int
        Cases read side by side.
    stands_for : int, optional
        Of how many cases these are a sample, as nnU-Net limits a batch to a share of all; as many as there are unless given.

    Raises
    ------
    SynthaugError
        No real training case, or nnU-Net does not offer the configuration for such data.
    """
    dataset = Path(dataset).resolve()
    cases = read_cases(dataset)
    real = cases.loc[(cases["role"] == "train") & (cases["source"] == "real"), "case"]
    if real.empty:
        raise SynthaugError(
            f"{dataset}: no real training case to plan from; plan from an arm with real patients"
        )
    description = read_json(dataset / "dataset.json")
    description["numTraining"] = len(real) if stands_for is None else stands_for
    description["dataset"] = {
        case: {
            "images": [str(dataset / image) for image in description["dataset"][case]["images"]],
            "label": str(dataset / description["dataset"][case]["label"]),
        }
        for case in real
    }
    with atomic_folder(output) as folder, nnunet_workspace(threads) as workspace:
        write_json(workspace / "nnUNet_raw" / DATASET / "dataset.json", description)
        _run_planner(settings, threads)
        plans = read_json(workspace / "nnUNet_preprocessed" / DATASET / f"{PLANS}.json")
        for configuration in settings.configurations:
            if configuration not in plans["configurations"]:
                raise SynthaugError(
                    f"tasks: configuration: nnU-Net has no {configuration} for stacks of one slice; use 2d"
                )
            if settings.batch_size is not None:
                plans["configurations"][configuration]["batch_size"] = settings.batch_size
        write_json(folder / FILES[0], plans, checksum=True)
        write_json(
            folder / FILES[1],
            read_json(workspace / "nnUNet_preprocessed" / DATASET / FILES[1]),
            checksum=True,
        )


def _run_planner(settings: SegmentationSettings, threads: int) -> None:
    from nnunetv2.experiment_planning.dataset_fingerprint import fingerprint_extractor

    with threads_for_processes(fingerprint_extractor):
        extractor = fingerprint_extractor.DatasetFingerprintExtractor(DATASET, threads)
        extractor.show_progress_bar = False
        # Intensity statistics serve CT only; nnU-Net would draw 1e8 voxels (gigabytes) for them.
        extractor.num_foreground_voxels_for_intensitystats = 1e6
        extractor.run(overwrite_existing=True)
    planner = planner_class(settings.planner)(
        DATASET, gpu_memory_target_in_gb=settings.gpu_memory_gb, plans_name=PLANS
    )
    planner.UNet_base_num_features = settings.base_features
    # nnU-Net takes the axis of the coarsest voxels for that of the slices, which here is the first one whatever their size.
    planner.suppress_transpose = True
    planner.plan_experiment()
