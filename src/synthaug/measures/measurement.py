"""What the rows of one measurement share: their columns, its settings, its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.tables import Row

#: Wildcards of a rule that are columns of its rows, and their types.
_WILDCARDS: Mapping[str, type] = {"generator": str, "fold": int, "generator_seed": int}


@dataclass(frozen=True)
class Measurement:
    """How a measure makes its rows; every measure takes what it measures, and one of these.

    Attributes
    ----------
    fields : mapping of str to object
        Columns that all rows share, such as generator, fold and seeds.
    settings : EvaluationSettings
        Numbers of splits and replicates, coverage of the intervals, seed.
    progress : callable, optional
        Called with how many are done and how many there are.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    settings: EvaluationSettings = field(default_factory=EvaluationSettings)
    progress: Callable[[int, int], None] | None = None

    @classmethod
    def of_job(cls, snakemake: Any, progress: Callable[[int, int], None] | None = None) -> Measurement:
        """Measurement of a workflow script: its rule's wildcards and its parameter `evaluation`.

        Parameters
        ----------
        snakemake : snakemake.script.Snakemake
            The object Snakemake gives to scripts. Of the wildcards `generator`, `fold` and `generator_seed`
            those the rule has become fields; a key that `params.evaluation` lacks has its default.
        progress : callable, optional
            Called with how many are done and how many there are.

        Raises
        ------
        pydantic.ValidationError
            `params.evaluation` has a key or a value that `EvaluationSettings` does not allow.
        """
        wildcards, params = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
        fields = {name: kind(wildcards[name]) for name, kind in _WILDCARDS.items() if name in wildcards}
        return cls(fields, EvaluationSettings.model_validate(params.get("evaluation", {})), progress)

    def with_fields(self, **fields: Any) -> Measurement:
        """The same measurement with more shared columns, such as `versus`."""
        return replace(self, fields={**self.fields, **fields})

    def row(self, metric: str, suffix: str = "", /, **columns: Any) -> Row:
        """Result row of a metric: its columns in the registry, the shared columns, and further ones.

        Parameters
        ----------
        metric, suffix : str
            As `synthaug.metric_registry.columns_of` takes them.
        **columns
            Further columns: `value`, `status`, `note`, `n`, ...
        """
        return {**columns_of(metric, suffix), **self.fields, **columns}

    def not_measured(self, metric: str, suffix: str = "", /, *, note: str, **columns: Any) -> Row:
        """Result row of a metric without a value; the note says why there is none."""
        return self.row(metric, suffix, status="not_measured", note=note, **columns)

    def report(self, done: int, total: int) -> None:
        """Report progress where somebody listens."""
        if self.progress is not None:
            self.progress(done, total)
