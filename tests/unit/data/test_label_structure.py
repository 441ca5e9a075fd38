"""Labels that are numbered as in another dataset are noticed by what encloses what."""

from itertools import permutations

import numpy as np
import pytest
from raw_files import heart

from synthaug.data.label_structure import enclosed_fraction, exchanged_structures
from synthaug.labels import LV, MYO, RV, STRUCTURES

NAMES = {value: name for name, value in STRUCTURES.items()}


def test_the_fraction_of_an_outline():
    volume = np.zeros((5, 5, 1), np.uint8)
    volume[2, 2] = LV
    volume[1, 2] = volume[3, 2] = volume[2, 1] = MYO  # three of the four neighbours
    assert enclosed_fraction(volume, LV, MYO) == 0.75
    assert np.isnan(enclosed_fraction(volume, RV, MYO))


@pytest.mark.parametrize("numbers", permutations((LV, MYO, RV)))
def test_every_other_numbering_is_found(numbers):
    labels = heart()[1][0].T
    renumbered = np.array([0, *numbers], np.uint8)[labels]
    called = exchanged_structures({0: renumbered})
    if numbers == (LV, MYO, RV):
        assert called is None
    else:
        assert called == {
            NAMES[number]: name for number, name in zip(numbers, ("LV", "MYO", "RV"), strict=True)
        }


def test_two_structures_are_judged_by_which_encloses_the_other():
    labels = heart()[1][0].T
    assert exchanged_structures({0: np.where(labels == RV, 0, labels)}) is None
    assert exchanged_structures({0: np.where(labels == LV, 0, labels)}) is None  # an RV beside the septum
    swapped = np.array([0, MYO, LV, 0], np.uint8)[labels]
    assert exchanged_structures({0: swapped}) == {"LV": "MYO", "MYO": "LV"}
    other = np.array([0, RV, MYO, 0], np.uint8)[labels]
    assert exchanged_structures({0: other}) == {"MYO": "MYO", "RV": "LV"}
    assert exchanged_structures({0: np.where(labels == LV, LV, 0)}) is None
