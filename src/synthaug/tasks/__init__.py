"""Downstream tasks: what an arm's training subjects are used for."""

from synthaug.tasks.base import CohortSegmenter, Task, open_segmenter, open_task

__all__ = ["CohortSegmenter", "Task", "open_segmenter", "open_task"]
