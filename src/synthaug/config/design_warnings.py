"""Limitations of a study design: warnings, never errors."""

from __future__ import annotations

from collections.abc import Iterator

from synthaug.config.arms import VERDICT_CONTROLS
from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.study import StudySettings
from synthaug.config.task_base import Step

#: Smallest number of training seeds and of generator seeds without a warning.
TRAINING_SEEDS, GENERATOR_SEEDS = 3, 3


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
        verdict that were left out; a generator that saw labels which its arm's segmenter did not; distances in features
        that an autoencoder was trained to match; masks judged by the segmenter that taught them.
    """
    said = []
    few: dict[int, list[str]] = {}
    for name, task in study.tasks.items():
        if len(task.training_seeds) < TRAINING_SEEDS:
            few.setdefault(len(task.training_seeds), []).append(name)
    for seeds, names in sorted(few.items()):
        several = len(names) > 1
        said.append(
            f"{'Tasks' if several else 'Task'} {', '.join(names)} {'train' if several else 'trains'} every arm with "
            f"{seeds} training seed{'s' if seeds > 1 else ''}; with fewer than {TRAINING_SEEDS} the variation between "
            f"trainings is poorly known ({'training_seeds of each' if several else f'tasks.{names[0]}.training_seeds'})."
        )
    generator_seeds = len(study.synthesis.generator_seeds)
    used = sorted({arm.generator for arm in study.arms.values() if arm.generator})
    names = [name for name in used if study.generators[name].sampled]
    if names and generator_seeds < GENERATOR_SEEDS:
        several = len(names) > 1
        said.append(
            f"{'Generators' if several else 'Generator'} {', '.join(names)} {'are' if several else 'is'} trained and sampled with "
            f"{generator_seeds} seed{'s' if generator_seeds > 1 else ''}; the results may be specific to "
            f"{'these trainings' if several or generator_seeds > 1 else 'that one training'} "
            f"(synthesis.generator_seeds, at least {GENERATOR_SEEDS})."
        )
    for name, arm in study.arms.items():
        missing = [control for control in VERDICT_CONTROLS if control not in arm.controls]
        if arm.has_controls and missing:
            said.append(
                f"Arm {name} has no control {' and no control '.join(missing)}; the effect of that control on its result is "
                f"unknown (arms.{name}.controls)."
            )
        if 0 < arm.real < 1 and arm.generator:
            generator = study.generators[arm.generator]
            if generator.sampled or getattr(generator, "labels", "own") == "pseudo":
                who = "its generator" if generator.sampled else "the segmenter of its pseudo labels"
                said.append(
                    f"Arm {name} has {arm.real:.0%} of the labelled training patients, but {who} was trained on all of "
                    "them: a gain may come from their labels. Use split.labelled_fraction to restrict the labels of both."
                )
    return [*said, *_matched_features(study), *_judging_teachers(study)]


def _judging_teachers(study: StudySettings) -> Iterator[str]:
    """Autoencoders whose masks are judged by the segmenter that taught them."""
    judge = next((name for name, task in study.tasks.items() if task.segments), "")
    taught = [
        name
        for name, model in study.models.items()
        if (teacher := getattr(model, "teacher", None)) and _same_training(study, teacher.task, judge)
    ]
    if taught:
        several = len(taught) > 1
        yield (
            f"Masks of autoencoder{'s' if several else ''} {', '.join(taught)} were taught by the training that judges generators: "
            "their agreement with it is no evidence (teacher.task: a task of its own, with another training seed)."
        )


def _same_training(study: StudySettings, teacher: str, judge: str) -> bool:
    """Whether two tasks train the same network on real patients, whatever their names."""
    one, other = study.tasks[teacher], study.tasks[judge]
    steps: tuple[Step, ...] = ("plan", "training_set", "training")
    return one.training_seeds[0] == other.training_seeds[0] and all(
        one.of_step(step) == other.of_step(step) for step in steps
    )


def _matched_features(study: StudySettings) -> Iterator[str]:
    """Extractors whose features are a perceptual term of an autoencoder."""
    for name, extractor in study.evaluation.extractors.items():
        if extractor.kind != "study":
            continue
        own = study.models[extractor.model]
        matching = [
            coder
            for coder, model in study.models.items()
            # Of the same settings and seed: the same weights, whatever the name.
            if model.kind in AUTOENCODER_KINDS and own == study.models.get(model.needs.get("perceptual", ""))
        ]
        if matching:
            several = len(matching) > 1
            yield (
                f"{'Autoencoders' if several else 'Autoencoder'} {', '.join(matching)} {'are' if several else 'is'} trained to "
                f"match features that extractor {name} measures distances in; these favour generators on "
                f"{'them' if several else 'it'} (needs.perceptual: a masked_autoencoder of other settings)."
            )
