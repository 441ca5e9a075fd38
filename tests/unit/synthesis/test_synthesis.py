"""Chunks and their gathering: retries, atomic cohorts, identity, counts and the acceptance rate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from beating_ellipsoid import FRAMES, SPACING_MM, BeatingEllipsoid, Fault

from synthaug.config.synthesis import GateSettings, SynthesisSettings
from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.gather import acceptance_rows, check_acceptance, gather_chunks, read_attempts
from synthaug.synthesis.requests import request_cohort

IDENTITY = {"generator_kind": "ellipsoid", "hashes": {"anatomy": "abc"}, "seen": ["real-00", "real-01"]}


def make_requests(count: int) -> Cohort:
    table = pd.DataFrame(
        {
            "subject": [f"toy-s0-{number:04d}" for number in range(count)],
            "diagnosis": pd.array(["NOR", None] * count, dtype="string")[:count],
            "vendor": pd.array(["A"] * count, dtype="string"),
            "lv_edv_ml": [120.0 + 10 * number for number in range(count)],
            "lv_esv_ml": [50.0 + 5 * number for number in range(count)],
            "myo_mass_g": [90.0 + number for number in range(count)],
            "n_slices": [8 + number % 3 for number in range(count)],
            "es_phase": 0.5,
            "seed": [1000 * number for number in range(count)],
        }
    )
    return request_cohort(table)


def synthesise(
    requests: Cohort, output: Path, fault: Fault | None = None, identity: dict = IDENTITY, attempts: int = 3
) -> BeatingEllipsoid:
    generator = BeatingEllipsoid(fault)
    gate = GateSettings(attempts=attempts)
    synthesise_chunk(generator, requests, gate, SPACING_MM, output, "toy", batch_size=2, identity=identity)
    return generator


def dark_below(seed_digit: int) -> Fault:
    """Spoil a sample unless its seed has reached `seed_digit` past the thousands: later attempts pass."""

    def fault(cine: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return (1 - cine if seed % 1000 < seed_digit else cine), labels

    return fault


def dark_second(cine: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spoil every attempt at the second subject."""
    return (1 - cine if seed // 1000 == 1 else cine), labels


def digest(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return content.hexdigest()


def test_chunk_is_a_cohort_with_what_was_asked_beside_what_is_measured(tmp_path: Path) -> None:
    requests = make_requests(3)
    synthesise(requests, tmp_path / "chunk")
    cohort = Cohort.open(tmp_path / "chunk")
    assert cohort.kind == "synthetic" and cohort.subjects == requests.subjects
    table = cohort.table
    assert (table["ed_frame"] == 0).all() and (table["es_frame"] == FRAMES // 2).all()
    assert table["requested_lv_edv_ml"].tolist() == [120, 130, 140]
    assert table["requested_myo_mass_g"].tolist() == [90, 91, 92]
    assert np.allclose(table["lv_edv_ml"], table["requested_lv_edv_ml"], rtol=0.1)
    assert np.allclose(table["lv_esv_ml"], table["requested_lv_esv_ml"], rtol=0.15)
    assert table["n_slices"].tolist() == [8, 9, 10]
    assert table["seed"].tolist() == [0, 1000, 2000]
    assert table["diagnosis"].isna().tolist() == [False, True, False]
    assert '"diagnosis"' not in table["request"].iloc[1]
    assert table["requested_n_slices"].tolist() == [8, 9, 10]
    assert cohort.labelled_frames("toy-s0-0000") == list(range(FRAMES))
    assert cohort.label_cine("toy-s0-0002").shape == cohort.cine("toy-s0-0002").shape == (10, 10, 64, 64)
    assert cohort.meta["seen"] == IDENTITY["seen"]


def test_a_requested_heart_rate_is_the_duration_of_a_frame(tmp_path: Path) -> None:
    requests = make_requests(2)
    table = requests.table.reset_index(drop=True).assign(heart_rate_bpm=[75.0, np.nan])
    synthesise(request_cohort(table), tmp_path / "chunk")
    cohort = Cohort.open(tmp_path / "chunk")
    # 75 beats a minute are 0.8 s a cycle.
    assert cohort.frame_duration_s("toy-s0-0000") == pytest.approx(0.8 / FRAMES, rel=1e-4)
    assert cohort.frame_duration_s("toy-s0-0001") is None


def test_threads_that_write_beside_the_generator_write_the_same(tmp_path: Path) -> None:
    gate = GateSettings(attempts=3)
    for writers in (0, 2):
        synthesise_chunk(
            BeatingEllipsoid(dark_below(1)),  # each first attempt is rejected
            make_requests(3),
            gate,
            SPACING_MM,
            tmp_path / str(writers),
            "toy",
            batch_size=2,
            identity=IDENTITY,
            writers=writers,
        )
    assert digest(tmp_path / "0") == digest(tmp_path / "2")
    assert len(Cohort.open(tmp_path / "2").subjects) == 3


def test_whom_the_model_of_the_requests_saw_was_seen(tmp_path: Path) -> None:
    """A test patient may leak through the phenotypes that are requested, too."""
    requests = make_requests(1)
    requests.meta["sampler"] = {"seen": ["real-01", "real-07"]}
    synthesise(requests, tmp_path / "chunk")
    assert Cohort.open(tmp_path / "chunk").meta["seen"] == ["real-00", "real-01", "real-07"]


def test_a_synthetic_cohort_keeps_the_sentences_it_was_asked_with(tmp_path: Path) -> None:
    requests = make_requests(2)
    requests.table["sentence"] = pd.array(["Dilated heart.", None], dtype="string")
    synthesise(requests, tmp_path / "chunk")
    gather_chunks([tmp_path / "chunk"], requests, tmp_path / "cohort", 1.0)
    first, second = Cohort.open(tmp_path / "cohort").table["sentence"]
    assert first == "Dilated heart." and pd.isna(second)
    synthesise(make_requests(1), tmp_path / "silent")
    assert "sentence" not in Cohort.open(tmp_path / "silent").table


def test_chunk_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        synthesise(make_requests(2), tmp_path / name)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_rejected_samples_are_retried_with_the_next_seed_and_recorded(tmp_path: Path) -> None:
    generator = synthesise(make_requests(2), tmp_path / "chunk", dark_below(2))
    assert [seed for subject, seed in generator.requested if subject == "toy-s0-0001"] == [1000, 1001, 1002]
    attempts = read_attempts(tmp_path / "chunk" / "attempts.tsv")
    assert attempts["accepted"].tolist() == [False, False, False, False, True, True]
    assert attempts["reasons"].tolist() == ["blood_not_bright"] * 4 + ["", ""]
    assert attempts["blood_contrast"].round(1).tolist() == [-0.7] * 4 + [0.7] * 2
    assert Cohort.open(tmp_path / "chunk").table["seed"].tolist() == [2, 1002]


def test_only_rejected_subjects_are_sampled_again(tmp_path: Path) -> None:
    generator = synthesise(make_requests(3), tmp_path / "chunk", dark_second)
    assert [seed for _, seed in generator.requested] == [0, 1000, 2000, 1001, 1002]


def test_a_chunk_of_rejections_is_an_empty_cohort(tmp_path: Path) -> None:
    synthesise(make_requests(2), tmp_path / "chunk", dark_below(999), attempts=1)
    assert Cohort.open(tmp_path / "chunk").subjects == []
    assert len(read_attempts(tmp_path / "chunk" / "attempts.tsv")) == 2


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda cine, labels, seed: (cine, labels[:, 1:]), "both must be"),
        (lambda cine, labels, seed: (cine, labels + 2), "label 4 is not one of 0 to 3"),
    ],
)
def test_a_broken_generator_is_named_and_leaves_nothing(tmp_path: Path, fault: Fault, message: str) -> None:
    with pytest.raises(SynthaugError, match=message):
        synthesise(make_requests(2), tmp_path / "chunk", fault)
    assert list(tmp_path.iterdir()) == []


