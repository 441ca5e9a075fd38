"""Settings of a segmenter that labels the training frames which nobody labelled."""

from __future__ import annotations

from pydantic import Field

from synthaug.config.base import Settings


class TeacherSettings(Settings):
    """A segmenter of the fold's real training patients labels training frames without labels, where it is sure."""

    task: str = Field(
        description="Task of kind `segmentation`; its training on real patients with its first seed labels the frames. Declare one "
        "beside the first segmentation task, which judges what generators make."
    )
    confidence: float = Field(
        0.9, ge=0, lt=1, description="Least probability of a voxel's label for which it is a truth."
    )
