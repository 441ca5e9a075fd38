"""What each tissue is to the scanner, and the steady-state signal it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Resonance of protons in MHz per tesla, and how far fat lies below water, in parts per million.
_GYROMAGNETIC_MHZ_PER_T = 42.577
_FAT_SHIFT_PPM = -3.4


@dataclass(frozen=True)
class Tissue:
    """Proton density relative to water, T1 and T2 in ms at 1.5 T and 3 T."""

    proton_density: float
    t1_ms: tuple[float, float]
    t2_ms: tuple[float, float]
    is_fat: bool = False

    def relaxation_ms(self, field_t: float) -> tuple[float, float]:
        """T1 and T2 at 1.5 T or 3 T."""
        index = 0 if field_t < 2.25 else 1
        return self.t1_ms[index], self.t2_ms[index]


# Stanisz et al., Magn. Reson. Med. 54, 2005 (blood, heart, liver, muscle); de Bazelaire et al.,
# Radiology 230, 2004 (fat, marrow, spleen). Myocardium at 3 T: von Knobelsdorff-Brenkenhoff et al.,
# J. Cardiovasc. Magn. Reson. 15:53, 2013. Lung's density is that of its air-filled tissue.
TISSUES = {
    "blood": Tissue(0.95, (1441, 1932), (290, 275)),
    "myocardium": Tissue(0.80, (1030, 1160), (44, 43)),
    "fat": Tissue(0.90, (343, 382), (58, 68), is_fat=True),
    "liver": Tissue(0.75, (586, 809), (46, 34)),
    "muscle": Tissue(0.75, (1008, 1412), (40, 36)),
    "marrow": Tissue(0.50, (549, 586), (49, 49)),
    "stomach": Tissue(0.85, (900, 1100), (110, 100)),
    "spleen": Tissue(0.80, (1057, 1328), (79, 61)),
    "lung": Tissue(0.12, (1200, 1300), (38, 30)),
    "bone": Tissue(0.05, (1000, 1200), (5, 5)),
}


def steady_state_signal(
    tissue: Tissue,
    field_t: float,
    flip_deg: float,
    repetition_ms: float,
    off_resonance_hz: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Transverse magnetisation of balanced steady-state free precession at the echo, TE = TR / 2.

    Parameters
    ----------
    tissue : Tissue
        What precesses; fat brings its chemical shift.
    field_t : float
        Field strength in tesla.
    flip_deg : float
        Flip angle; alternate pulses have opposite phase, so that resonance is the bright centre.
    repetition_ms : float
        Repetition time.
    off_resonance_hz : ndarray or float
        Deviation of the field; dark bands lie at odd multiples of 1 / (2 TR).

    Returns
    -------
    ndarray, complex64, shape of `off_resonance_hz`
        M0 sin(a) (1 - E1) (1 - E2 e^(-ib)) / (C cos b + D) e^(-TE / T2), turned by the phase at
        the echo, with b = pi + 2 pi f TR, C = E2 (E1 - 1) (1 + cos a) and
        D = 1 - E1 cos a - (E1 - cos a) E2^2. On resonance this is
        M0 sin(a) (1 - E1) / (1 - (E1 - E2) cos a - E1 E2) e^(-TE / T2). Neighbouring bands have
        opposite sign: hence the dark line where water meets fat.

    References
    ----------
    Freeman and Hill, J. Magn. Reson. 4, 1971. Hargreaves, J. Magn. Reson. Imaging 36, 2012.
    """
    t1, t2 = tissue.relaxation_ms(field_t)
    e1, e2 = np.exp(-repetition_ms / t1), np.exp(-repetition_ms / t2)
    cosine, sine = np.cos(np.deg2rad(flip_deg)), np.sin(np.deg2rad(flip_deg))
    shift = _FAT_SHIFT_PPM * _GYROMAGNETIC_MHZ_PER_T * field_t if tissue.is_fat else 0.0
    turn = np.asarray(2 * np.pi * (off_resonance_hz + shift) * repetition_ms / 1000)
    precession = np.pi + turn
    c = e2 * (e1 - 1) * (1 + cosine)
    d = 1 - e1 * cosine - (e1 - cosine) * e2**2
    after_pulse = (
        tissue.proton_density * sine * (1 - e1) * (1 - e2 * np.exp(-1j * precession))
        / (c * np.cos(precession) + d)
    )  # fmt: skip
    at_echo = np.exp(-repetition_ms / 2 / t2) * np.exp(1j * turn / 2)
    return (after_pulse * at_echo).astype(np.complex64)
