"""Trainers and planners of nnU-Net by name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import load_class


def trainer_class(name: str) -> Any:
    """The trainer of a study on top of a trainer of nnU-Net.

    Call it inside `synthaug.tasks.segmentation.workspace.nnunet_workspace`.

    Parameters
    ----------
    name : str
        Name of a trainer of nnU-Net, or ``module:Class``.

    Returns
    -------
    type
        `StudyTrainer`, which for another trainer than nnU-Net's default is also derived from that one.

    Raises
    ------
    SynthaugError
        No such class.
    """
    from synthaug.tasks.segmentation.trainer import StudyTrainer

    base = plain_trainer_class(name)
    return StudyTrainer if issubclass(StudyTrainer, base) else type("StudyTrainer", (StudyTrainer, base), {})


def plain_trainer_class(name: str) -> Any:
    """A trainer of nnU-Net as it is; parameters and errors as for `trainer_class`."""
    from nnunetv2.training import nnUNetTrainer as package
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    return _find("trainer", name, nnUNetTrainer, package)


def planner_class(name: str) -> Any:
    """A planner of nnU-Net; parameters and errors as for `trainer_class`."""
    from nnunetv2.experiment_planning import experiment_planners as package
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    return _find("planner", name, ExperimentPlanner, package)


def _find(key: str, name: str, base: type, package: ModuleType) -> Any:
    if ":" in name:
        return load_class(name, base)
    if name == base.__name__:
        return base
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

    found = recursive_find_python_class(package.__path__[0], name, package.__name__)
    if found is None or not issubclass(found, base):
        raise SynthaugError(f"tasks: {key}: nnU-Net has no {key} {name!r}; name another, or module:Class")
    return found
