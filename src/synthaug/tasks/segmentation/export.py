"""A trained segmenter as a model folder of nnU-Net, for its own commands."""

from __future__ import annotations

import shutil
from pathlib import Path

from synthaug.core.artifacts import atomic_folder
from synthaug.core.errors import SynthaugError
from synthaug.tasks.segmentation.predict import Segmenter


def export_nnunet_model(model: str | Path, output: str | Path) -> None:
    """Write the folder that ``nnUNetv2_predict_from_modelfolder -f 0`` loads.

    Parameters
    ----------
    model : path
        A folder that `synthaug.tasks.segmentation.train.train_segmenter` wrote.
    output : path
        Folder that receives ``plans.json``, ``dataset.json`` and ``fold_0/checkpoint_final.pth``; it must not exist. A trainer
        from outside nnU-Net is named without its module: nnU-Net must find it by itself.

    Raises
    ------
    SynthaugError
        The folder is no model, its weights are not those of its training, or `output` exists.
    """
    model, output = Path(model), Path(output)
    if not (model / "training.json").is_file():
        raise SynthaugError(f"{model}: no training.json; give the folder 'model' of a training")
    if output.exists():
        raise SynthaugError(f"{output}: exists already; give another folder")
    segmenter = Segmenter(model)
    import torch

    record = segmenter.record
    checkpoint = {
        # All names of shared weights, which nnU-Net wants to find.
        "network_weights": segmenter.network.state_dict(),
        "trainer_name": record["trainer"].rpartition(":")[2],
        "init_args": {"configuration": record["configuration"], "fold": 0},
        "inference_allowed_mirroring_axes": tuple(record["mirror_axes"]),
    }
    with atomic_folder(output) as folder:
        for name in ("plans.json", "dataset.json"):
            shutil.copy(model / name, folder / name)
        (folder / "fold_0").mkdir()
        torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
