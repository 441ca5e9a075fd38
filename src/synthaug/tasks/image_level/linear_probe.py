"""Logistic or ridge regression on a frozen encoder's features, as weights of the linear head."""

from __future__ import annotations

import numpy as np

from synthaug.core.errors import SynthaugError
from synthaug.tasks.image_level.targets import Classes, Targets

#: Logit of a class without a training subject, beside which its probability is 0.
_NEVER = -1e4
_FLAT = 1e-6


def fit_probe(
    targets: Targets, features: np.ndarray, values: np.ndarray, weights: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a linear head.

    Parameters
    ----------
    targets : Targets
        What is predicted.
    features : ndarray, shape (n, d)
        Features of the labelled subjects; standardised here.
    values : ndarray, shape (n, k)
        Their targets; of a phenotype, subjects of whom it is unknown are left out.
    weights : ndarray, shape (n,)
        Weight of each subject, 1 on average.
    penalty : float
        Weight of the squared coefficients.

    Returns
    -------
    weight : ndarray, shape (outputs, d)
    bias : ndarray, shape (outputs,)
        Of the features as they are.

    Raises
    ------
    SynthaugError
        All subjects are of one class, or a phenotype is known of none.
    """
    mean, sd = features.mean(axis=0), features.std(axis=0) + _FLAT
    standardised = (features - mean) / sd
    fit = _logistic if isinstance(targets, Classes) else _ridge
    weight, bias = fit(targets, standardised, values, weights, penalty)
    return weight / sd, bias - weight @ (mean / sd)


def _logistic(
    targets: Targets, features: np.ndarray, values: np.ndarray, weights: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    numbers = values[:, 0].astype(int)
    present = np.unique(numbers)
    if len(present) < 2:
        raise SynthaugError(
            f"linear_probe: all labelled subjects of the arm are of class {targets.names[present[0]]!r}; "
            "give the arm more real patients"
        )
    model = LogisticRegression(C=1 / penalty, max_iter=10_000).fit(features, numbers, weights)
    weight, bias = np.zeros((targets.outputs, features.shape[1])), np.full(targets.outputs, _NEVER)
    if len(present) == 2:  # one logit, of the second class
        weight[present[1]], bias[present] = model.coef_[0], [0.0, model.intercept_[0]]
    else:
        weight[present], bias[present] = model.coef_, model.intercept_
    return weight, bias


def _ridge(
    targets: Targets, features: np.ndarray, values: np.ndarray, weights: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import Ridge

    weight, bias = np.zeros((targets.outputs, features.shape[1])), np.zeros(targets.outputs)
    for number, name in enumerate(targets.names):
        known = ~np.isnan(values[:, number])
        if not known.any():
            raise SynthaugError(
                f"linear_probe: {name} is known of no labelled subject of the arm; give it more real patients"
            )
        model = Ridge(alpha=penalty).fit(features[known], values[known, number], weights[known])
        weight[number], bias[number] = model.coef_, model.intercept_
    return weight, bias
