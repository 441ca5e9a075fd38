"""Study design: composition of the training sets, and the configuration."""

from __future__ import annotations

from typing import Any

from synthaug.config.arms import VERDICT_CONTROLS, Arm
from synthaug.core.artifacts import read_json
from synthaug.report import wording
from synthaug.report.inputs import ReportInputs
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, PROSE, TEXT, Cell, make_table

_COLUMNS = {
    "training set": TEXT,
    "real patients": TEXT,
    "generator": TEXT,
    "synthetic-to-real ratio": NUMBER,
    "remark": PROSE,
}


def design(data: ReportData) -> dict[str, Any]:
    """Training sets as declared, controls included, and the configuration of the study."""
    lines = [_line(arm, data.inputs) for arm in data.inputs.arms]
    return {
        "table": make_table("Training sets", _COLUMNS, lines),
        "configuration": dict(data.inputs.study),
    }


def _line(arm: Arm, inputs: ReportInputs) -> list[Cell]:
    real = "all" if arm.real == 1 else "none" if not arm.real else f"{arm.real * 100:.0f} %"
    generator = arm.generator if not arm.control else None
    return [arm.name, real, generator, f"{arm.dose:g}" if arm.dose else None, _remark(arm, inputs)]


def _remark(arm: Arm, inputs: ReportInputs) -> str:
    """Remark on an arm: control, sampling, corruption, labels that its generator was trained on."""
    said = []
    if arm.control:
        said.append(f"control of {', '.join(arm.control_of)}: {wording.CONTROLS[arm.control].explanation}")
    elif arm.real and arm.generator:
        present = {other.control for other in inputs.arms if arm.name in other.control_of}
        missing = [control for control in VERDICT_CONTROLS if control not in present]
        said += [f"controls left out: {', '.join(missing)}"] if missing else []
    if arm.real_share is not None:
        added = "synthetic" if arm.adds_synthetic else "added"
        said.append(f"{arm.real_share:.0%} of the training samples are real cases, the others {added}")
    if arm.pretrain:
        first = "synthetic" if arm.adds_synthetic else "added"
        said.append(
            f"first {arm.pretrain:.0%} of the iterations on {first} cases only, the rest on real cases only"
        )
    if arm.corruption != "none" and not arm.control:
        corruption = {"labels": "masks of another subject", "images": "images shuffled to noise"}[
            arm.corruption
        ]
        said.append(f"corruption of the synthetic cases: {corruption}")
    return "; ".join([*said, *_labels_seen(arm, inputs)])


def _labels_seen(arm: Arm, inputs: ReportInputs) -> list[str]:
    """Remark if a generator was trained on the labels of more patients than the network of its arm."""
    said = []
    for run in inputs.segmenters:
        facts = read_json(run.record).get("arm", {}) if run.record and run.record.is_file() else {}
        seen, own = facts.get("generator_labelled_patients"), facts.get("labelled_patients")
        if facts.get("name") == arm.name and seen is not None and own is not None and seen > own:
            said.append(
                f"the generator was trained on the labels of {wording.counted(seen, 'patient')}, "
                f"the segmentation network on those of {own or 'none'}"
            )
    return list(dict.fromkeys(said))


SECTION = Section(title="Study design", menu="Design", order=10, content=design)
