"""How two folders are compared: everything a caller can set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings, MaskedAutoencoderSettings

#: Synthetic subjects without which nothing is measured; `synthaug.measures.distances` needs as many.
MINIMUM_REAL, MINIMUM_SYNTHETIC = 4, 2


@dataclass(frozen=True)
class EvaluateOptions:
    """How two folders are compared.

    Attributes
    ----------
    network : settings of an extractor, optional
        A network the user supplies, of any kind but ``study``; the masked autoencoder where None.
    weights, sha256 : Path, str, optional
        A masked autoencoder that exists; without weights one is trained on the real cines.
    model : MaskedAutoencoderSettings
        Sizes and optimisation of the one that is trained.
    resample : bool
        Whether cines of other voxel size or number of frames are resampled rather than refused.
    size : int, optional
        Rows and columns to crop or pad to; the median of the real cines where None.
    minimum : int
        Real subjects below which nothing is measured.
    settings : EvaluationSettings
        Splits, replicates, coverage of the intervals, and the seed, which is the training's too.
    threads : int
        CPU threads.
    """

    network: ExtractorSettings | None = None
    weights: Path | None = None
    sha256: str | None = None
    model: MaskedAutoencoderSettings = field(
        default_factory=lambda: MaskedAutoencoderSettings(kind="masked_autoencoder")
    )
    resample: bool = False
    size: int | None = None
    minimum: int = MINIMUM_REAL
    settings: EvaluationSettings = field(default_factory=EvaluationSettings)
    threads: int = 1
