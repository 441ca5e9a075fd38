"""What is predicted of a subject, as numbers that a network, a linear probe and a random forest learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from synthaug.data.cohort import Cohort
from synthaug.tasks.image_level.phenotype_columns import enlarged, read_columns


class Targets(ABC):
    """Targets of a fold, as its plan has them.

    A subject's target is a vector of numbers, NaN where one is unknown. A subject all of whose numbers are unknown is not
    labelled.

    Attributes
    ----------
    names : list of str
        Classes, or phenotypes: what each output is about.
    """

    names: list[str]

    @property
    def outputs(self) -> int:
        """Numbers that are predicted of a subject."""
        return len(self.names)

    @abstractmethod
    def of_cohort(self, cohort: Cohort) -> tuple[np.ndarray, list[str]]:
        """Targets of all subjects, (n, k), and for each why it is not labelled; empty where it is."""

    @abstractmethod
    def enlarged(self, values: np.ndarray, scale: float) -> np.ndarray:
        """Targets (k,) of a copy whose heart was enlarged in plane."""

    @abstractmethod
    def loss(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Loss of outputs (b, outputs) against targets (b, k), at least one of a row known."""

    @abstractmethod
    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities, or phenotypes in their units, (n, outputs), from outputs of the network."""

    @abstractmethod
    def figures(self, predictions: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """Figures for the training record, from predictions and targets of the validation patients."""


class Classes(Targets):
    """Class of a subject; its target is the number of the class.

    Parameters
    ----------
    classes : mapping of str to sequence of str
        Diagnosis codes of each class, in order.
    """

    def __init__(self, classes: Mapping[str, Sequence[str]]) -> None:
        self.names = list(classes)
        self.class_of = {code: name for name, codes in classes.items() for code in codes}

    def of_cohort(self, cohort: Cohort) -> tuple[np.ndarray, list[str]]:
        """Number of the class of each subject, and why a subject has none."""
        values, reasons = np.full((len(cohort.subjects), 1), np.nan), []
        for row, diagnosis in enumerate(cohort.table["diagnosis"]):
            if pd.isna(diagnosis):
                reasons.append("diagnosis unknown")
            elif str(diagnosis) not in self.class_of:
                reasons.append(f"diagnosis {diagnosis} is in no class")
            else:
                values[row] = self.names.index(self.class_of[str(diagnosis)])
                reasons.append("")
        return values, reasons

    def enlarged(self, values: np.ndarray, scale: float) -> np.ndarray:
        """The same: a diagnosis is kept."""
        return values

    def loss(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(outputs, values[:, 0].long())

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Probability of each class."""
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        probabilities: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
        return probabilities

    def figures(self, predictions: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """Accuracy."""
        known = ~np.isnan(values[:, 0])
        right = predictions[known].argmax(axis=1) == values[known, 0]
        return {"validation_accuracy": float(right.mean())} if known.any() else {}


class Phenotypes(Targets):
    """Phenotypes of a subject, standardised with mean and SD of the fold's training patients.

    Parameters
    ----------
    targets : mapping of str to mapping
        ``mean`` and ``sd`` of each phenotype, in its unit.
    """

    def __init__(self, targets: Mapping[str, Mapping[str, Any]]) -> None:
        self.names = list(targets)
        self.mean = np.array([target["mean"] for target in targets.values()])
        self.sd = np.array([target["sd"] for target in targets.values()])

    def of_cohort(self, cohort: Cohort) -> tuple[np.ndarray, list[str]]:
        """Standardised phenotypes of each subject; a subject with none of them is not labelled."""
        values = (read_columns(cohort, self.names) - self.mean) / self.sd
        unknown = np.isnan(values).all(axis=1)
        return values, ["no target phenotype is known" if none else "" for none in unknown]

    def enlarged(self, values: np.ndarray, scale: float) -> np.ndarray:
        """Phenotypes of the enlarged heart; see `synthaug.tasks.image_level.phenotype_columns.enlarged`."""
        return (enlarged(values * self.sd + self.mean, self.names, scale) - self.mean) / self.sd

    def loss(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Mean squared error over the phenotypes that are known."""
        known = ~torch.isnan(values)
        squares = (outputs - values.nan_to_num()) ** 2 * known
        return squares.sum() / known.sum().clamp(min=1)

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Phenotypes in their units."""
        phenotypes: np.ndarray = outputs * self.sd + self.mean
        return phenotypes

    def figures(self, predictions: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """Mean absolute error in SD of the training patients."""
        errors = np.abs((predictions - self.mean) / self.sd - values)
        known = ~np.isnan(errors)
        return {"validation_error_sd": float(errors[known].mean())} if known.any() else {}


def targets_of(plan: Mapping[str, Any]) -> Targets:
    """Targets of a plan."""
    return Classes(plan["classes"]) if "classes" in plan else Phenotypes(plan["targets"])
