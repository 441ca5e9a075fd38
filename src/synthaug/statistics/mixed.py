"""Mixed model of one comparison, with random patients and trainings; it does not decide the verdict."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from synthaug.statistics.scores import PLACE

#: Largest number of values that is fitted: crossed random effects need one dense matrix.
MOST_VALUES = 600


def mixed_difference(rows: pd.DataFrame, arm: str, versus: str, confidence: float) -> dict[str, Any]:
    """Difference of two arms by ``value ~ arm * place + (1 | patient) + (1 | training)``.

    Parameters
    ----------
    rows : DataFrame
        Values of one metric of both arms (`average_visits`).
    arm, versus : str
        The difference is the first minus the second, averaged over the places: structures, phases and targets.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    dict
        Columns of a result row: status, value, interval, p-value and n. Status ``not_measured`` if there
        are too many values, ``failed`` if the fit did not converge; both have a note.

    References
    ----------
    Lindstrom and Bates, J. Am. Stat. Assoc. 83, 1988; statsmodels' MixedLM.
    """
    chosen = rows[rows["arm"].isin([arm, versus])]
    if chosen["arm"].nunique() < 2 or chosen["patient"].nunique() < 2:
        return {"status": "not_measured", "note": "fewer than 2 arms or 2 patients with values"}
    if len(chosen) > MOST_VALUES:
        note = f"{len(chosen)} values; the mixed model is fitted to at most {MOST_VALUES}"
        return {"status": "not_measured", "note": note}
    scale = float(chosen["value"].std()) or 1.0  # the optimiser's tolerances suit values near 1
    frame = pd.DataFrame({"value": chosen["value"].to_numpy(float) / scale})
    frame["sign"] = np.where(chosen["arm"] == arm, 0.5, -0.5)
    frame["subject"] = chosen["patient"].astype(str).to_numpy()
    # One factor over the places present: full interaction without empty cells.
    place = chosen[list(PLACE)].astype(object).fillna("all").astype(str)
    frame["place"] = place.agg(" ".join, axis=1).to_numpy()
    run = chosen[["arm", "fold", "generator_seed", "training_seed"]].astype(object).fillna("").astype(str)
    frame["training"] = run.agg("/".join, axis=1).to_numpy()
    factors = " * C(place, Sum)" if frame["place"].nunique() > 1 else ""
    parts = {"patient": "0 + C(subject)", "training": "0 + C(training)"}
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM

        with warnings.catch_warnings():
            # A variance of zero is a valid estimate; other failures show in `converged`.
            warnings.simplefilter("ignore")
            model = MixedLM.from_formula(
                f"value ~ sign{factors}", frame, groups=np.ones(len(frame)), vc_formula=parts
            )
            fit = model.fit(method=["lbfgs", "powell"], maxiter=100)
            low, high = fit.conf_int(alpha=1 - confidence).loc["sign"]
    except (ValueError, np.linalg.LinAlgError) as error:
        return {"status": "failed", "note": f"the mixed model could not be fitted: {error}"}
    found = np.array([*(scale * np.array([fit.params["sign"], low, high])), fit.pvalues["sign"]])
    if not fit.converged or not np.isfinite(found).all():
        return {"status": "failed", "note": "the mixed model did not converge"}
    value, low, high, p_value = map(float, found)
    n = int(chosen["patient"].nunique())
    return {"status": "ok", "value": value, "ci_low": low, "ci_high": high, "p_value": p_value, "n": n}
