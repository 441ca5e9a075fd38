"""Random forest on measured phenotypes: the bar that a network must clear on few patients.

A forest is not written tree by tree: it is grown again from its training table and seed, and its predictions of that table
are compared with those of the training.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from synthaug.core.errors import SynthaugError
from synthaug.tasks.image_level.targets import Classes, Targets


class Forest:
    """Random forest of scikit-learn, one per phenotype in a regression.

    A missing feature is no number to it: each split sends the subjects without the feature to the side that serves the
    split better, or, where all training subjects had it, to the side of most of them. Nothing is imputed.

    Parameters
    ----------
    targets : Targets
        What is predicted.
    features : ndarray, shape (n, d)
        Phenotypes of the labelled subjects; NaN is unknown.
    values : ndarray, shape (n, k)
        Their targets.
    weights : ndarray, shape (n,)
        Weight of each subject.
    trees : int
        Trees of a forest.
    seed : int
        Seed of its bootstrap samples and features.
    threads : int
        CPU threads; the forest does not depend on them.

    References
    ----------
    Breiman, Random forests, Mach. Learn. 45, 2001. Missing values: Twala et al., Pattern Recognit. Lett. 29, 2008.
    """

    def __init__(
        self,
        targets: Targets,
        features: np.ndarray,
        values: np.ndarray,
        weights: np.ndarray,
        trees: int,
        seed: int,
        threads: int = 1,
    ) -> None:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        self.targets = targets
        options: dict[str, Any] = {"n_estimators": trees, "random_state": seed, "n_jobs": threads}
        self._forests: list[Any] = []
        if isinstance(targets, Classes):
            self._forests.append(
                RandomForestClassifier(**options).fit(features, values[:, 0].astype(int), weights)
            )
        else:
            for number, name in enumerate(targets.names):
                known = ~np.isnan(values[:, number])
                if not known.any():
                    raise SynthaugError(
                        f"random_forest: {name} is known of no labelled subject of the arm; give it more real patients"
                    )
                forest = RandomForestRegressor(**options)
                self._forests.append(forest.fit(features[known], values[known, number], weights[known]))
        self.fingerprint = hashlib.sha256(self.predict(features).round(9).tobytes()).hexdigest()

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Probabilities, or phenotypes in their units, (n, outputs), of subjects with these phenotypes (n, d)."""
        if isinstance(self.targets, Classes):
            forest = self._forests[0]
            probabilities = np.zeros((len(features), self.targets.outputs))
            probabilities[:, forest.classes_] = forest.predict_proba(features)
            return probabilities
        outputs = np.stack([forest.predict(features) for forest in self._forests], axis=1)
        return self.targets.predictions(outputs)
