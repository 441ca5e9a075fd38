"""Segmenting cines with a trained arm: one process, one model, arrays in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.core.artifacts import atomic_folder, link_or_copy, read_json, sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.jobs.finished import FinishedSubjects
from synthaug.metrics.calibration import expected_calibration_error
from synthaug.tasks.segmentation.cases import Frames, case_name, frames_of, write_volume
from synthaug.tasks.segmentation.ensemble import hash_of_weights
from synthaug.tasks.segmentation.nnunet_classes import check_network, check_trainer, plain_trainer_class
from synthaug.tasks.segmentation.postprocessing import read_postprocessing
from synthaug.tasks.segmentation.workspace import environment, nnunet_variables, nnunet_workspace


class Segmenter:
    """A trained segmenter in memory.

    Parameters
    ----------
    model : path
        A folder that `train_segmenter` wrote.
    mirroring : bool
        Average over mirrored copies along the axes that the trainer mirrors; some mirror nothing.
    step_size : float
        Step of the sliding window as a fraction of the patch; images no larger than a patch need one.
    threads : int
        CPU threads.
    validation : path, optional
        A folder that `synthaug.tasks.segmentation.validate.validate_segmenter` wrote: label maps are post-processed as
        decided there. Without it they are not.

    Raises
    ------
    SynthaugError
        The weights are not those that the training recorded, or not of the planned network; the post-processing was
        decided for another training.
    """

    def __init__(
        self,
        model: str | Path,
        mirroring: bool = True,
        step_size: float = 0.5,
        threads: int = 1,
        validation: str | Path | None = None,
    ) -> None:
        model = Path(model)
        self.record = read_json(model / "training.json")
        if sha256_file(model / "model.safetensors") != self.record["weights_sha256"]:
            raise SynthaugError(
                f"{model / 'model.safetensors'}: checksum differs from training.json; train again"
            )
        self.postprocessing = read_postprocessing(validation, self.record)
        with nnunet_workspace(threads):
            import torch
            from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
            from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

            plans = read_json(model / "plans.json")
            check_trainer(self.record["trainer"], model / "training.json")
            check_network(plans, model / "plans.json")
            trainer = plain_trainer_class(self.record["trainer"])
        from safetensors.torch import load_file

        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_num_threads(threads)
        self.threads = threads
        self._dataset = read_json(model / "dataset.json")
        self._plans = PlansManager(plans)
        self._configuration = self._plans.get_configuration(self.record["configuration"])
        self._labels = self._plans.get_label_manager(self._dataset)
        network = trainer.build_network_architecture(
            self._plans,
            self._configuration,
            1,
            self._labels.num_segmentation_heads,
            enable_deep_supervision=False,
        )
        weights = load_file(model / "model.safetensors")
        if weights.keys() != {**dict(network.named_parameters()), **dict(network.named_buffers())}.keys():
            raise SynthaugError(f"{model / 'model.safetensors'}: does not fit plans.json; train again")
        network.load_state_dict(weights, strict=False)  # not strict: shared weights have other names too
        self._preprocessor = self._configuration.preprocessor_class(verbose=False)
        self._predictor = nnUNetPredictor(
            tile_step_size=step_size,
            use_mirroring=mirroring,
            perform_everything_on_device=device.type == "cuda",
            device=device,
            allow_tqdm=False,
        )
        with environment(nnunet_variables(threads)):
            self._predictor.manual_initialization(
                network,
                self._plans,
                self._configuration,
                None,
                self._dataset,
                "StudyTrainer",
                self.record["mirror_axes"] or None,  # averaged over none where the trainer mirrors nothing
            )

    @property
    def network(self) -> Any:
        """The network with its trained weights."""
        return self._predictor.network

    def segment(self, volume: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
        """Segment one frame.

        Parameters
        ----------
        volume, spacing_mm
            As of `segment_with_probabilities`.

        Returns
        -------
        ndarray, shape (z, y, x), uint8
            Canonical labels on the grid of `volume`, post-processed.
        """
        return self.postprocessing.apply(self._segment(volume, spacing_mm, probabilities=False)[0])

    def segment_with_probabilities(
        self, volume: np.ndarray, spacing_mm: Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Segment one frame, and say how sure each class is.

        Parameters
        ----------
        volume : ndarray, shape (z, y, x)
            Intensities.
        spacing_mm : sequence of 3 floats
            Voxel size (z, y, x).

        Returns
        -------
        labels : ndarray, shape (z, y, x), uint8
            Canonical labels on the grid of `volume`, post-processed.
        probabilities : ndarray, shape (4, z, y, x), float32
            Of background, LV, MYO and RV there, before the post-processing.
        """
        labels, probabilities = self._segment(volume, spacing_mm, probabilities=True)
        assert probabilities is not None
        return self.postprocessing.apply(labels), probabilities

    def _segment(
        self, volume: np.ndarray, spacing_mm: Sequence[float], probabilities: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        if not volume.any():  # nnU-Net crops to what is not 0, and finds nothing here
            background = np.zeros((self._labels.num_segmentation_heads, *volume.shape), np.float32)
            background[0] = 1
            return np.zeros(volume.shape, np.uint8), background if probabilities else None
        return self.labels_from(*self.logits(volume, spacing_mm), probabilities)

    def logits(self, volume: np.ndarray, spacing_mm: Sequence[float]) -> tuple[Any, dict[str, Any]]:
        """Logits (4, ...) on nnU-Net's grid of a volume that is not all 0, and what leads back from there."""
        import torch

        data, _, properties = self._preprocessor.run_case_npy(
            volume[None], None, {"spacing": list(spacing_mm)}, self._plans, self._configuration, self._dataset
        )
        return self._predictor.predict_sliding_window_return_logits(torch.from_numpy(data)).cpu(), properties

    def labels_from(
        self, logits: Any, properties: dict[str, Any], probabilities: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Label map on the grid of the volume that `logits` had, not post-processed, and its probabilities if wanted."""
        from nnunetv2.inference.export_prediction import (
            convert_predicted_logits_to_segmentation_with_correct_shape as to_segmentation,
        )

        found = to_segmentation(
            logits,
            self._plans,
            self._configuration,
            self._labels,
            properties,
            return_probabilities=probabilities,
            num_threads_torch=self.threads,
        )
        if probabilities:
            return np.asarray(found[0], np.uint8), np.asarray(found[1], np.float32)
        return np.asarray(found, np.uint8), None


class Ensemble:
    """Trained segmenters in memory that decide together; arguments and methods are those of `Segmenter`.

    As in nnU-Net (Isensee et al., Nat. Methods 18, 2021), the logits of the networks of one configuration are averaged,
    then the probabilities of the configurations on the grid of the volume.
    """

    def __init__(
        self,
        model: str | Path,
        mirroring: bool = True,
        step_size: float = 0.5,
        threads: int = 1,
        validation: str | Path | None = None,
    ) -> None:
        model = Path(model)
        self.record = read_json(model / "training.json")
        self.members = {
            name: Segmenter(model / name, mirroring, step_size, threads) for name in self.record["members"]
        }
        records = {name: member.record for name, member in self.members.items()}
        if hash_of_weights(records) != self.record["weights_sha256"]:
            raise SynthaugError(f"{model}: its networks are not those of training.json; train again")
        self.postprocessing = read_postprocessing(validation, self.record)

    def segment(self, volume: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
        """Segment one frame; see `Segmenter.segment`."""
        return self.segment_with_probabilities(volume, spacing_mm)[0]

    def segment_with_probabilities(
        self, volume: np.ndarray, spacing_mm: Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Segment one frame, and say how sure each class is; see `Segmenter.segment_with_probabilities`."""
        configurations: dict[str, list[Segmenter]] = {}
        for member in self.members.values():
            configurations.setdefault(member.record["configuration"], []).append(member)
        found = [_averaged(members, volume, spacing_mm) for members in configurations.values()]
        probabilities = np.stack(found).mean(axis=0, dtype=np.float64).astype(np.float32)
        return self.postprocessing.apply(probabilities.argmax(axis=0).astype(np.uint8)), probabilities


def _averaged(members: Sequence[Segmenter], volume: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Probabilities (4, z, y, x) of the averaged logits of networks of one configuration."""
    if len(members) == 1 or not volume.any():
        return members[0].segment_with_probabilities(volume, spacing_mm)[1]
    each = [member.logits(volume, spacing_mm) for member in members]
    logits = sum(found for found, _ in each) / len(each)
    _, probabilities = members[0].labels_from(logits, each[0][1], probabilities=True)
    assert probabilities is not None
    return probabilities


def open_segmenter(
    model: str | Path,
    mirroring: bool = True,
    step_size: float = 0.5,
    threads: int = 1,
    validation: str | Path | None = None,
) -> Segmenter | Ensemble:
    """The segmenter of a folder that `train_ensemble` wrote, of one network or several; see `Segmenter`."""
    several = "members" in read_json(Path(model) / "training.json")
    return (Ensemble if several else Segmenter)(model, mirroring, step_size, threads, validation)


def predict_cohort(
    model: str | Path,
    cohort: Cohort,
    output: str | Path,
    frames: Frames = "ed_es",
    mirroring: bool = True,
    step_size: float = 0.5,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
    validation: str | Path | None = None,
    unfinished: Path | None = None,
) -> None:
    """Segment the frames of a cohort's subjects.

    A post-processing is applied to each label map on its own grid: what is scored on a subject's own voxels is
    post-processed there.

    Parameters
    ----------
    model : path
        A folder that `train_segmenter` wrote.
    cohort : Cohort
        Real or synthetic subjects.
    output : path
        Folder that receives, atomically, ``<subject>_f<frame>.nii.gz`` (labels on the cohort's grid) or, of `all` frames, one
        ``<subject>.nii.gz`` of the whole cine, which a large cohort has fewer files by; for subjects with
        native labels of the frame also ``<subject>_f<frame>_native.nii.gz`` (labels on their own voxel grid) and the expected
        calibration error there (``ece`` of the case, None where neither prediction nor reference has foreground), and
        ``predictions.json`` (the model's hash and whom it saw, the settings, the post-processing, the list of files).
    frames : {"ed_es", "all"}
        Frames to segment: `all` for volume-time curves.
    mirroring, step_size, threads
        See `Segmenter`.
    progress : callable, optional
        Called with the subjects done and to do.
    validation : path, optional
        See `Segmenter`.
    unfinished : path, optional
        Folder that keeps the subjects that are finished until all are (`synthaug.jobs.finished`).
    """
    segmenter = open_segmenter(model, mirroring, step_size, threads, validation)
    keep_largest = [list(structures) for structures in segmenter.postprocessing.keep_largest]
    identity = {
        "weights_sha256": segmenter.record["weights_sha256"],
        "settings": [frames, mirroring, step_size],
        "keep_largest": keep_largest,
        "spacing_mm": list(cohort.spacing_mm),
    }
    cases: list[dict[str, Any]] = []
    with FinishedSubjects(unfinished, identity, output) as finished, atomic_folder(output) as folder:
        for done, subject in enumerate(cohort.subjects):
            made, own = finished.of(
                # Another ED or ES is another output, though the files are the same.
                "-".join([subject, *(f"f{frame}" for frame in _chosen(cohort, subject, frames))]),
                sorted(cohort.folders[subject].glob("*.nii.gz")),
                partial(_segment_subject, segmenter, cohort, subject, frames),
            )
            for name in {case[kind] for case in own for kind in ("file", "native") if kind in case}:
                link_or_copy(made / name, folder / name)
            cases += own
            if progress:
                progress(done + 1, len(cohort.subjects))
        content = {
            "cohort": cohort.name,
            "spacing_mm": list(cohort.spacing_mm),
            "weights_sha256": segmenter.record["weights_sha256"],
            "training_seed": segmenter.record["training_seed"],
            "seen": segmenter.record["seen"],
            "mirroring": mirroring,
            "step_size": step_size,
            "keep_largest": keep_largest,
            "cases": cases,
        }
        write_json(folder / "predictions.json", content, checksum=True)


def _chosen(cohort: Cohort, subject: str, frames: Frames) -> list[int]:
    """Frames that the table of the cohort chooses; none where all are segmented."""
    return [] if frames == "all" else list(frames_of(cohort, subject, frames))


def _segment_subject(
    segmenter: Segmenter | Ensemble, cohort: Cohort, subject: str, frames: Frames, folder: Path
) -> list[dict[str, Any]]:
    """Write the label maps of one subject; its entries of ``predictions.json``."""
    cine, native = cohort.cine(subject), cohort.native(subject)
    cases, maps = [], []
    for frame in frames_of(cohort, subject, frames):
        name = case_name(subject, frame)
        file = f"{subject if frames == 'all' else name}.nii.gz"
        case: dict[str, Any] = {"subject": subject, "frame": frame, "file": file}
        if native is not None and frame in native.labels:
            labels, probabilities = segmenter.segment_with_probabilities(cine[frame], cohort.spacing_mm)
            case["native"] = f"{name}_native.nii.gz"
            probabilities = native.grid.probabilities_from(probabilities)
            taken_back = probabilities.argmax(axis=0).astype(np.uint8)
            case["ece"] = _calibration_error(probabilities, taken_back, native.labels[frame])
            write_volume(
                folder / case["native"], segmenter.postprocessing.apply(taken_back), native.grid.spacing_mm
            )
        else:
            labels = segmenter.segment(cine[frame], cohort.spacing_mm)
        if frames == "all":
            maps.append(labels)
        else:
            write_volume(folder / file, labels, cohort.spacing_mm)
        cases.append(case)
    if maps:
        write_volume(folder / f"{subject}.nii.gz", np.stack(maps), cohort.spacing_mm)
    return cases


def _calibration_error(probabilities: np.ndarray, labels: np.ndarray, reference: np.ndarray) -> float | None:
    """Of the probabilities themselves, where they or the reference say foreground."""
    error = expected_calibration_error(probabilities, reference, (labels > 0) | (reference > 0))
    return None if np.isnan(error) else error
