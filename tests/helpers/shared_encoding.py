"""What models make of the cines of a fold before training, in this process or in as many as torchrun starts.

``torchrun shared_encoding.py STORE FOLDER`` writes it to a file a process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from tiny_models import SMALL, settings_of
from torch import Tensor

from synthaug.config.geometry import GeometrySettings
from synthaug.core.registry import class_of
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.codes import encode_codes
from synthaug.models.latents import encode_cines
from synthaug.training.devices import make_accelerator

COPIES = 2


def prepare(path: Path) -> dict[str, Any]:
    """Everything that models encode of a store: arrays by name, and how many cines this process's autoencoder took for `latents`."""
    accelerator = make_accelerator("float32")
    store = TensorStore.open(path)

    def made(kind: str, needs: dict[str, TrainableModel], **changes: object) -> Any:
        content = {
            "kind": kind,
            **SMALL[kind],
            **changes,
            "needs": {role: role for role in needs},
            "training": {"iterations": 1},
        }
        settings = settings_of(content)
        model_class = class_of(settings, TrainableModel)
        torch.manual_seed(0)
        return model_class(settings, Grid.of(store), needs, model_class.facts(settings, store)).eval()

    coder = made("autoencoder", {})
    quantised = made("vq_autoencoder", {})
    motion = made("motion_network", {"autoencoder": coder})
    deformation = made("deformation_network", {"autoencoder": coder})
    deformed = made(
        "deformation_diffusion", {"autoencoder": coder, "deformation_network": deformation}, copies=COPIES
    )
    base = made("cine_diffusion", {"autoencoder": coder}, network="unet", copies=COPIES)
    steered = {"autoencoder": coder, "diffusion": base}
    masks = made("control_branch", steered, masks="decoded", copies=COPIES)
    edges = made("control_branch", steered, structure="canny", copies=COPIES)

    cines = 0
    encode = coder.encode_cine

    def counted(*given: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal cines
        cines += 1
        result: tuple[Tensor, Tensor] = encode(*given)
        return result

    coder.encode_cine = counted
    cache = encode_cines(coder, store, range(4), COPIES, GeometrySettings())
    own, coder.encode_cine = cines, encode
    coded = encode_codes(quantised, store, COPIES, GeometrySettings())
    for model in (motion, deformation, deformed, masks, edges):
        model.prepare(store)
    slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
    arrays = {
        "mean": cache.mean,
        "log_variance": cache.log_variance,
        "scale": cache.scale,
        "codes": coded.codes,
        "motion": motion.replace_motion(cache, slices).mean,
        "deformation": deformed.codes,
        "of_ed": deformed.cache.mean,
        "masks": torch.stack(list(masks._decoded.values())),
        "edges": edges._edges,
        "statistics": deformation.mean,
    }
    accelerator.end_training()
    return {
        "process": accelerator.process_index,
        "cines": own,
        "subjects": len(store),
        "geometries": [[vars(moved) for moved in copy] for copy in cache.geometries],
        "arrays": arrays,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    told = prepare(Path(sys.argv[1]))
    torch.save(told, Path(sys.argv[2], f"{told['process']}.pt"))
