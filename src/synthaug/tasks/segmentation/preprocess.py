"""nnU-Net's preprocessing of one arm with the fold's shared plan."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from synthaug.core.artifacts import atomic_folder, read_json
from synthaug.tasks.segmentation import plan as shared_plan
from synthaug.tasks.segmentation.cases import RECORD
from synthaug.tasks.segmentation.workspace import DATASET, PLANS, nnunet_workspace, threads_for_processes


def preprocess_dataset(
    dataset: str | Path,
    plan: str | Path,
    output: str | Path,
    configurations: Sequence[str],
    threads: int = 1,
) -> None:
    """Crop, normalise and resample the cases of an arm as the plan says.

    Parameters
    ----------
    dataset : path
        A dataset that `write_raw_dataset` wrote.
    plan : path
        A folder that `make_plan` wrote.
    output : path
        Folder that receives nnU-Net's preprocessed dataset with its plan, split and case list,
        atomically.
    configurations : sequence of {"2d", "3d_fullres"}
        nnU-Net configurations.
    threads : int
        Cases preprocessed side by side.
    """
    dataset, plan = Path(dataset), Path(plan)
    with atomic_folder(output) as folder:
        for file in shared_plan.FILES:
            shutil.copyfile(plan / file, folder / file)
        for file in ("dataset.json", "splits_final.json", "cases.tsv", RECORD):
            shutil.copyfile(dataset / file, folder / file)
        with nnunet_workspace(threads, raw=dataset, preprocessed=folder):
            from nnunetv2.preprocessing.preprocessors import default_preprocessor
            from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

            plans = PlansManager(read_json(folder / f"{PLANS}.json"))
            for configuration in configurations:
                preprocessor = plans.get_configuration(configuration).preprocessor_class(verbose=False)
                preprocessor.show_progress_bar = False
                with threads_for_processes(default_preprocessor):
                    preprocessor.run(DATASET, configuration, PLANS, num_processes=threads)
