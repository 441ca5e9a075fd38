"""The diagnosis said in the sentence alone: the generator is given no class, the study knows which one it asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from beating_ellipsoid import FRAMES, MATRIX, SPACING_MM, BeatingEllipsoid

from synthaug.config.attention import AttentionSettings
from synthaug.config.data import HarmonisationSettings
from synthaug.config.evaluation import ContrastSettings, EvaluationSettings
from synthaug.config.synthesis import GateSettings, RequestSettings
from synthaug.core.artifacts import write_json, write_tsv
from synthaug.data.cohort import Cohort
from synthaug.measures.attention import measure_attention
from synthaug.measures.measurement import Measurement
from synthaug.measures.recovery import NETWORK, measure_diagnosis_recovery
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.gather import gather_chunks
from synthaug.synthesis.plan_contrasts import plan_contrasts
from synthaug.synthesis.plan_requests import plan_requests
from synthaug.synthesis.requests import write_requests
from synthaug.synthesis.word_requests import word_requests
from synthaug.text.grammar import DIAGNOSES
from synthaug.text.impressions import write
from synthaug.text.told_diagnoses import with_told_diagnoses

GRID = HarmonisationSettings(matrix=(10, 64, 64), frames=FRAMES, spacing_mm=SPACING_MM)
MEASUREMENT = Measurement(
    {"generator": "g", "fold": 0, "generator_seed": 0}, EvaluationSettings(replicates=100)
)
#: Eight patients, of whom six are DCM.
TRAINING = pd.DataFrame(
    {
        "subject": [f"real-{number}" for number in range(8)],
        "diagnosis": ["NOR"] * 2 + ["DCM"] * 6,
        "vendor": "A",
        "lv_edv_ml": [120.0, 130.0, 230.0, 240.0, 250.0, 255.0, 260.0, 270.0],
        "lv_esv_ml": [50.0, 55.0, 170.0, 175.0, 180.0, 190.0, 195.0, 200.0],
        "myo_mass_g": [90.0, 95.0, 130.0, 135.0, 140.0, 145.0, 150.0, 155.0],
        "n_slices": 3,
        "es_frame": 5,
        "n_frames": FRAMES,
    }
)


class Reader(BeatingEllipsoid):
    """Notes the classes it is given, and those that it reads in the sentences."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []
        self.read: list[str] = []

    def sample(self, requests, batch_size=1):
        told = with_told_diagnoses(requests.table, sorted(DIAGNOSES))
        self.given += requests.table["diagnosis"].fillna("open").tolist()
        self.read += told["diagnosis"].fillna("open").tolist()
        return super().sample(requests, batch_size)

    def attention_maps(self, requests, words):
        self.given += requests.table["diagnosis"].fillna("open").tolist()
        for row in requests.table.to_dict("records"):
            yield row["subject"], np.ones((len(words), FRAMES, row["n_slices"], MATRIX, MATRIX), np.float32)


def made(folder: Path, conditions: tuple[str, ...], **settings: bool) -> tuple[Cohort, Reader]:
    """Eight requests in held-out words, sampled and gathered, and the generator that they were given to."""
    planned = plan_requests(TRAINING, RequestSettings(**settings), "g", range(8), 0, GRID)
    write_requests(word_requests(planned, held_out=True), folder / "requests")
    requests, generator = Cohort.open(folder / "requests"), Reader()
    identity = {"generator_kind": "ellipsoid", "hashes": {}, "seen": [], "conditions": list(conditions)}
    gate = GateSettings(enabled=False)
    synthesise_chunk(generator, requests, gate, SPACING_MM, folder / "chunk", "g", 2, identity)
    gather_chunks([folder / "chunk"], requests, folder / "cohort", 1.0)
    return Cohort.open(folder / "cohort"), generator


def recovered(folder: Path, cohort: Cohort) -> pd.DataFrame:
    """Recovery where a classifier takes all for DCM."""
    for name, of in (("made", cohort), ("tested", cohort.select(cohort.subjects[:2]))):
        says = pd.DataFrame({"subject": of.subjects, "NOR": 0.0, "DCM": 1.0})
        write_tsv(folder / name / "predictions.tsv", says)
        about = {"classes": {"NOR": ["NOR"], "DCM": ["DCM"]}, "classes_declared": False, "seen": []}
        write_json(folder / name / "predictions.json", about)
    tested = cohort.select(cohort.subjects[:2])
    split = pd.DataFrame({"subject": tested.subjects, "patient": tested.subjects, "role": "test"})
    rows = measure_diagnosis_recovery(
        NETWORK, cohort, folder / "made", tested, split, folder / "tested", MEASUREMENT
    )
    return rows[rows["diagnosis"].isna()].set_index("metric")


def test_the_generator_reads_the_class_and_recovery_knows_what_was_requested(tmp_path):
    cohort, generator = made(tmp_path, ("diagnosis", "sentence"), class_from_sentence=True)
    asked = cohort.table["diagnosis"].tolist()
    assert (
        sorted(asked) == ["DCM"] * 6 + ["NOR"] * 2 and asked == cohort.table["requested_diagnosis"].tolist()
    )
    assert set(generator.given) == {"open"} and generator.read == asked
    rows = recovered(tmp_path, cohort)
    assert rows.loc["diagnosis_recovery", "value"] == 0.75 and rows.loc["diagnosis_recovery", "n"] == 8
    assert rows.loc["diagnosis_recovery", "note"] == "requested in the sentence alone"


@pytest.mark.parametrize(
    ("conditions", "open_class"), [(("diagnosis", "sentence"), False), (("diagnosis",), True), ((), True)]
)
def test_other_generators_and_other_studies_are_given_the_class(tmp_path, conditions, open_class):
    """Without the option, and with it where no sentence is read."""
    cohort, generator = made(tmp_path, conditions, class_from_sentence=open_class)
    assert generator.given == cohort.table["diagnosis"].tolist()
    assert "class_from_sentence" not in cohort.meta
    if "diagnosis" in conditions:
        assert "sentence alone" not in str(recovered(tmp_path, cohort).loc["diagnosis_recovery", "note"])


@pytest.mark.parametrize("contrasts", [False, True])
def test_attention_and_contrasts_are_given_no_class_either(contrasts):
    training = TRAINING.assign(vendor=["A", "B"] * 4)
    planned = plan_requests(training, RequestSettings(class_from_sentence=True), "g", range(2), 0, GRID)
    if contrasts:
        planned = plan_contrasts(planned, training, ContrastSettings(values=("A", "B"), subjects=2), GRID)
    generator, settings = Reader(), AttentionSettings(words={"[CLS]": "LV", "LV": "LV"}, subjects=2)
    measure_attention(generator, word_requests(planned, held_out=False), settings, SPACING_MM, MEASUREMENT)
    # Two sampled and two with their maps, and those whose sentence has the word once more without its clauses.
    assert len(generator.given) > 4 and set(generator.given) == {"open"}


@pytest.mark.parametrize("code", sorted(DIAGNOSES))
def test_every_diagnosis_is_read_in_held_out_words(code):
    row = {
        "diagnosis": code,
        "lv_edv_ml": 210.0,
        "lv_esv_ml": 130.0,
        "rv_edv_ml": 220.0,
        "myo_mass_g": 150.0,
        "vendor": "B",
    }
    sentences = {
        write(known, seed, held_out=True) for known in (row, {"diagnosis": code}) for seed in range(60)
    }
    table = pd.DataFrame({"diagnosis": None, "sentence": sorted(sentences)})
    told = with_told_diagnoses(table, sorted(DIAGNOSES))["diagnosis"]
    assert table["sentence"][told != code].tolist() == []
