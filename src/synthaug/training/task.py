"""What one process of a training is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from synthaug.config.models import ModelSettings


class Task(BaseModel):
    """Arguments of `synthaug.training.train_model`, which travel to other processes as JSON.

    `threads` are those of one process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: ModelSettings
    store: Path
    needs: Mapping[str, Path]
    weights: Path
    record: Path
    history: Path
    checkpoints: Path
    seed: int
    threads: int
    validation: Path | None = None
