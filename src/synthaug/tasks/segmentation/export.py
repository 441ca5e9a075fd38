"""A trained segmenter as a model folder of nnU-Net, for its own commands."""

from __future__ import annotations

import shutil
from pathlib import Path

from synthaug.core.artifacts import atomic_folder, read_json
from synthaug.core.errors import SynthaugError
from synthaug.labels import STRUCTURES
from synthaug.tasks.segmentation.postprocessing import DECISION, Postprocessing, nnunets_removal
from synthaug.tasks.segmentation.predict import Ensemble, Segmenter, open_segmenter


def export_nnunet_model(model: str | Path, output: str | Path) -> None:
    """Write the folder that ``nnUNetv2_predict_from_modelfolder -f 0`` loads; of an ensemble with ``-f 0 1 ...``.

    Parameters
    ----------
    model : path
        A folder that `synthaug.tasks.segmentation.train_ensemble.train_ensemble` wrote. Where the folder ``validation`` of its
        training lies beside it, the post-processing decided there is written too.
    output : path
        Folder that receives ``plans.json``, ``dataset.json`` and ``fold_0/checkpoint_final.pth``, of an ensemble
        one such folder a network; with a post-processing also
        its record ``postprocessing.json`` and ``postprocessing.pkl``, which ``nnUNetv2_apply_postprocessing`` loads.
        It must not exist. A trainer from outside nnU-Net is named without its module: nnU-Net must find it by itself.

    Raises
    ------
    SynthaugError
        The folder is no model, its weights are not those of its training, the post-processing was decided for another
        training, networks of two configurations, or `output` exists.
    """
    model, output = Path(model), Path(output)
    if not (model / "training.json").is_file():
        raise SynthaugError(f"{model}: no training.json; give the folder 'model' of a training")
    kind = read_json(model / "training.json").get("kind", "segmentation")
    if kind != "segmentation":
        raise SynthaugError(
            f"{model}: is a training of kind {kind}; nnU-Net's commands take segmentations only"
        )
    if output.exists():
        raise SynthaugError(f"{output}: exists already; give another folder")
    validation = model.parent / "validation"
    decided = (validation / DECISION).is_file()
    segmenter = open_segmenter(model, validation=validation if decided else None)
    members = segmenter.members if isinstance(segmenter, Ensemble) else {"": segmenter}
    if len({member.record["configuration"] for member in members.values()}) > 1:
        raise SynthaugError(
            f"{model}: holds networks of two configurations, which nnU-Net keeps in two folders; give the folder of one "
            f"network, for example {model / next(iter(members))}"
        )
    with atomic_folder(output) as folder:
        for name in ("plans.json", "dataset.json"):
            shutil.copy(model / next(iter(members)) / name, folder / name)
        for fold, member in enumerate(members.values()):
            (folder / f"fold_{fold}").mkdir()
            _write_checkpoint(folder / f"fold_{fold}" / "checkpoint_final.pth", member, fold)
        if decided:
            shutil.copy(validation / DECISION, folder / DECISION)
            _write_pickle(folder / "postprocessing.pkl", segmenter.postprocessing)


def _write_checkpoint(path: Path, segmenter: Segmenter, fold: int) -> None:
    import torch

    record = segmenter.record
    checkpoint = {
        # All names of shared weights, which nnU-Net wants to find.
        "network_weights": segmenter.network.state_dict(),
        "trainer_name": record["trainer"].rpartition(":")[2],
        "init_args": {"configuration": record["configuration"], "fold": fold},
        # None where the trainer mirrors nothing: nnU-Net looks for the greatest of these axes.
        "inference_allowed_mirroring_axes": tuple(record["mirror_axes"]) or None,
    }
    torch.save(checkpoint, path)


def _write_pickle(path: Path, postprocessing: Postprocessing) -> None:
    """The post-processing as nnU-Net stores it: functions, and their arguments."""
    from batchgenerators.utilities.file_and_folder_operations import save_pickle

    removals = [
        {"labels_or_regions": [STRUCTURES[name] for name in structures]}
        for structures in postprocessing.keep_largest
    ]
    save_pickle(([nnunets_removal()] * len(removals), removals), str(path))
