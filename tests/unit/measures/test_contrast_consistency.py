"""Several contrasts of one heart: planned as asked, and scored by hand between their references."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synthaug.config.data import HarmonisationSettings
from synthaug.config.evaluation import ContrastSettings, EvaluationSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.measures.contrast_consistency import _real_strangers, measure_contrast_consistency
from synthaug.measures.measurement import Measurement
from synthaug.synthesis.plan_contrasts import CONTRAST, HEART, RESEEDED, plan_contrasts
from synthaug.synthesis.plan_requests import complete_requests
from synthaug.synthesis.requests import request_cohort
from synthaug.synthesis.word_requests import word_requests

SPACING = (10.0, 2.0, 2.0)
SETTINGS = ContrastSettings(values=("A", "B"), subjects=3)
MEASUREMENT = Measurement(
    {"generator": "g", "fold": 0, "generator_seed": 0}, EvaluationSettings(replicates=200)
)
SIZE = 16


def picture(number: int, slices: int = 2) -> np.ndarray:
    """Noise of a seed, (1, z, y, x)."""
    return np.random.default_rng(number).uniform(0, 0.5, (1, slices, SIZE, SIZE)).astype(np.float32)


def write(folder, subjects, kind, **meta):
    rows = []
    for name, (cine, about) in subjects.items():
        write_subject(folder / f"sub-{name}", cine, {}, SPACING)
        rows.append({"subject": name, "n_slices": cine.shape[1], **about})
    write_cohort(folder, "made", kind, rows, SPACING, **meta)
    return Cohort.open(folder)


def hearts(tmp_path, conditions=("vendor",)):
    """Contrast B is twice contrast A; another seed is unrelated, as is another heart."""
    subjects = {}
    for number in range(3):
        slices = 2 + number % 2
        base = picture(number, slices)
        cines = {"A": base, "B": 2 * base, RESEEDED: picture(100 + number, slices)}
        for place, (contrast, cine) in enumerate(cines.items()):
            about = {f"requested_{HEART}": f"h{number}", f"requested_{CONTRAST}": contrast}
            subjects[f"h{number}-contrast-{place}"] = cine, about
    return write(tmp_path / "made", subjects, "synthetic", conditions=list(conditions))


def real(tmp_path, **more):
    about = {"vendor": "A", "patient": "p"}
    return write(
        tmp_path / "real",
        {"r1": (picture(7), about), **{n: (picture(8), a) for n, a in more.items()}},
        "real",
    )


def test_contrasts_of_one_heart_lie_above_what_is_unrelated(tmp_path):
    rows = measure_contrast_consistency(hearts(tmp_path), real(tmp_path), SETTINGS, MEASUREMENT)
    value = rows.set_index("metric")["value"]
    assert value["contrast_ncc"] == pytest.approx(1, abs=1e-3)  # a linear change of contrast
    assert value["contrast_nmi"] == pytest.approx(2, abs=0.02)  # each intensity determines the other
    assert abs(value["contrast_ncc_reseeded"]) < 0.2 and abs(value["contrast_ncc_other"]) < 0.2
    assert value["contrast_nmi_other"] < 1.5 and value["contrast_ssim_other"] < value["contrast_ssim"] < 1
    counted = rows[rows["status"] == "ok"]
    assert set(counted["n"]) == {3} and counted["ci_low"].notna().all()
    assert set(rows["versus"]) == {"vendor A, B"}
    missing = rows.set_index("metric").loc["contrast_ssim_real"]
    assert missing["status"] == "not_measured" and "no patient was imaged with two of A, B" in missing["note"]


def test_a_patient_in_two_contrasts_is_the_upper_bound(tmp_path):
    both = real(tmp_path, r2={"vendor": "B", "patient": "p"}, r3={"vendor": "B", "patient": "q"})
    rows = measure_contrast_consistency(hearts(tmp_path), both, SETTINGS, MEASUREMENT).set_index("metric")
    assert rows.loc["contrast_ncc_real", "n"] == 1
    expected = np.corrcoef(picture(7).ravel(), picture(8).ravel())[0, 1]
    assert rows.loc["contrast_ncc_real", "value"] == pytest.approx(expected, abs=1e-3)


def test_two_patients_in_two_contrasts_are_the_lower_bound(tmp_path):
    both = real(tmp_path, r2={"vendor": "B", "patient": "p"}, r3={"vendor": "B", "patient": "q"})
    rows = measure_contrast_consistency(hearts(tmp_path), both, SETTINGS, MEASUREMENT).set_index("metric")
    # r1 and r2 are one patient: r1 and r3 are what is left.
    assert rows.loc["contrast_ncc_real_other", "n"] == 1
    expected = np.corrcoef(picture(7).ravel(), picture(8).ravel())[0, 1]
    assert rows.loc["contrast_ncc_real_other", "value"] == pytest.approx(expected, abs=1e-3)
    one = real(tmp_path / "one", r2={"vendor": "B", "patient": "p"})
    alone = measure_contrast_consistency(hearts(tmp_path / "one"), one, SETTINGS, MEASUREMENT)
    note = alone.set_index("metric").loc["contrast_ncc_real_other", "note"]
    assert note == "no two patients were imaged with different ones of A, B (vendor)"


def test_a_large_cohort_is_paired_as_far_as_asked():
    # 4,000 patients a contrast; all pairs of them would take minutes.
    names = [f"{contrast}{number}" for contrast in "AB" for number in range(4000)]
    patients = [f"p{name[1:]}" for name in names]  # everybody was imaged in both contrasts
    table = pd.DataFrame({"subject": names, "patient": patients, "vendor": [name[0] for name in names]})
    pairs = _real_strangers(SimpleNamespace(table=table), SETTINGS, 0)
    assert len(pairs) == 3 and all(len(own) == 1 for own in pairs)
    for ((one, other),) in pairs:
        assert (one[0], other[0]) == ("A", "B") and one[1:] != other[1:]


def test_a_generator_that_knows_no_contrast_is_not_measured(tmp_path):
    rows = measure_contrast_consistency(
        hearts(tmp_path, ("lv_edv_ml",)), real(tmp_path), SETTINGS, MEASUREMENT
    )
    assert set(rows["status"]) == {"not_measured"} and len(rows) == 3
    assert rows["note"][0] == "the generator is not conditioned on vendor"
    told = measure_contrast_consistency(
        hearts(tmp_path, ("sentence",)), real(tmp_path), SETTINGS, MEASUREMENT
    ).set_index("metric")
    assert told.loc["contrast_ssim", "status"] == "ok"  # a sentence tells the vendor


# --- requests -------------------------------------------------------------------------------------

GRID = HarmonisationSettings(matrix=(10, 64, 64), frames=10, spacing_mm=SPACING)


def training(**changes):
    about = {"subject": ["a", "b"], "diagnosis": "NOR", "vendor": ["A", "B"], "lv_edv_ml": 150.0}
    about |= {"lv_esv_ml": 60.0, "myo_mass_g": 100.0, "n_slices": 8, "es_frame": 4, "n_frames": 10}
    return pd.DataFrame({**about, **changes})


def requested(count=5):
    open_columns = dict.fromkeys(("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "myo_mass_g", "es_phase"))
    table = pd.DataFrame({**open_columns, "n_slices": [8] * count})
    table[["lv_edv_ml", "lv_esv_ml", "myo_mass_g", "es_phase"]] = np.nan
    return request_cohort(complete_requests(table, [f"g-{n}" for n in range(count)], 0), "g")


def test_each_heart_is_asked_for_in_every_contrast_and_once_with_another_seed():
    table = plan_contrasts(requested(), training(), SETTINGS, GRID).table
    assert list(table[HEART]) == [f"g-{n}" for n in range(3) for _ in range(3)]
    assert list(table[CONTRAST][:3]) == ["A", "B", RESEEDED] and list(table["vendor"][:3]) == ["A", "B", "A"]
    for _, heart in table.groupby(HEART):
        seeds = list(heart["seed"])
        assert seeds[0] == seeds[1] != seeds[2] and min(seeds) >= 0 and max(seeds) < 2**31
    assert table["subject"].is_unique


def test_masks_of_one_patient_are_one_heart():
    """Two visits of a patient, and a request for the masks of the first again."""
    asked = requested()
    origins = ["a", "b", "c", "a", None]
    table = asked.table.reset_index(drop=True).assign(masks_of=pd.array(origins, dtype="string"))
    visits = training(patient=["p", "p"])
    planned = plan_contrasts(request_cohort(table, "g"), visits, SETTINGS, GRID).table
    assert list(planned[HEART].unique()) == ["g-0", "g-2", "g-4"]
    # Of patients of whom nobody says that they are one, the masks of the first are asked for twice.
    planned = plan_contrasts(request_cohort(table, "g"), training(), SETTINGS, GRID).table
    assert list(planned[HEART].unique()) == ["g-0", "g-1", "g-2"]


def test_a_contrast_nobody_has_is_refused():
    other = ContrastSettings(values=("A", "C"))
    with pytest.raises(SynthaugError, match="unknown vendor 'C'; the training subjects have A, B"):
        plan_contrasts(requested(), training(), other, GRID)
    sequences = ContrastSettings(column="sequence", values=("T1", "T2"))
    with pytest.raises(SynthaugError, match="unknown sequence 'T1'; the training subjects have none"):
        plan_contrasts(requested(), training(), sequences, GRID)
    made = plan_contrasts(requested(), training(sequence=["T1", "T2"]), sequences, GRID).table
    assert list(made["sequence"][:2]) == ["T1", "T2"]
    with pytest.raises(ValueError, match="listed twice"):
        ContrastSettings(values=("A", "A"))


def test_contrasts_of_a_heart_differ_in_the_words_of_the_contrast_alone():
    asked = requested()
    table = asked.table.reset_index(drop=True).assign(
        diagnosis="DCM", lv_edv_ml=250.0, lv_esv_ml=180.0, sentence="Dilated cardiomyopathy. A scanner."
    )
    contrasts = plan_contrasts(request_cohort(table, "g"), training(diagnosis=["NOR", "DCM"]), SETTINGS, GRID)
    assert "sentence" not in contrasts.table or contrasts.table["sentence"].isna().all()
    worded = word_requests(contrasts, held_out=True).table
    for _, heart in worded.groupby(HEART):
        said = dict(zip(heart[CONTRAST], heart["sentence"], strict=True))
        assert said["A"] == said[RESEEDED] != said["B"]
