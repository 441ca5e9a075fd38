"""A store of beating ellipsoids, and models small enough to train in seconds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from beating_ellipsoid import FRAMES, SPACING_MM, beating_heart

from synthaug.config.models import ModelSettings
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.store import pack
from synthaug.training import train_model

SLICES = 6
SMALL = {
    "autoencoder": {"channels": [4, 8], "latent_channels": 2},
    "anatomy_diffusion": {"channels": [8, 8]},
    "motion_network": {"channels": [8, 8]},
    "motion_diffusion": {"channels": [8, 8]},
    "slice_autoencoder": {"channels": [4], "blocks": 1, "latent_channels": 2, "slices_drawn": 1},
    "vq_autoencoder": {"channels": [4], "blocks": 1, "latent_channels": 2, "codes": 8, "slices_drawn": 1},
    "masked_autoencoder": {"width": 24, "depth": 1, "heads": 2, "decoder_width": 12, "decoder_depth": 1},
    "patient_recogniser": {"channels": [8, 16], "width": 16},
    "cine_diffusion": {"channels": [8, 8], "width": 8, "heads": 2, "depth": 1, "patch": [1, 8, 8]},
    "control_branch": {"width": 4},
    "phenotype_vae": {"phenotypes": ["age", "height_cm"], "widths": [8], "latent_size": 2},
    "phenotype_copula": {"phenotypes": ["age", "height_cm"]},
    "text_encoder": {
        "width": 16,
        "depth": 1,
        "heads": 2,
        "embedding": 8,
        "channels": [8],
        "slices_drawn": 2,
    },
    "masked_autoregression": {
        "patch": [5, 8, 8],
        "width": 16,
        "encoder_depth": 1,
        "decoder_depth": 1,
        "heads": 2,
        "buffer": 2,
        "head_width": 16,
        "head_depth": 1,
        "draws": 2,
    },
    "vq_autoregression": {"width": 16, "depth": 1, "heads": 2},
    "text_alignment": {
        "contexts": 2,
        "patch": [5, 2, 4, 4],
        "width": 8,
        "heads": 2,
        "copies": 2,
        "paraphrases": 2,
    },
    "text_diffusion": {"channels": [8, 8], "copies": 2, "paraphrases": 2},
    "plugin": {},
    "deformation_network": {"channels": [8, 8], "code_channels": 2, "field_channels": 4},
    "deformation_diffusion": {"channels": [8, 8]},
    "sequence_diffusion": {"channels": [8, 8], "width": 8, "heads": 2, "depth": 1},
}
#: What makes the vector-quantised autoencoder's latent frames 2 x 2: codes are drawn one after the other.
FEW_CODES = {"channels": [4] * 5, "strides": [[2, 2, 2], *[[1, 2, 2]] * 4]}


def settings_of(content: dict[str, object]) -> ModelSettings:
    """Settings of a model from what a study says of it."""
    settings: ModelSettings = parse(content, ModelSettings)
    return settings


def write_store(path: Path, subjects: int = 4, n_slices: int = SLICES, seed: int = 0) -> Path:
    """Pack `subjects` hearts of 64 x 64 pixels, the last one unlabelled, every other one slice short."""
    rows = []
    for number in range(subjects):
        edv_ml, esv_ml, own_slices = 120.0 + 20 * number, 50.0 + 10 * number, n_slices - number % 2
        cine, labels = beating_heart(edv_ml, esv_ml, own_slices, seed=seed + number)
        labelled = number < subjects - 1
        folder = path.with_name(f"{path.name}-cohort")
        frames = {0: labels[0], FRAMES // 2: labels[FRAMES // 2]} if labelled else {}
        write_subject(folder / f"sub-h{number}", cine, frames, SPACING_MM)
        rows.append(
            {
                "subject": f"h{number}",
                "dataset": "h",
                "vendor": "A",
                "diagnosis": ("NOR", "DCM")[number % 2],
                "age": 40.0 + 7 * number,
                "height_cm": 160.0 + 11 * number % 30,
                "ed_frame": 0,
                "es_frame": FRAMES // 2,
                "labelled_frames": f"0,{FRAMES // 2}" if labelled else None,
                "n_frames": FRAMES,
                "n_slices": own_slices,
                "lv_edv_ml": edv_ml if labelled else None,
                "lv_esv_ml": esv_ml if labelled else None,
                "lv_ef": 100 * (1 - esv_ml / edv_ml) if labelled else None,
            }
        )
    write_cohort(folder, "h", "real", rows, SPACING_MM)
    pack(Cohort.open(folder), path, n_slices)
    return path


def train(
    kind: str,
    store: Path,
    folder: Path,
    needs: dict[str, Path] | None = None,
    changes: dict[str, object] | None = None,
    processes: int = 1,
    **training: object,
) -> Path:
    """Train a small model of a kind, or a variant that changes some of its keys, and return its weight file."""
    content = {
        "kind": kind,
        **SMALL[kind],
        **(changes or {}),
        "needs": {role: role for role in needs or {}},
        "training": {
            "iterations": 4,
            "batch_size": 2,
            "warmup_iterations": 1,
            **training,
        },
    }
    train_model(
        settings_of(content),
        store=store,
        needs=needs or {},
        weights=folder / "model.safetensors",
        record=folder / "training.json",
        history=folder / "history.csv",
        checkpoints=folder / "checkpoints",
        seed=0,
        threads=processes,
        processes=processes,
    )
    return folder / "model.safetensors"


def requests(count: int) -> pd.DataFrame:
    """Requests with everything requested, everything open, and what lies between."""
    table = pd.DataFrame(
        {
            "subject": [f"s-{number}" for number in range(count)],
            "diagnosis": pd.array(["NOR", None, "DCM"] * count, dtype="string")[:count],
            "vendor": pd.array(["A", None, "A"] * count, dtype="string")[:count],
            "lv_edv_ml": ([150.0, None, 170.0] * count)[:count],
            "lv_esv_ml": ([60.0, None, None] * count)[:count],
            "myo_mass_g": [float("nan")] * count,
            "n_slices": ([6, 5, 4] * count)[:count],
            "es_phase": ([0.4, None, 0.5] * count)[:count],
            "seed": range(100, 100 + count),
        }
    )
    return table
