"""The phantom: physics one can compute by hand, anatomy with known volumes, files that readers know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import ndimage

from synthaug.config.phantom import DIAGNOSES, PhantomSettings
from synthaug.labels import LV, MYO, RV
from synthaug.metrics.wall_arcs import arc_of, arc_region
from synthaug.phantom import (
    SCANNERS,
    HeartParameters,
    Simulated,
    draw_parameters,
    simulate,
    write_phantom,
)
from synthaug.phantom.cycle import CardiacCycle
from synthaug.phantom.heart import Heart
from synthaug.phantom.left_ventricle import infarct_arc
from synthaug.phantom.scanner import Scanner, acquire, k_space_window
from synthaug.phantom.tissue import TISSUES, Tissue, steady_state_signal
from synthaug.phantom.writers import mnms_id


def person(diagnosis: str, seed: int = 0) -> HeartParameters:
    return draw_parameters(diagnosis, np.random.default_rng(seed))


def quick(vendor: str = "C") -> Scanner:
    """A scanner of that vendor with few, large pixels and few frames."""
    return replace(SCANNERS[vendor], matrix=96, spacing_mm=(2.0, 2.0), frames=(16, 16))


@pytest.fixture(scope="module")
def scans() -> dict[str, tuple[HeartParameters, Simulated]]:
    people = {diagnosis: person(diagnosis, 3) for diagnosis in DIAGNOSES}
    return {diagnosis: (who, simulate(who, quick(), 1)) for diagnosis, who in people.items()}


def test_signal_on_resonance_is_the_textbook_formula() -> None:
    # E1 = E2 = 1/2 at 90 degrees: (1 - E1) / (1 - E1 E2) = 0.5 / 0.75, then e^(-TE / T2) = sqrt(1/2).
    half = 3.0 / np.log(2)
    tissue = Tissue(1.0, (half, half), (half, half))
    signal = steady_state_signal(tissue, 1.5, 90, 3.0)
    assert signal == pytest.approx(2 / 3 * np.sqrt(0.5), rel=1e-6)


def test_signal_of_blood_is_brighter_than_muscle_and_bands_are_dark() -> None:
    repetition = 3.2
    blood = abs(steady_state_signal(TISSUES["blood"], 1.5, 60, repetition))
    myocardium = abs(steady_state_signal(TISSUES["myocardium"], 1.5, 60, repetition))
    assert 3 < blood / myocardium < 5
    null = 1000 / (2 * repetition)
    assert abs(steady_state_signal(TISSUES["blood"], 1.5, 60, repetition, null)) < 0.05 * blood
    fat = steady_state_signal(TISSUES["fat"], 1.5, 60, repetition)
    assert fat.real < 0 and abs(fat.imag) < 0.1 * abs(fat)  # opposite to water: dark lines between them


def test_cycle_has_its_phases_in_order() -> None:
    cycle = CardiacCycle(60, 0.25)
    assert cycle.end_systole_s == pytest.approx(0.05 + 0.413 - 0.102)
    time = np.linspace(0, 1, 1001)[:-1]
    out = cycle.contraction(time)
    assert out[0] == 0 and out[40] == 0  # isovolumic contraction
    assert np.allclose(out[(time > 0.37) & (time < 0.43)], 1)  # isovolumic relaxation
    assert np.all(np.diff(out[:360]) >= -1e-12) and np.all(np.diff(out[440:]) <= 1e-12)
    kick = out[np.searchsorted(time, 0.87)] - out[-1]
    assert kick == pytest.approx(0.25, abs=0.02)
    rate = -np.diff(out)
    diastasis = rate[(time[:-1] > 0.66) & (time[:-1] < 0.85)]
    assert diastasis.max() < 0.1 * rate[440:620].max()
    assert np.allclose(cycle.contraction(time + 1.0), out)


def test_fast_hearts_lose_diastasis_but_return_to_the_start() -> None:
    cycle = CardiacCycle(105, 0.3)
    out = cycle.contraction(np.linspace(0, cycle.duration_s, 2001))
    assert out[0] == 0 and out[-2] == pytest.approx(0, abs=1e-3)
    assert out.min() >= -1e-9 and out.max() == pytest.approx(1)


@pytest.mark.parametrize("diagnosis", DIAGNOSES)
def test_heart_has_the_volumes_asked_and_keeps_its_mass(diagnosis: str) -> None:
    who = person(diagnosis, 11)
    heart = Heart(who, np.random.default_rng(0))
    beat = [heart.at(time) for time in (0.0, 0.15, heart.cycle.end_systole_s, 0.5, 0.7)]
    diastole, systole = beat[0].volumes_ml, beat[2].volumes_ml
    assert diastole["LV"] == pytest.approx(who.lv_edv_ml, rel=1e-3)
    assert systole["LV"] == pytest.approx(who.lv_esv_ml, rel=1e-3)
    assert diastole["RV"] == pytest.approx(who.rv_edv_ml, rel=1e-3)
    assert systole["RV"] == pytest.approx(who.rv_esv_ml, rel=1e-3)
    for moment in beat:
        assert moment.volumes_ml["MYO"] * 1.05 == pytest.approx(who.myocardial_mass_g, rel=2e-3)


@pytest.mark.parametrize("diagnosis", ["NOR", "MINF"])
def test_labels_of_thin_slices_measure_the_true_volumes(diagnosis: str) -> None:
    who = person(diagnosis, 5)
    thin = replace(quick(), slice_thickness_mm=2.0, slice_spacing_mm=2.0, frames=(12, 12), matrix=110)
    scan = simulate(who, thin, 0)
    for frame in (scan.ed_frame, scan.es_frame):
        for name, label, tolerance in (("LV", LV, 0.04), ("MYO", MYO, 0.04), ("RV", RV, 0.10)):
            true = scan.volumes_ml[name][frame]
            assert scan.label_volume_ml(label, frame) == pytest.approx(true, rel=tolerance), (name, frame)


def test_labels_of_thick_slices_are_near_the_truth(
    scans: dict[str, tuple[HeartParameters, Simulated]],
) -> None:
    for who, scan in scans.values():
        assert scan.label_volume_ml(LV, scan.ed_frame) == pytest.approx(who.lv_edv_ml, rel=0.05, abs=4)
        assert scan.label_volume_ml(LV, scan.es_frame) == pytest.approx(who.lv_esv_ml, rel=0.06, abs=6)
        mass = [1.05 * scan.label_volume_ml(MYO, frame) for frame in (scan.ed_frame, scan.es_frame)]
        assert mass == pytest.approx([who.myocardial_mass_g] * 2, rel=0.07)


def test_ejection_fractions_are_ordered_by_disease(
    scans: dict[str, tuple[HeartParameters, Simulated]],
) -> None:
    fraction = {}
    for diagnosis, (_, scan) in scans.items():
        volumes = [scan.label_volume_ml(LV, frame) for frame in (scan.ed_frame, scan.es_frame)]
        fraction[diagnosis] = 1 - volumes[1] / volumes[0]
    assert fraction["DCM"] < 0.42 and fraction["MINF"] < 0.42
    assert max(fraction["DCM"], fraction["MINF"]) < fraction["NOR"] < fraction["HCM"]


def test_people_meet_the_criteria_of_their_diagnosis() -> None:
    for seed in range(20):
        for diagnosis in DIAGNOSES:
            who = person(diagnosis, seed)
            surface = np.sqrt(who.height_cm * who.weight_kg / 3600)
            ef = 1 - who.lv_esv_ml / who.lv_edv_ml
            assert (ef < 0.4) == (diagnosis in ("DCM", "MINF"))
            assert (who.lv_edv_ml / surface > 102) or diagnosis != "DCM"
            assert (who.myocardial_mass_g / surface > 109) or diagnosis != "HCM"
            assert (who.rv_edv_ml / surface > 110) or diagnosis != "RV"
            assert (who.infarct_severity > 0) == (diagnosis == "MINF")


def test_infarct_does_not_thicken_where_the_rest_does() -> None:
    who = replace(person("MINF", 2), infarct_centre_deg=30.0, infarct_half_width_deg=50, infarct_level=0.45)
    ventricle = Heart(who, np.random.default_rng(0)).left_ventricle

    def thickness(contraction: float, degrees: int) -> float:
        squared = ventricle.at(contraction).squared[54, degrees]
        return float(np.sqrt(squared[2]) - np.sqrt(squared[1]))

    scar, remote = (thickness(1, degrees) / thickness(0, degrees) for degrees in (30, 210))
    assert thickness(0, 30) < 0.75 * thickness(0, 210)
    assert scar < 1.15 and remote > scar + 0.1


@pytest.mark.parametrize(("centre", "rotation"), [(30.0, 15.0), (105.0, -28.0), (215.0, -28.0)])
def test_the_arc_of_the_truth_is_where_the_labelled_wall_is_thin(centre: float, rotation: float) -> None:
    """An infarct is thinned by 45 %: of the arc turned in steps of 45 degrees, its own place has the least muscle."""
    who = replace(
        person("MINF", 2), infarct_centre_deg=centre, infarct_half_width_deg=50, rotation_deg=rotation
    )
    who = replace(who, infarct_level=0.72, infarct_severity=1.0)
    scan = simulate(who, replace(quick(), frames=(2, 2)), 1)
    place, labels = infarct_arc(who), scan.labels[scan.ed_frame]
    assert place["infarct_width_deg"] == 82 and place["infarct_to_level"] == 1
    levels = place["infarct_from_level"], place["infarct_to_level"]
    degrees = -place["infarct_middle_deg"], place["infarct_width_deg"]
    arc = arc_of(labels, scan.spacing_mm, *degrees, levels)
    assert arc is not None

    def muscle(turn: float, levels: tuple[float, float]) -> int:
        turned = arc._replace(middle_deg=arc.middle_deg + turn, levels=levels)
        return int(arc_region(labels[None], turned, scan.spacing_mm).sum())

    around = [muscle(turn, levels) for turn in range(0, 360, 45)]
    assert np.argmin(around) == 0 and around[0] < 0.75 * np.median(around)
    above = (0.0, levels[0])  # towards the base the wall is whole
    assert muscle(0, above) > 0.75 * np.median([muscle(turn, above) for turn in range(0, 360, 45)])


def test_base_descends_so_that_the_basal_slice_turns_from_ventricle_to_atrium() -> None:
    who = replace(person("NOR", 1), mapse_mm=14.0)
    scan = simulate(who, quick(), 0)
    basal = int(np.argmax((scan.labels[scan.ed_frame] == LV).any(axis=(1, 2))))
    diastole, systole = scan.labels[scan.ed_frame, basal], scan.labels[scan.es_frame, basal]
    assert (diastole == LV).sum() > 200
    assert (systole == LV).sum() < 0.1 * (diastole == LV).sum()
    # Where the ventricle was there is blood still, that of the atrium.
    centre = ndimage.binary_erosion(diastole == LV, iterations=6)
    blood = np.median(scan.cine[scan.es_frame, basal][centre])
    assert blood > 0.6 * np.median(scan.cine[scan.ed_frame, basal][centre])


def test_right_ventricle_sits_on_the_septum_and_myocardium_encloses_the_cavity(
    scans: dict[str, tuple[HeartParameters, Simulated]],
) -> None:
    for _, scan in scans.values():
        for frame in (scan.ed_frame, scan.es_frame):
            volume = scan.labels[frame]
            with_lv = np.flatnonzero((volume == LV).any(axis=(1, 2)))
            middle = volume[with_lv[len(with_lv) // 2]]
            around = ndimage.binary_dilation(middle == LV) & (middle != LV)
            assert set(np.unique(middle[around])) == {MYO}
            touching = ndimage.binary_dilation(middle == RV) & (middle == MYO)
            assert touching.sum() >= 8
            assert np.nonzero(middle == RV)[1].mean() < np.nonzero(middle == LV)[1].mean()  # on the left
            assert ndimage.label(middle == RV)[1] == 1 and ndimage.label(middle == MYO)[1] == 1


def test_tissues_look_as_in_a_cine(scans: dict[str, tuple[HeartParameters, Simulated]]) -> None:
    _, scan = scans["NOR"]
    middle = scan.cine.shape[1] // 2
    image, labels = scan.cine[scan.ed_frame, middle], scan.labels[scan.ed_frame, middle]
    blood, muscle = (np.median(image[labels == label]) for label in (LV, MYO))
    assert 2 < blood / muscle < 8
    upper_right = image[:20, -30:]  # lung
    assert np.median(upper_right) < 0.6 * muscle


def test_noise_is_rician() -> None:
    # Without signal the magnitude is Rayleigh distributed: mean / SD = sqrt(pi / (4 - pi)) = 1.913.
    scanner = replace(SCANNERS["A"], noise=0.1, sampled=(1.0, 1.0), taper=1e-6, intensity=1.0)
    nothing = np.zeros((4, 4, 64, 64), np.complex64)
    noise = acquire(nothing, np.ones((4, 64, 64)), scanner, 1.0, np.random.default_rng(0))
    assert noise.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.02)
    assert noise.mean() / noise.std() == pytest.approx(1.913, rel=0.02)
    # A strong signal keeps its mean, to A (1 + sigma^2 / 2 A^2), and the channel's SD.
    strong = acquire(nothing + 1, np.ones((4, 64, 64)), scanner, 1.0, np.random.default_rng(0))
    assert strong.mean() == pytest.approx(1.005, rel=2e-3) and strong.std() == pytest.approx(0.1, rel=0.03)


def test_k_space_window_keeps_the_mean_and_cuts_the_rest() -> None:
    window = k_space_window(100, 0.6, 0.5)
    assert window[0] == 1 and window[14] == 1 and window[31] == 0
    assert window[22] == pytest.approx(0.5 - 0.5 * np.cos(np.pi * (1 - 0.22 * 2 / 0.6) / 0.5))


def test_vendors_differ() -> None:
    who = person("NOR", 4)
    contrast = {}
    for vendor in SCANNERS:
        scan = simulate(who, replace(quick(vendor), noise=0.0, coil_fall_off=0.0), 2)
        labels, image = scan.labels[scan.ed_frame], scan.cine[scan.ed_frame]
        contrast[vendor] = np.median(image[labels == LV]) / np.median(image[labels == MYO])
        assert np.median(image[labels == LV]) == pytest.approx(SCANNERS[vendor].intensity, rel=0.2)
    assert len({round(value, 1) for value in contrast.values()}) == 3
    assert len({scanner.matrix for scanner in SCANNERS.values()}) == 3


def test_same_seed_same_scan_other_seed_another() -> None:
    who = person("NOR", 0)
    small = replace(quick(), frames=(4, 4), matrix=64)
    first, again, other = (simulate(who, small, seed) for seed in (7, 7, 8))
    assert np.array_equal(first.cine, again.cine) and np.array_equal(first.labels, again.labels)
    assert first.cine.shape != other.cine.shape or not np.array_equal(first.cine, other.cine)


@pytest.fixture(scope="module")
def small_scanners() -> dict[str, Scanner]:
    return {
        name: replace(scanner, matrix=72, spacing_mm=(2.6, 2.6), frames=(8, 9))
        for name, scanner in SCANNERS.items()
    }


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, small_scanners: dict[str, Scanner]) -> None:
    monkeypatch.setattr("synthaug.phantom.SCANNERS", small_scanners)


def files(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()
    }


@pytest.mark.usefixtures("small")
def test_acdc_layout(tmp_path: Path) -> None:
    settings = PhantomSettings(
        subjects=3, vendors=["A", "B"], diagnoses=["NOR", "RV"], unlabelled=0.35, seed=5
    )
    write_phantom(tmp_path / "acdc", "acdc", settings)
    truth = pd.read_csv(tmp_path / "acdc" / "ground_truth.tsv", sep="\t")
    assert list(truth["subject"]) == ["patient001", "patient002", "patient003"]
    assert list(truth["diagnosis"]) == ["NOR", "RV", "NOR"] and list(truth["vendor"]) == ["A", "A", "B"]
    assert not truth["labelled"].all() and truth["labelled"].any()
    for row in truth.itertuples():
        folder = tmp_path / "acdc" / "training" / row.subject
        info = dict(line.split(": ") for line in (folder / "Info.cfg").read_text().splitlines())
        assert list(info) == ["ED", "ES", "Group", "Height", "NbFrame", "Weight"]
        assert info["Group"] == row.diagnosis
        cine = nib.load(folder / f"{row.subject}_4d.nii.gz")
        assert cine.shape[3] == int(info["NbFrame"]) and cine.get_data_dtype() == np.int16
        assert cine.header.get_zooms()[3] == pytest.approx(
            60 / row.asked_heart_rate_bpm / cine.shape[3], rel=1e-3
        )
        names = {
            f"{row.subject}_frame{int(info[key]):02d}{end}.nii.gz"
            for key in ("ED", "ES")
            for end in ("", "_gt")
        }
        present = {file.name for file in folder.glob("*_frame*")}
        assert present == (names if row.labelled else set())
        if row.labelled:
            frame, labels = (
                nib.load(folder / f"{row.subject}_frame{int(info['ED']):02d}{end}.nii.gz")
                for end in ("", "_gt")
            )
            assert np.array_equal(frame.get_fdata(), cine.get_fdata()[..., int(info["ED"]) - 1])
            assert np.allclose(frame.affine, labels.affine)
            values = np.asarray(labels.dataobj)
            millilitres = np.prod(labels.header.get_zooms()) / 1000
            assert (values == 3).sum() * millilitres == pytest.approx(row.label_lv_edv_ml, rel=1e-3)
            assert (values == 1).sum() * millilitres == pytest.approx(row.label_rv_edv_ml, rel=1e-3)
            assert nib.aff2axcodes(labels.affine) == ("L", "P", "S")
            assert np.nonzero(values == 1)[0].mean() < np.nonzero(values == 3)[0].mean()  # RV left of LV
            assert (values[:, :, 2] == 2).sum() > (values[:, :, -3] == 2).sum()  # base first


@pytest.mark.usefixtures("small")
def test_mnms_layout(tmp_path: Path) -> None:
    settings = PhantomSettings(
        subjects=3, vendors=["B", "C"], diagnoses=["DCM", "RV"], unlabelled=0.35, seed=5
    )
    write_phantom(tmp_path / "mnms", "mnms", settings)
    table = pd.read_csv(
        tmp_path / "mnms" / "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv", index_col=0
    )
    assert list(table.columns) == [
        "External code", "VendorName", "Vendor", "Centre", "ED", "ES",
        "Age", "Pathology", "Sex", "Height", "Weight",
    ]  # fmt: skip
    assert list(table["Pathology"]) == ["DCM", "ARV", "DCM"] and list(table["Vendor"]) == ["B", "B", "C"]
    truth = pd.read_csv(tmp_path / "mnms" / "ground_truth.tsv", sep="\t")
    for (_, row), (_, known) in zip(table.iterrows(), truth.iterrows(), strict=True):
        code = row["External code"]
        folder = tmp_path / "mnms" / "Training" / ("Labeled" if known["labelled"] else "Unlabeled") / code
        cine = nib.load(folder / f"{code}_sa.nii.gz")
        assert 0 <= row["ED"] < cine.shape[3] and 0 <= row["ES"] < cine.shape[3]
        assert cine.header.get_zooms()[3] == pytest.approx(known["frame_duration_s"], rel=1e-2)
        assert np.count_nonzero(np.abs(cine.affine[:3, :3]) > 0.1) > 3  # oblique
        assert cine.dataobj.slope == SCANNERS[known["vendor"]].slope
        assert 0.7 < np.percentile(cine.get_fdata(), 99) / SCANNERS[known["vendor"]].intensity < 1.6
        if known["labelled"]:
            labels = nib.load(folder / f"{code}_sa_gt.nii.gz")
            values = np.asarray(labels.dataobj)
            assert values.shape == cine.shape and np.allclose(labels.affine, cine.affine)
            assert set(np.flatnonzero(values.any(axis=(0, 1, 2)))) == {row["ED"], row["ES"]}
            millilitres = np.prod(labels.header.get_zooms()[:3]) / 1000
            # Whatever the order of storage, the affine says where posterior and inferior are.
            display = nib.orientations.axcodes2ornt(("P", "I", "L"))
            turn = nib.orientations.ornt_transform(nib.io_orientation(labels.affine), display)
            shown = nib.apply_orientation(values[..., row["ED"]], turn)
            assert np.nonzero(shown == 3)[0].mean() < np.nonzero(shown == 1)[0].mean() - 8  # RV left of LV
            assert (shown[:, :, 2] == 2).sum() > (shown[:, :, -3] == 2).sum()  # base first
            measured = [(values[..., row[key]] == 1).sum() * millilitres for key in ("ED", "ES")]
            assert measured == pytest.approx([known["label_lv_edv_ml"], known["label_lv_esv_ml"]], rel=1e-3)
        else:
            assert not (folder / f"{code}_sa_gt.nii.gz").exists()


@pytest.mark.usefixtures("small")
def test_bytes_depend_on_neither_count_nor_processes(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    write_phantom(tmp_path / "two", "mnms", PhantomSettings(subjects=2, seed=1))
    write_phantom(
        tmp_path / "three", "mnms", PhantomSettings(subjects=3, seed=1), 2, lambda *done: reports.append(done)
    )
    write_phantom(tmp_path / "other", "mnms", PhantomSettings(subjects=2, seed=2))
    two, three, other = (files(tmp_path / name) for name in ("two", "three", "other"))
    images = {name: content for name, content in two.items() if name.endswith(".nii.gz")}
    assert len(images) == 4 and all(three[name] == content for name, content in images.items())
    assert all(other[name] != content for name, content in images.items())
    assert reports == [(1, 3), (2, 3), (3, 3)]


def test_half_a_dataset_is_never_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("synthaug.phantom.simulate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_phantom(tmp_path / "acdc", "acdc", PhantomSettings(subjects=2))
    assert list(tmp_path.iterdir()) == []


def test_codes_look_like_those_of_mnms_and_differ() -> None:
    codes = [mnms_id(index) for index in range(5000)]
    assert len(set(codes)) == 5000
    assert all(code[::2].isalpha() and code[1::2].isdigit() and len(code) == 6 for code in codes)


def test_settings_name_what_they_refuse() -> None:
    with pytest.raises(ValidationError, match="the phantom has no vendor 'Siemens'; choose from A, B, C"):
        PhantomSettings(vendors=["Siemens"])
    with pytest.raises(ValidationError, match="no diagnosis 'ARV'"):
        PhantomSettings(diagnoses=["ARV"])
