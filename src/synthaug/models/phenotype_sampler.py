"""What every model of phenotypes does: read them of the training fold, and draw hearts that can be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.config.conditions import CONDITIONS
from synthaug.config.phenotype_samplers import PhenotypeSamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.conditioner import check_numbers, raw_values
from synthaug.phenotypes.coordinates import Coordinates, violations
from synthaug.phenotypes.registry import PHENOTYPES

#: Times that a heart that cannot be is drawn again.
_REDRAWS = 100
#: Hearts drawn for the record of a training.
_ASSESSED = 1000


class PhenotypeSamples(NamedTuple):
    """Phenotypes drawn from a model.

    Attributes
    ----------
    table : DataFrame
        One row a heart: the model's phenotypes, in the units of the registry, and `diagnosis` where it has them.
    drawn : int
        Hearts drawn, those that cannot be and were drawn again among them.
    """

    table: pd.DataFrame
    drawn: int


class PhenotypeSampler(TrainableModel):
    """Joint distribution of the phenotypes of a heart, of each diagnosis where the settings say so.

    Data        x = coordinates(phenotypes),  (n, d), NaN where unknown; see `synthaug.phenotypes.coordinates`
    Samples     x ~ p(x | diagnosis); drawn again where the phenotypes are out of range or contradict one another

    How x is distributed is left to a kind.

    Attributes
    ----------
    coordinates : Coordinates
        Phenotypes to free coordinates and back.
    diagnoses : list of str
        Those of the training subjects; empty where the model does not tell them apart.
    frequencies : Tensor, shape (len(diagnoses) + 1,)
        Share of the training subjects of each, and last of those without one; ones where there are none.
    """

    frequencies: Tensor

    def __init__(
        self,
        settings: PhenotypeSamplerSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.phenotypes = settings.phenotypes
        self.coordinates = Coordinates(settings.phenotypes, self.fold_facts["positive"])
        self.diagnoses: list[str] = list(self.fold_facts["diagnoses"])
        self.register_buffer("frequencies", torch.ones(len(self.diagnoses) + 1, dtype=torch.float64))

    @classmethod
    def facts(cls, settings: PhenotypeSamplerSettings, store: TensorStore) -> dict[str, Any]:
        """Which own columns are above 0 throughout, and the diagnoses.

        Raises
        ------
        SynthaugError
            A phenotype that says nothing of the training subjects; see `synthaug.models.conditioner.check_numbers`.
        """
        table = read_phenotypes(store.table, settings.phenotypes)
        check_numbers(table, settings.phenotypes, "phenotype")
        own = [name for name in settings.phenotypes if name not in PHENOTYPES]
        values = {name: raw_values(table, name) for name in own}
        diagnoses = store.table["diagnosis"].dropna() if settings.diagnosis else ()
        return {
            "positive": [name for name, known in values.items() if np.nanmin(known) > 0],
            "diagnoses": sorted({str(name) for name in diagnoses}),
        }

    def read(self, table: pd.DataFrame) -> np.ndarray:
        """Coordinates (n, d) of the phenotypes of a cohort's or a store's table, NaN where unknown."""
        return self.coordinates.read(read_phenotypes(table, self.phenotypes))

    def read_training(self, store: TensorStore) -> tuple[np.ndarray, Tensor]:
        """Coordinates (n, d) and numbers of the diagnoses (n,) of the training fold; remembers the latter's frequencies.

        Raises
        ------
        SynthaugError
            A coordinate that fewer than two subjects have, or that is the same for all.
        """
        values = self.read(store.table)
        for name, column in zip(self.coordinates.coordinates, values.T, strict=True):
            known = column[np.isfinite(column)]
            if len(known) < 2 or np.ptp(known) == 0:
                valid = f"within {PHENOTYPES[name].range}" if name in PHENOTYPES else "that is a number"
                raise SynthaugError(
                    f"phenotype {name!r}: {len(known)} training subjects have a value {valid}, and these do not differ; "
                    "leave it out"
                )
        codes = self.codes(list(store.table["diagnosis"]) if self.diagnoses else [None] * len(store))
        counts = torch.bincount(codes, minlength=len(self.frequencies)).double()
        self.frequencies.copy_(counts / counts.sum())
        return values, codes

    def codes(self, diagnoses: Sequence[Any]) -> Tensor:
        """Numbers (n,) of diagnoses; an unknown one has the last.

        Raises
        ------
        SynthaugError
            A diagnosis that no training subject has.
        """
        if not self.diagnoses:
            return torch.zeros(len(diagnoses), dtype=torch.int64)
        places = {name: place for place, name in enumerate(self.diagnoses)}
        codes = []
        for name in diagnoses:
            if pd.notna(name) and name not in places:
                raise SynthaugError(
                    f"diagnosis {name!r} was not among the training subjects; known are {', '.join(self.diagnoses)}"
                )
            codes.append(len(places) if pd.isna(name) else places[name])
        return torch.tensor(codes, dtype=torch.int64)

    @abstractmethod
    def draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """Coordinates (n, d), float64, of hearts with these diagnoses (n,); randomness from the CPU `generator` only."""

    @torch.no_grad()
    def sample(
        self, n: int, generator: torch.Generator, diagnosis: Sequence[str | None] | None = None
    ) -> PhenotypeSamples:
        """Draw the phenotypes of hearts that can be.

        Parameters
        ----------
        n : int
            Number of hearts.
        generator : torch.Generator
            On the CPU; the only source of randomness.
        diagnosis : sequence of str or None, optional
            Diagnosis of each heart, None for one of no diagnosis. Without it, and where the model has diagnoses, as
            often as among the training subjects.

        Returns
        -------
        PhenotypeSamples
            In which no phenotype is out of the registry's valid range, ESV is below EDV, and what follows from others
            agrees with them.

        Raises
        ------
        SynthaugError
            An unknown diagnosis, or a heart that still cannot be after 100 redraws.
        """
        if diagnosis is None:
            drawn = torch.multinomial(self.frequencies.cpu(), n, replacement=True, generator=generator)
            names: list[str | None] = [*self.diagnoses, None]
            diagnosis = [names[code] for code in drawn.tolist()] if self.diagnoses else [None] * n
        codes = self.codes(diagnosis)
        found = self.coordinates.write(np.full((n, len(self.coordinates.coordinates)), np.nan))
        waiting, total = np.arange(n), 0
        for _ in range(1 + _REDRAWS):
            drawn_table = self.coordinates.write(self.draw(codes[waiting], generator).cpu().numpy())
            drawn_table.index = pd.Index(waiting)
            total += len(waiting)
            wrong = ~possible(drawn_table)
            found.loc[waiting[~wrong]] = drawn_table[~wrong]
            waiting = waiting[wrong]
            if not len(waiting):
                break
        else:
            broken = violations(drawn_table).sum()
            rule = broken.idxmax() if len(broken) else "all phenotypes are finite"
            raise SynthaugError(
                f"{type(self).__name__}: {len(waiting)} of {n} hearts break the rule {rule!r} in each of {_REDRAWS + 1} draws; "
                "model fewer phenotypes, or train on more subjects"
            )
        if self.diagnoses:
            found = found.assign(diagnosis=pd.array(list(diagnosis), dtype="string"))
        return PhenotypeSamples(found, total)

    def assess(self, store: TensorStore) -> dict[str, float]:
        """Fraction of drawn hearts that cannot be and are drawn again; values of training subjects that no heart has.

        The latter are outside of the registry's valid range, and so unknown to the model.
        """
        samples = self.sample(_ASSESSED, torch.Generator().manual_seed(0))
        table = read_phenotypes(store.table, self.phenotypes)
        outside = 0
        for name in PHENOTYPES.keys() & set(self.phenotypes):
            low, high = PHENOTYPES[name].range
            values = pd.to_numeric(table[name]).to_numpy(np.float64, na_value=np.nan)
            outside += int(((values < low) | (values > high)).sum())
        return {"drawn_again": 1 - _ASSESSED / samples.drawn, "out_of_range": float(outside)}


def possible(table: pd.DataFrame) -> np.ndarray:
    """Rows (n,) of phenotypes that are finite and break no rule of `synthaug.phenotypes.coordinates.violations`."""
    finite = np.isfinite(table.to_numpy(np.float64)).all(axis=1)
    return np.asarray(finite & ~violations(table).any(axis=1).to_numpy(bool))


def read_phenotypes(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Phenotypes `names` of a cohort's table, with its patients, NaN where unknown; text stays for the check of it.

    Where the table has no column of it, the phase of ES is that of the frames, and EF follows from the volumes.
    """
    kept = [column for column in ("subject", "patient") if column in table.columns]
    found = table[[*kept, *(name for name in names if name in table.columns)]].reset_index(drop=True)
    for name in names:
        if name not in found.columns and name in CONDITIONS:
            # In the units of the registry: as a condition EF is a fraction.
            found[name] = raw_values(table, name).astype(np.float64) * (100 if name == "lv_ef" else 1)
    return found
