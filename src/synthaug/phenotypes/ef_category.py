"""Categories of the left ventricular ejection fraction."""

from __future__ import annotations

import numpy as np

#: Categories in ascending order.
EF_CATEGORIES = ("reduced", "mildly reduced", "normal")
#: Greatest EF (%) that is reduced; least EF that is normal.
REDUCED_UP_TO, NORMAL_FROM = 40.0, 50.0


def ef_category(ef: np.ndarray) -> np.ndarray:
    """Category of ejection fractions.

    Parameters
    ----------
    ef : ndarray, shape (n,)
        LV EF in percent; NaN is unknown.

    Returns
    -------
    ndarray of str, shape (n,)
        ``"reduced"`` up to 40 %, ``"mildly reduced"`` between, ``"normal"`` from 50 %; empty where unknown.

    References
    ----------
    The limits of heart failure with reduced (40 % or less), mildly reduced (41 to 49 %) and preserved (50 % or more) EF:
    McDonagh et al., ESC Guidelines, Eur. Heart J. 42, 2021; Bozkurt et al., Universal Definition, J. Card. Fail. 27, 2021.
    Those give whole percents; values between 40 and 41, or 49 and 50, are mildly reduced here.
    """
    low, middle, high = EF_CATEGORIES
    with np.errstate(invalid="ignore"):
        return np.select([np.isnan(ef), ef <= REDUCED_UP_TO, ef < NORMAL_FROM], ["", low, middle], high)
