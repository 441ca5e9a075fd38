"""How well an arm tells the classes: balanced accuracy, areas under the ROC curve, confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.metrics.percentile_bootstrap import NO_WIDTH, percentile_interval
from synthaug.metrics.roc import delong, ordered_pairs, weighted_auc
from synthaug.statistics.estimate_rows import arm_fields, bootstrap_mean
from synthaug.statistics.scores import RUN, of_headline, patient_of
from synthaug.tables import Row, make_table

_LEAST_PATIENTS = 2


def classification_performance(
    scores: pd.DataFrame, arms: Sequence[Arm], settings: EvaluationSettings
) -> pd.DataFrame:
    """Balanced accuracy, AUC of each class against the rest and their mean, and the confusion matrix, per arm.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient of all arms, with `accuracy` and `class_probability`. Visits of a patient are averaged;
        where foreign vendors are tested, their patients alone count.
    arms : sequence of Arm
        All arms, controls included.
    settings : EvaluationSettings
        Coverage, replicates and seed of the bootstrap over patients.

    Returns
    -------
    DataFrame
        No row where nothing was classified. ``balanced_accuracy``: mean over a patient's trainings, then over the patients
        of a class, then over classes. ``auc`` of a class (`target`): share of the pairs of a patient of the class and
        another that are in order, within each training, averaged over trainings, with DeLong's interval; ``auc`` without
        target: mean over classes. ``confusion``: share of the patients of a class (`diagnosis`) that are predicted as
        `target`; `n` is the number of its patients. Intervals of means are of a bootstrap over patients, drawn within
        each class; they count patients, not trainings; a balanced accuracy with a class of one patient has none. A class that no
        training patient had counts as wrong, and as the rest of every other. One class only, or fewer than two patients on a
        side: ``not_measured``.

    References
    ----------
    DeLong et al., Biometrics 44, 1988. Mean over classes of one against the rest: Provost and Domingos, 2000.
    """
    wanted = scores["metric"].isin(["accuracy", "class_probability"]) & scores["value"].notna()
    measured = of_headline(scores[wanted])
    measured = measured.assign(
        patient=patient_of(measured), run=measured.groupby(list(RUN), dropna=False).ngroup()
    )
    classes = [str(name) for name in measured["target"].dropna().drop_duplicates()]
    rows: list[Row] = []
    for arm in arms if classes else ():
        own = measured[measured["arm"] == arm.name]
        found = _Classified(own, classes)
        for row in (
            _balanced_accuracy(found, settings),
            *_areas(found, settings),
            *_confusion(found, settings),
        ):
            rows.append({**row, **arm_fields(arm)})
    return make_table(rows)


class _Classified:
    """Scores of one arm as arrays over its patients.

    Attributes
    ----------
    classes : list of str
        Classes that were predicted, in order.
    patients : Index
        Patients.
    true : ndarray of str, shape (n_patients,)
        Class of each patient.
    right : ndarray, shape (n_patients,)
        Share of a patient's trainings that are right.
    probabilities : ndarray, shape (n_classes, n_runs, n_patients)
        NaN where a training did not score the patient.
    predicted : ndarray, shape (n_patients, n_classes)
        Share of a patient's trainings that predict each class.
    """

    def __init__(self, own: pd.DataFrame, classes: list[str]) -> None:
        self.classes = classes
        accuracy = own[own["metric"] == "accuracy"]
        probabilities = own[own["metric"] == "class_probability"]
        true = probabilities.groupby("patient")["diagnosis"].first().astype(str)
        self.patients, self.true = true.index, true.to_numpy(str)
        self.right = accuracy.groupby("patient")["value"].mean().reindex(self.patients).to_numpy(float)
        runs = sorted(probabilities["run"].unique())
        grid = pd.MultiIndex.from_product([runs, self.patients])
        by_visit = probabilities.pivot_table(
            index=["run", "patient", "subject"], columns="target", values="value", observed=True
        ).reindex(columns=classes)
        means = by_visit.groupby(level=["run", "patient"]).mean().reindex(grid)
        shape = (len(runs), len(self.patients), len(classes))
        self.probabilities = means.to_numpy(float).reshape(shape).transpose(2, 0, 1)
        first = by_visit.fillna(-1.0).to_numpy(float).argmax(axis=1) if len(by_visit) else np.zeros(0, int)
        chosen = pd.DataFrame(np.eye(len(classes))[first], index=by_visit.index, columns=classes)
        self.predicted = chosen.groupby(level="patient").mean().reindex(self.patients).to_numpy(float)

    @property
    def strata(self) -> list[np.ndarray]:
        """Patients of each class that any has."""
        return [np.flatnonzero(self.true == name) for name in dict.fromkeys(self.true)]

    @property
    def unseen(self) -> int:
        """Patients of a class that no training patient had."""
        return int((~np.isin(self.true, self.classes)).sum())

    def resampled(self, settings: EvaluationSettings) -> np.ndarray:
        """How often each bootstrap sample has each patient, (n_replicates, n_patients), drawn within classes."""
        rng = np.random.default_rng(settings.seed)
        counts = np.zeros((settings.replicates, len(self.true)))
        for members in self.strata:
            n = len(members)
            counts[:, members] = rng.multinomial(n, np.full(n, 1 / n), settings.replicates)
        return counts


def _balanced_accuracy(found: _Classified, settings: EvaluationSettings) -> Row:
    row: Row = {**columns_of("balanced_accuracy"), "n": len(found.true)}
    strata = found.strata
    if len(strata) < 2:
        return {**row, **_one_class(found)}
    value = float(np.mean([found.right[members].mean() for members in strata]))
    row |= {"status": "ok", "value": value, "note": _unseen(found)}
    sizes = [len(members) for members in strata]
    single = [found.true[members[0]] for members in strata if len(members) == 1]
    if single:  # drawn within the class, its only patient would be certain
        return {**row, "note": _noted(row["note"], f"no interval: one patient of {', '.join(single)}")}
    counts = found.resampled(settings)
    of_class = [
        counts[:, members] @ found.right[members] / n for members, n in zip(strata, sizes, strict=True)
    ]
    return row | _interval(np.mean(of_class, axis=0), row["note"], settings)


def _interval(replicates: np.ndarray, note: str | None, settings: EvaluationSettings) -> Row:
    """Percentile interval, with a note where it has no width."""
    low, high = percentile_interval(replicates, settings.confidence)
    return {"ci_low": low, "ci_high": high, "note": _noted(note, NO_WIDTH if low == high else None)}


def _noted(*notes: str | None) -> str | None:
    return "; ".join(filter(None, notes)) or None


def _areas(found: _Classified, settings: EvaluationSettings) -> list[Row]:
    row: Row = columns_of("auc")
    rows: list[Row] = []
    n = len(found.true)
    counts = found.resampled(settings)
    quantile = NormalDist().inv_cdf((1 + settings.confidence) / 2)
    values, replicates = [], []
    for number, name in enumerate(found.classes):
        positive, negative = found.true == name, found.true != name
        scores = found.probabilities[number]
        about = {**row, "target": name, "n": n}
        few = min(int(positive.sum()), int(negative.sum()))
        pairs = ordered_pairs(scores[:, positive], scores[:, negative])
        area = delong(pairs)
        if few < _LEAST_PATIENTS or np.isnan(area.variance):
            reason = (
                f"{positive.sum()} patients of the class and {negative.sum()} others that one training scored; at least "
                f"{_LEAST_PATIENTS} of each are needed"
            )
            rows.append({**about, "status": "not_measured", "note": reason})
            continue
        margin = quantile * area.variance**0.5
        interval = {"ci_low": max(0.0, area.value - margin), "ci_high": min(1.0, area.value + margin)}
        note = _unseen(found)
        if not margin:
            note = _noted(note, "no two pairs differ: DeLong's interval has no width")
        rows.append({**about, "status": "ok", "value": area.value, **interval, "note": note})
        values.append(area.value)
        replicates.append(weighted_auc(pairs, counts[:, positive], counts[:, negative]))
    mean: Row = {**row, "n": n}
    if not values:
        return [*rows, {**mean, **_one_class(found)}]
    means = np.mean(replicates, axis=0)
    known = means[~np.isnan(means)]
    note = _unseen(found)
    if len(values) < len(found.classes):
        note = f"mean of {len(values)} of {len(found.classes)} classes; the others have too few patients"
    row = {**mean, "status": "ok", "value": float(np.mean(values)), "note": note}
    if len(known):  # a sample may have no pair that one training scored
        row |= _interval(known, note, settings)
    return [*rows, row]


def _confusion(found: _Classified, settings: EvaluationSettings) -> list[Row]:
    rows: list[Row] = []
    for members in found.strata:
        about = {**columns_of("confusion"), "diagnosis": found.true[members[0]]}
        for number, name in enumerate(found.classes):
            mean = bootstrap_mean(found.predicted[members, number], settings)
            rows.append({**about, "target": name, **mean})
    return rows


def _one_class(found: _Classified) -> Row:
    names = ", ".join(dict.fromkeys(found.true)) or "none"
    return {
        "status": "not_measured",
        "note": f"{len(found.true)} patients, classes with too few of them: {names}; at least 2 classes are needed",
    }


def _unseen(found: _Classified) -> str | None:
    if not found.unseen:
        return None
    return f"{found.unseen} patients of a class that no training patient had count as wrong"
