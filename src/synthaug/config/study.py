"""A study: everything an augmentation experiment is, as one typed, closed configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from synthaug.config.arms import Arm, ArmSettings, reference_of, resolve_arms
from synthaug.config.base import Settings
from synthaug.config.chains import check_generator, check_model, check_sampler
from synthaug.config.data import DatasetSettings, HarmonisationSettings, SplitSettings
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.generators import GeneratorSettings
from synthaug.config.inherit import resolve_inheritance
from synthaug.config.latent_grid import check_latent_grid
from synthaug.config.models import ModelSettings
from synthaug.config.one_view import check_view
from synthaug.config.report import ReportSettings
from synthaug.config.synthesis import SynthesisSettings
from synthaug.config.task_phenotypes import check_task_phenotypes
from synthaug.config.tasks import AnyTaskSettings, SegmentationSettings
from synthaug.config.text import TextSettings
from synthaug.core.errors import SynthaugError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
#: Sections whose entries are named and may inherit from one another.
NAMED_SECTIONS = ("datasets", "models", "generators", "arms", "tasks")


def _default_tasks() -> dict[str, AnyTaskSettings]:
    return {"segmentation": SegmentationSettings()}


class StudySettings(Settings):
    """The study file."""

    name: str = Field(description="Name of the study; its results are in `results/<name>/`.")
    title: str = Field("", description="Title of the report; empty: the name.")
    datasets: dict[str, DatasetSettings] = Field(
        description="Datasets by name; the id of a subject is `<dataset>-<id>`."
    )
    harmonisation: HarmonisationSettings = Field(
        default_factory=HarmonisationSettings, description="Common grid of all cines."
    )
    split: SplitSettings = Field(
        default_factory=SplitSettings, description="Training, validation and test patients."
    )
    models: dict[str, ModelSettings] = Field(
        default_factory=dict, description="Trainable models by name; one job each, shared between generators."
    )
    generators: dict[str, GeneratorSettings] = Field(
        default_factory=dict,
        description="Generators by name: chains of models, or folders of cines.",
    )
    synthesis: SynthesisSettings = Field(
        default_factory=SynthesisSettings,
        description="Requests to the generators, and quality control.",
    )
    text: TextSettings = Field(
        default_factory=TextSettings,
        description="Sentences of subjects and requests, for models that read text.",
    )
    arms: dict[str, ArmSettings] = Field(
        description="Training sets of the tasks; their controls are added automatically."
    )
    tasks: dict[str, AnyTaskSettings] = Field(
        default_factory=_default_tasks,
        min_length=1,
        description="Downstream tasks by name: what is trained on every arm and scored on its test patients.",
    )
    evaluation: EvaluationSettings = Field(
        default_factory=EvaluationSettings, description="Distances, feature extractors, intervals and tests."
    )
    report: ReportSettings = Field(default_factory=ReportSettings, description="Content of the report.")

    @field_validator("name")
    @classmethod
    def _name_is_safe(cls, name: str) -> str:
        return _check_name(name)

    @field_validator(*NAMED_SECTIONS)
    @classmethod
    def _names_are_safe(cls, entries: dict[str, Any]) -> dict[str, Any]:
        for name in entries:
            _check_name(name)
        return entries

    @model_validator(mode="after")
    def _references_exist(self) -> StudySettings:
        for name, model in self.models.items():
            for needed in model.needs.values():
                _check_known(f"models.{name}.needs", needed, self.models)
            _check_acyclic(name, self.models)
            _check_roles(f"models.{name}.needs", model, self.models)
            check_model(name, self.models)
            _check_teacher(f"models.{name}.teacher.task", model, self.tasks)
        for name, generator in self.generators.items():
            where = f"generators.{name}.models" if hasattr(generator, "models") else f"generators.{name}"
            for needed in generator.needs.values():
                _check_known(where, needed, self.models)
            _check_roles(where, generator, self.models)
            segments = any(task.segments for task in self.tasks.values())
            check_generator(name, generator, self.models, segments)
        for name, arm in self.arms.items():
            if arm.generator is not None:
                _check_known(f"arms.{name}.generator", arm.generator, self.generators)
        for extractor in self.evaluation.model_names():
            _check_known("evaluation.extractors", extractor, self.models)
        for name, entry in self.evaluation.extractors.items():
            if entry.kind == "study_text" and self.models[entry.model].kind != "text_encoder":
                raise ValueError(
                    f"evaluation.extractors.{name}.model: {entry.model!r} is of kind {self.models[entry.model].kind}; name a "
                    "model of kind text_encoder"
                )
        recogniser = self.evaluation.recognition
        if recogniser and self.models[recogniser].kind != "patient_recogniser":
            raise ValueError(
                f"evaluation.recognition: {recogniser!r} is of kind {self.models[recogniser].kind}; name a model of "
                "kind patient_recogniser"
            )
        check_sampler(self.synthesis.requests, self.models)
        self._check_arms()
        self._check_tasks()
        self._check_unsplit_datasets()
        check_view(self)
        check_latent_grid(self)
        check_task_phenotypes(self)
        return self

    def every_arm(self) -> dict[str, Arm]:
        """Declared arms, each followed by its controls, by name."""
        brought = [name for name, generator in self.generators.items() if not generator.sampled]
        return resolve_arms(self.arms, brought)

    def _check_arms(self) -> None:
        if not any(arm.generator is None for arm in self.arms.values()):
            raise ValueError("arms: no arm of real patients only; add `real: {}` to compare with")
        resolved = self.every_arm()
        controls = {
            f"{name}-{control}"
            for name, arm in self.arms.items()
            for control in arm.controls
            if arm.has_controls
        }
        if not controls.isdisjoint(self.arms):
            raise ValueError("arms: an arm has the name of another's control; rename it")
        for name in self.arms:
            if reference_of(resolved[name], resolved.values()) is None:
                share = f"{resolved[name].real:g}"
                raise ValueError(
                    f"arms.{name}: no arm of the same real patients only to compare with; add "
                    f"`real-{share.replace('.', '-')}: {{real: {share}}}`"
                )

    def _check_tasks(self) -> None:
        if self.split.annotation == "diagnosis":
            for name, task in self.tasks.items():
                if task.kind != "classification":
                    raise ValueError(
                        f"tasks.{name}: a task of kind {task.kind} is tested on label volumes, which split.annotation: "
                        "diagnosis does not ask of a patient; leave the task out, or set annotation: labels"
                    )
        if any(task.segments for task in self.tasks.values()):
            return
        for name, generator in self.generators.items():
            if getattr(generator, "labels", "own") != "own":
                raise ValueError(
                    f"generators.{name}.labels: pseudo labels need a task of kind segmentation; add one, or set labels: own"
                )
        sampled = any(generator.sampled for generator in self.generators.values())
        if self.synthesis.sweep.levels and sampled:
            raise ValueError(
                "synthesis.sweep: its cines are measured by a task of kind segmentation; add one, or set levels: 0"
            )

    def _check_unsplit_datasets(self) -> None:
        used = set()
        for name, generator in self.generators.items():
            if generator.kind == "real":
                _check_known(f"generators.{name}.dataset", generator.dataset, self.datasets)
                used.add(generator.dataset)
        for name, dataset in self.datasets.items():
            if not dataset.split and name not in used:
                raise ValueError(
                    f"datasets.{name}: split is false and no generator of kind real uses it; "
                    "add one, or leave the dataset out"
                )
        if not any(dataset.split for dataset in self.datasets.values()):
            raise ValueError("datasets: split is false for all; no patient is left, set split: true for one")


def _check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"name {name!r} is not allowed; use up to 40 letters, digits or hyphens")
    return name


def _check_known(where: str, name: str, entries: Mapping[str, Any]) -> None:
    if name not in entries:
        raise ValueError(f"{where}: {name!r} is not declared; known are {', '.join(entries) or 'none'}")


def _check_teacher(where: str, model: Any, tasks: Mapping[str, Any]) -> None:
    """Refuse a teacher that is no segmenter, or does not say how sure it is."""
    teacher = getattr(model, "teacher", None)
    if teacher is None:
        return
    _check_known(where, teacher.task, tasks)
    if not isinstance(tasks[teacher.task], SegmentationSettings):
        raise ValueError(
            f"{where}: {teacher.task!r} is of kind {tasks[teacher.task].kind}; name a task of kind segmentation"
        )


def _check_roles(where: str, settings: Any, models: Mapping[str, Any]) -> None:
    """Refuse a model of a kind that does not fit its role."""
    for role, name in settings.needs.items():
        kinds = getattr(settings, "role_kinds", {}).get(role)
        if kinds and models[name].kind not in (*kinds, "plugin"):
            raise ValueError(
                f"{where}.{role}: {name!r} is of kind {models[name].kind}; this role takes {' or '.join(kinds)}"
            )


def _check_acyclic(start: str, models: Mapping[str, Any]) -> None:
    waiting, seen = list(models[start].needs.values()), set()
    while waiting:
        name = waiting.pop()
        if name == start:
            raise ValueError(f"models.{start}: depends on itself through needs; remove the cycle")
        if name not in seen and name in models:
            seen.add(name)
            waiting += models[name].needs.values()


def load_study(content: Mapping[str, Any]) -> StudySettings:
    """Validate a study file's content.

    Parameters
    ----------
    content : mapping
        The study file as read from YAML, `inherits` keys included.

    Raises
    ------
    SynthaugError
        One line a finding: the key, what is wrong, and the nearest right one.
    """
    content = dict(content)
    for section in NAMED_SECTIONS:
        if isinstance(content.get(section), Mapping):
            content[section] = resolve_inheritance(section, content[section])
    try:
        return StudySettings.model_validate(content)
    except ValidationError as error:
        raise SynthaugError("\n".join(_line(finding) for finding in error.errors())) from None


def _line(finding: Any) -> str:
    loc = list(finding["loc"])
    for place in (("datasets",), ("models",), ("generators",), ("tasks",), ("evaluation", "extractors")):
        if tuple(loc[: len(place)]) == place and len(loc) > len(place) + 1:
            del loc[len(place) + 1]  # pydantic names the kind there, which is no key of the study
    where = ".".join(str(part) for part in loc)
    message = finding["msg"].removeprefix("Value error, ") + _as_read(finding)
    return f"config: {where}: {message}" if where else f"config: {message}"


def _as_read(finding: Any) -> str:
    """The value that was read, where it is one and the message does not show it: YAML may have made it of another."""
    value, kind = finding["input"], finding["type"]
    own = kind in ("missing", "value_error", "unknown_key", "switch_for_number")
    if own or isinstance(value, (Mapping, list, tuple, BaseModel)) or repr(value) in finding["msg"]:
        return ""
    said = f", is {value!r}"
    if kind == "string_type" and value is not None:
        return f"{said}; put text in quotes, YAML reads a bare no, off, date or number as no text"
    return said