def test_a_generator_that_forgets_a_subject_is_refused(tmp_path: Path) -> None:
    class Forgetful(BeatingEllipsoid):
        def sample(
            self, requests: Cohort, batch_size: int = 1
        ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
            yield from super().sample(requests.select(requests.subjects[:1]), batch_size)

    with pytest.raises(SynthaugError, match="no sample came for toy-s0-0001"):
        synthesise_chunk(
            Forgetful(), make_requests(2), GateSettings(), SPACING_MM, tmp_path / "c", "toy", 2, IDENTITY
        )


def part_of(requests: Cohort, chunk: int, size: int) -> Cohort:
    return requests.select(requests.subjects[chunk * size : (chunk + 1) * size])


def gathered(tmp_path: Path, fault: Fault | None, count: int = 5, minimum: float = 0.5) -> Path:
    requests = make_requests(count)
    chunks = []
    for chunk in range(-(-count // 2)):
        chunks.append(tmp_path / "chunks" / str(chunk))
        synthesise(part_of(requests, chunk, 2), chunks[-1], fault, attempts=2)
    # Chunks may end in any order; the cohort follows the requests.
    gather_chunks(chunks[::-1], requests, tmp_path / "cohort", minimum)
    return tmp_path / "cohort"


def test_gathered_cohort_follows_the_plan_and_shares_files(tmp_path: Path) -> None:
    cohort = Cohort.open(gathered(tmp_path, dark_second))
    assert cohort.subjects == [f"toy-s0-{number:04d}" for number in (0, 2, 3, 4)]
    file = cohort.folders["toy-s0-0003"] / "cine.nii.gz"
    assert file.samefile(tmp_path / "chunks" / "1" / "sub-toy-s0-0003" / "cine.nii.gz")
    counts = {name: cohort.meta[name] for name in ("requested", "attempted", "accepted")}
    assert counts == {"requested": 5, "attempted": 6, "accepted": 4}
    assert cohort.meta["acceptance_rate"] == pytest.approx(4 / 6)
    assert {name: cohort.meta[name] for name in IDENTITY} == IDENTITY and cohort.meta["generator"] == "toy"
    chunk = Cohort.open(tmp_path / "chunks" / "0")
    shared = chunk.table.loc["toy-s0-0000"].dropna()
    pd.testing.assert_series_equal(cohort.table.loc["toy-s0-0000"].dropna(), shared)


def test_rejections_say_why_and_whether_they_were_replaced(tmp_path: Path) -> None:
    rejections = read_tsv(gathered(tmp_path, dark_below(1), count=2) / "rejections.tsv")
    assert rejections["subject"].tolist() == ["toy-s0-0000", "toy-s0-0001"]
    assert rejections["replaced"].all()
    assert rejections["explanation"].str.contains("blood is not brighter than myocardium").all()


def test_too_few_accepted_names_the_commonest_reason_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SynthaugError) as refusal:
        gathered(tmp_path, dark_second, count=2, minimum=0.6)
    message = str(refusal.value)
    assert "1 of 2 subjects were accepted, 60% are needed" in message
    assert "2 of 3 samples: blood is not brighter" in message and "synthesis.gate.blood_contrast" in message
    assert "\n" not in message and not (tmp_path / "cohort").exists()


def test_a_cohort_that_stands_is_checked_with_another_share(tmp_path: Path) -> None:
    attempts = read_attempts(gathered(tmp_path, dark_second, count=2) / "attempts.tsv")
    check_acceptance("toy", attempts, 0.5)
    with pytest.raises(SynthaugError, match="toy: 1 of 2 subjects were accepted, 60% are needed"):
        check_acceptance("toy", attempts, 0.6)


def test_exactly_enough_accepted_are_enough(tmp_path: Path) -> None:
    """0.28 of 25 is 7, and 0.28 * 25 in double precision is above 7."""

    def dark_from_the_eighth(
        cine: np.ndarray, labels: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return (1 - cine if seed // 1000 >= 7 else cine), labels

    requests = make_requests(25)
    synthesise(requests, tmp_path / "chunk", dark_from_the_eighth, attempts=1)
    gather_chunks([tmp_path / "chunk"], requests, tmp_path / "cohort", 0.28)
    assert Cohort.open(tmp_path / "cohort").meta["accepted"] == 7


def test_chunks_of_different_generators_are_not_mixed(tmp_path: Path) -> None:
    requests = make_requests(2)
    for number, identity in enumerate((IDENTITY, IDENTITY | {"hashes": {"anatomy": "other"}})):
        synthesise(part_of(requests, number, 1), tmp_path / str(number), identity=identity)
    with pytest.raises(SynthaugError, match="another generator"):
        gather_chunks([tmp_path / "0", tmp_path / "1"], requests, tmp_path / "cohort", 0.5)


def test_a_missing_chunk_is_noticed(tmp_path: Path) -> None:
    requests = make_requests(2)
    synthesise(part_of(requests, 0, 1), tmp_path / "0")
    with pytest.raises(SynthaugError, match="toy-s0-0001 is not in both"):
        gather_chunks([tmp_path / "0"], requests, tmp_path / "cohort", 0.5)


def test_acceptance_rows_by_hand() -> None:
    attempts = pd.DataFrame(
        {
            "accepted": [True] * 8 + [False] * 2,
            "reasons": [""] * 8 + ["myo_open", "lv_in_pieces,myo_open"],
            "intensity_span": 0.8,
            "lv_ml": 60.0,
        }
    )
    rows = acceptance_rows(attempts, generator="toy", fold=1).set_index("metric")
    rate = rows.loc["acceptance_rate"]
    # Wilson, n = 10, p = 0.8, z = 1.96: (0.8 + 0.192 +- 0.303) / 1.384
    assert (rate["value"], rate["n"]) == (0.8, 10)
    assert rate[["ci_low", "ci_high"]].tolist() == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert rows.index.tolist() == ["acceptance_rate", "rejected_myo_open", "rejected_lv_in_pieces"]
    assert rows.loc["rejected_myo_open", "value"] == 2
    assert set(rows["generator"]) == {"toy"}


def test_cines_without_masks_are_gathered_and_said_to_be_judged_by_the_image(tmp_path: Path) -> None:
    class Bare(BeatingEllipsoid):
        def sample(self, requests, batch_size=1):
            for subject, cine, _ in super().sample(requests, batch_size):
                yield subject, cine, None

    flat_first = Bare(lambda cine, labels, seed: (cine * (0.2 if seed == 0 else 1), labels))
    requests = make_requests(2)
    gate = GateSettings(attempts=2)
    synthesise_chunk(flat_first, requests, gate, SPACING_MM, tmp_path / "0", "toy", 2, IDENTITY)
    gather_chunks([tmp_path / "0"], requests, tmp_path / "cohort", 1.0)
    cohort = Cohort.open(tmp_path / "cohort")
    assert cohort.subjects == requests.subjects and cohort.table["lv_edv_ml"].isna().all()
    assert (
        cohort.labelled_frames(cohort.subjects[0]) == [] and cohort.table["n_frames"].tolist() == [FRAMES] * 2
    )
    assert cohort.table["requested_lv_edv_ml"].tolist() == [120, 130]
    attempts = read_attempts(tmp_path / "cohort" / "attempts.tsv")
    assert attempts["reasons"].tolist() == ["flat_image", "", ""] and attempts["lv_ml"].isna().all()
    (rate, *_) = acceptance_rows(attempts, generator="toy", fold=0).to_dict("records")
    assert rate["value"] == pytest.approx(2 / 3) and "image alone" in rate["note"]


def test_default_settings_are_usable() -> None:
    settings = SynthesisSettings()
    assert settings.gate.enabled and settings.requests.source == "real" and settings.gate.attempts == 3
