"""Thresholds of the flags, each with its source. docs/report.md has the same table."""

from __future__ import annotations

from dataclasses import dataclass

from synthaug.statistics.precision import FEWEST_GENERATOR_TRAININGS

_OWN = "convention of this workflow"


@dataclass(frozen=True)
class Threshold:
    """Condition under which a flag is raised.

    Attributes
    ----------
    value : float
        The limit, in the unit that `condition` names.
    condition : str
        The condition, with ``{}`` where the limit stands.
    source : str
        Where the limit comes from.
    """

    value: float
    condition: str
    source: str

    @property
    def text(self) -> str:
        """The condition with its limit."""
        return self.condition.format(f"{self.value:g}")


THRESHOLDS: dict[str, Threshold] = {
    "partial_results": Threshold(
        0.0, "number of declared result files that are absent above {}", "partial results are not the study's"
    ),
    "baseline_function": Threshold(
        8.0,
        "absolute EF bias or mean absolute EF error of the real arm above {} percentage points",
        "inter-reader variability of EF, 4.6 to 7.5 percentage points, rounded up: Suinesiaputra et al., J. Cardiovasc. "
        "Magn. Reson. 17:63, 2015",
    ),
    "baseline_distance": Threshold(
        10.0,
        "mean HD95 of the real arm above {} mm",
        f"one slice distance of a short-axis cine (8 to 10 mm); {_OWN}",
    ),
    "copies": Threshold(
        0.0,
        "fraction of synthetic subjects flagged as copies above that of held-out real patients by the same rule; "
        "above {} if the latter was not measured",
        "a copy is as similar to a training patient as a re-scan of that patient; new patients are not",
    ),
    "failed_segmentations": Threshold(
        0.1,
        "fraction of the real arm's segmentations of a structure with Dice below 0.7, missed structures included, above {}",
        f"a segmentation below 0.7 is redrawn rather than corrected; {_OWN}",
    ),
    "power": Threshold(
        3.0,
        "detectable difference from a size-matched control above {} times the equivalence margin",
        f"{_OWN}; such a study cannot show equivalence, and only a large effect can be found",
    ),
    "training_length": Threshold(
        0.05,
        "fall of the loss in the last fifth of the iterations above {} of its total fall, median over the trainings of a task",
        _OWN,
    ),
    "network_below_forest": Threshold(
        0.0,
        "balanced accuracy or AUC of a diagnosis network on real patients below that of a random forest on phenotypes, same "
        "classes, by more than {}",
        f"on few patients, measured phenotypes are what a network must be better than; {_OWN}",
    ),
    "recovery": Threshold(
        0.2,
        "balanced accuracy of the recovered diagnosis or EF category below that on real test patients by more than {}",
        f"one class in five lost; {_OWN}",
    ),
    "mask_agreement": Threshold(
        0.8,
        "Dice of the synthetic masks against the segmentation of their images below {}",
        _OWN,
    ),
    "acceptance": Threshold(0.5, "acceptance rate of quality control below {}", _OWN),
    "grid_ceiling": Threshold(
        0.98,
        "mean Dice of a perfect prediction on the study's grid below {}",
        f"two equivalence margins of Dice (0.01) below 1; {_OWN}",
    ),
    "window": Threshold(
        0.0,
        "fraction of a subject's labels outside the heart window above {}",
        "what is cut off cannot be segmented",
    ),
    "field_of_view": Threshold(
        0.0,
        "number of labelled subjects with a structure at the edge of the field of view above {}",
        "the volume of a part is not that of the whole",
    ),
    "generator_trainings": Threshold(
        float(FEWEST_GENERATOR_TRAININGS),
        "number of trainings of a generator (seeds times folds; 1 of a folder from elsewhere) below {}",
        "the verdict then holds with these trainings only (docs/statistics.md)",
    ),
    "quarantine": Threshold(
        0.0, "number of subjects excluded when the data were read above {}", "every exclusion is to be named"
    ),
    "extractors": Threshold(
        0.0, "number of rows without their feature extractor above {}", "every absence is to be named"
    ),
}


def markdown_table() -> str:
    """The thresholds as a table of docs/report.md."""
    lines = ["| flag | condition | source |", "|---|---|---|"]
    lines += [f"| `{name}` | {limit.text} | {limit.source} |" for name, limit in THRESHOLDS.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown_table())
