"""Trainers and planners of nnU-Net by name; what a trained segmenter's own files may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import check_named, load_class, named_plugins

#: Packages whose classes the plans of nnU-Net's own planners name.
_NETWORKS = frozenset({"dynamic_network_architectures", "nnunetv2", "torch"})


def check_trainer(name: str, file: Path) -> None:
    """Refuse a trainer from outside that only a file names; see `synthaug.core.plugins.check_named`."""
    if ":" in name:
        check_named(name, file)


def check_network(plans: Mapping[str, Any], file: Path) -> None:
    """Refuse plans that name anything but networks and layers: nnU-Net imports and calls whatever stands there.

    Parameters
    ----------
    plans : mapping
        Content of nnU-Net's ``plans.json``.
    file : Path
        Where they lie.

    Raises
    ------
    SynthaugError
        A class of another package, unless a trainer or planner of the study is from there, or no network and no layer.
    """
    import pydoc

    from torch import nn

    named = {reference.partition(":")[0].partition(".")[0] for reference in named_plugins()}
    for name in _imported_by(plans):
        package = name.partition(".")[0]
        if package in named:
            continue
        found = pydoc.locate(name) if package in _NETWORKS else None
        if not (isinstance(found, type) and issubclass(found, nn.Module)):
            raise SynthaugError(
                f"{file}: names {name}, which is no network or layer of nnU-Net or PyTorch and of no package that a study "
                "that runs here names; its code is not run. If it is yours, give its trainer to "
                "synthaug.core.plugins.name_plugins first"
            )


def _imported_by(plans: Mapping[str, Any]) -> Iterator[str]:
    for configuration in plans["configurations"].values():
        architecture = configuration.get("architecture") or {}
        arguments = architecture.get("arch_kwargs") or {}
        places = [arguments.get(key) for key in architecture.get("_kw_requires_import") or ()]
        yield from (
            name for name in [architecture.get("network_class_name"), *places] if isinstance(name, str)
        )


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
