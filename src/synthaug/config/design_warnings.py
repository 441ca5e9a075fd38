"""What the design of a study cannot tell: warnings, never errors."""

from __future__ import annotations

from synthaug.config.arms import VERDICT_CONTROLS
from synthaug.config.study import StudySettings

#: Trainings of the segmenter, and of a generator, below which their scatter is hardly known.
TRAINING_SEEDS, GENERATOR_SEEDS = 3, 2


def design_warnings(study: StudySettings) -> list[str]:
    """Limitations of a design, one sentence each, empty where none was found.

    Parameters
    ----------
    study : StudySettings
        The study.

    Returns
    -------
    list of str
        Too few training seeds; too few seeds of a generator that an arm uses; controls of the
        verdict that were left out; a generator that saw labels which its arm's segmenter did not.
    """
    said = []
    for name, task in study.tasks.items():
        seeds = len(task.training_seeds)
        if seeds < TRAINING_SEEDS:
            said.append(
                f"Task {name} trains every arm with {seeds} training seed{'s' if seeds > 1 else ''}; with fewer than "
                f"{TRAINING_SEEDS} the variation between trainings is hardly known (tasks.{name}.training_seeds)."
            )
    generator_seeds = len(study.synthesis.generator_seeds)
    for name in sorted({arm.generator for arm in study.arms.values() if arm.generator}):
        if study.generators[name].sampled and generator_seeds < GENERATOR_SEEDS:
            said.append(
                f"Generator {name} is trained and sampled with {generator_seeds} seed; what is said of it may be "
                f"peculiar to that one training (synthesis.generator_seeds, at least {GENERATOR_SEEDS})."
            )
    for name, arm in study.arms.items():
        missing = [control for control in VERDICT_CONTROLS if control not in arm.controls]
        if arm.has_controls and missing:
            said.append(
                f"Arm {name} goes without its control{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                f"what {'they' if len(missing) > 1 else 'it'} would have explained is not excluded."
            )
        if 0 < arm.real < 1 and arm.generator and study.generators[arm.generator].sampled:
            said.append(
                f"Arm {name} has {arm.real:.0%} of the labelled training patients, its generator learned from "
                "all of them: what it gains may be their labels. With split.labelled_fraction instead, the "
                "generator sees no more labels than the segmenter."
            )
    return said
