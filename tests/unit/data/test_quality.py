import numpy as np
from raw_files import heart

from synthaug.data.quality import cine_findings, contrast_findings, label_findings
from synthaug.labels import LV

SPACING = (10, 1.5, 1.5)


def test_a_clean_heart_has_no_findings():
    image, labels = heart()
    assert cine_findings(image, 10.0) == []
    assert contrast_findings(image / 1000, {0: labels[0]}) == []
    assert label_findings({0: labels[0], 3: labels[3]}, SPACING, 0, 3) == []


def test_constant_and_repeated_frames_are_counted_from_one():
    image = heart()[0].copy()
    image[2] = 7
    image[5] = image[4]
    constant, repeated = map(str, cine_findings(image, 10.0))
    assert "without any contrast: 3;" in constant and "repeats: 5;" in repeated


def test_few_slices():
    assert "only 5 slices" in cine_findings(heart()[0][:, :5], 10.0)[0].problem


def test_low_contrast_with_and_without_labels():
    image, labels = heart()
    assert "0.07 of the range brighter" in contrast_findings(image / 10000, {0: labels[0]})[0].problem
    assert "half of all intensities" in contrast_findings(image / 100000, {})[0].problem


def test_end_systole_larger_than_end_diastole():
    labels = heart()[1]
    (finding,) = label_findings({0: labels[3], 3: labels[0]}, SPACING, 0, 3)
    assert finding.problem.startswith("LV is larger at ES")


def test_a_second_cavity_is_reported_with_its_share():
    labels = heart()[1][0].copy()
    size = (labels == LV).sum()
    stray = np.zeros_like(labels, bool)
    stray[:, 35:37, 2:3] = True
    labels[stray] = LV
    share = stray.sum() / (size + stray.sum())
    assert share < 0.05 and label_findings({0: labels}, SPACING, 0, None) == []
    stray[:, 32:38, 2:6] = True
    labels[stray] = LV
    (finding,) = label_findings({0: labels}, SPACING, 0, None)
    assert finding.problem.startswith(
        f"{stray.sum() / (size + stray.sum()):.0%} of the LV cavity at ED is apart"
    )


def test_structures_at_the_edge_and_absent_ones():
    labels = heart()[1][0]
    cropped = labels[:, :, 6:]  # through the right ventricle
    (finding,) = label_findings({0: cropped}, SPACING, 0, None)
    assert (
        str(finding)
        == "RV at ED reach the edge of the field of view; they may be cut, so that their volumes are unknown"
    )
    (finding,) = label_findings({0: np.where(labels == 3, 0, labels)}, SPACING, 0, None)
    assert finding.problem.startswith("no RV at ED")


def test_an_ejection_fraction_no_heart_has():
    labels = heart()[1]
    small = labels[0].copy()
    small[2:][small[2:] == LV] = 2
    small[:2][small[:2] == LV] = np.where(np.arange((small[:2] == LV).sum()) < 20, LV, 2)
    assert any(
        "hardly plausible" in finding.problem
        for finding in label_findings({0: labels[0], 3: small}, SPACING, 0, 3)
    )
