"""The heart beat: how far contraction, filling and twist are at each moment of a cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ISOVOLUMIC_CONTRACTION_S = 0.05
_ISOVOLUMIC_RELAXATION_S = 0.075
_EARLY_FILLING_S = 0.19
_ATRIAL_FILLING_S = 0.13
#: Part of the stroke volume that enters during diastasis.
_DIASTASIS_SHARE = 0.05


@dataclass(frozen=True)
class CardiacCycle:
    """Volume and twist curves of one heart beat; time 0 is end-diastole.

    Isovolumic contraction, ejection, isovolumic relaxation, early filling, diastasis and
    atrial kick follow one another. The ejection time shortens with the heart rate after
    Weissler; when the rest of the beat is too short for early filling, diastasis and atrial
    kick, diastasis goes first and then the other two shrink alike, as at a fast pulse.

    Parameters
    ----------
    heart_rate_bpm : float
        Beats per minute.
    atrial_share : float
        Part of the stroke volume that the atrial kick brings, 0 to 1.

    References
    ----------
    Weissler, Harris and Schoenfeld, Circulation 37, 1968 (ejection time).
    """

    heart_rate_bpm: float
    atrial_share: float

    @property
    def duration_s(self) -> float:
        """Duration of the beat."""
        return 60.0 / self.heart_rate_bpm

    @property
    def end_systole_s(self) -> float:
        """Time of aortic valve closure, where the volume is smallest."""
        return _ISOVOLUMIC_CONTRACTION_S + 0.413 - 0.0017 * self.heart_rate_bpm

    @property
    def _filling_s(self) -> tuple[float, float, float]:
        """Start of early filling, duration of early filling, duration of the atrial kick."""
        start = self.end_systole_s + _ISOVOLUMIC_RELAXATION_S
        shrink = min(1.0, (self.duration_s - start) / (_EARLY_FILLING_S + _ATRIAL_FILLING_S))
        return start, _EARLY_FILLING_S * shrink, _ATRIAL_FILLING_S * shrink

    def contraction(self, time_s: np.ndarray) -> np.ndarray:
        """Part of the stroke volume that is out of the ventricle: 0 at ED, 1 at ES.

        Parameters
        ----------
        time_s : ndarray
            Times after end-diastole; the beat repeats.

        Returns
        -------
        ndarray
            Of the shape of `time_s`, between 0 and 1.
        """
        time = np.mod(time_s, self.duration_s)
        start, early_s, atrial_s = self._filling_s
        early_end, atrial_start = start + early_s, self.duration_s - atrial_s
        early_share = 1.0 - self.atrial_share - _DIASTASIS_SHARE
        ejected = _skewed_ramp(time, _ISOVOLUMIC_CONTRACTION_S, self.end_systole_s)
        early = _skewed_ramp(time, start, early_end)
        # Where diastasis has no time left, its share arrives while the atrium contracts.
        passive = np.clip((time - early_end) / max(self.duration_s - early_end, 1e-6), 0.0, 1.0)
        atrial = _symmetric_ramp(time, atrial_start, self.duration_s)
        return ejected - early_share * early - _DIASTASIS_SHARE * passive - self.atrial_share * atrial

    def twist(self, time_s: np.ndarray) -> np.ndarray:
        """Part of the peak torsion: builds up with ejection, unwinds before filling begins."""
        time = np.mod(time_s, self.duration_s)
        start, early_s, _ = self._filling_s
        wound = _skewed_ramp(time, _ISOVOLUMIC_CONTRACTION_S / 2, self.end_systole_s)
        return wound - _skewed_ramp(time, self.end_systole_s, start + 0.8 * early_s)

    def flow(self, time_s: np.ndarray) -> np.ndarray:
        """Speed of volume change, 0 to 1 of the fastest: what disturbs the blood's signal."""
        step = self.duration_s / 400
        beat = np.arange(400) * step
        fastest = np.abs(self.contraction(beat + step) - self.contraction(beat - step)).max()
        change = self.contraction(np.add(time_s, step)) - self.contraction(np.subtract(time_s, step))
        return np.minimum(np.abs(change) / fastest, 1.0)


def _skewed_ramp(time: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 to 1, fastest after a third of the way: the integral of the beta(2, 3) density."""
    x = np.clip((time - start) / (end - start), 0.0, 1.0)
    return x * x * (6.0 - 8.0 * x + 3.0 * x * x)


def _symmetric_ramp(time: np.ndarray, start: float, end: float) -> np.ndarray:
    x = np.clip((time - start) / (end - start), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
