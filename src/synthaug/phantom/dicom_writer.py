"""DICOM files of a cine: classic ones, a file an image, and enhanced ones with all frames in one file.

As scanners' exports, their names and instance numbers say nothing of their order, which the headers have: slices by their
position, frames by their trigger time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

#: Left and posterior are ahead in DICOM, right and anterior here.
_TO_DICOM = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class DicomCine:
    """What the files of one cine hold.

    Attributes
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities, which are multiples of `slope` from 0 to 65535 times it.
    affine : ndarray, shape (4, 4)
        Voxel indices (x, y, z) to (right, anterior, superior), with perpendicular axes.
    trigger_ms : ndarray, shape (t,)
        Time of each frame after the R wave.
    key : str
        What the unique identifiers are made of; the same key gives the same files.
    header : mapping of str to value
        Further elements by keyword: patient, scanner, descriptions.
    slope : float
        Factor of the stored integers.
    thickness_mm : float
        Of a slice; their distance is that of the affine.
    """

    cine: np.ndarray
    affine: np.ndarray
    trigger_ms: np.ndarray
    key: str
    header: Mapping[str, Any]
    slope: float = 1.0
    thickness_mm: float = 8.0

    @property
    def voxel_mm(self) -> np.ndarray:
        """Voxel size (x, y, z)."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def directions(self) -> list[float]:
        """ImageOrientationPatient."""
        return [float(value) for axis in (0, 1) for value in self._axis(axis)]

    def position(self, z: int) -> list[float]:
        """ImagePositionPatient of a slice."""
        return [float(value) for value in _TO_DICOM * (self.affine @ [0, 0, z, 1])[:3]]

    def stored(self, t: int, z: int) -> np.ndarray:
        """Stored integers of an image."""
        return np.round(self.cine[t, z] / self.slope).astype(np.uint16)

    def _axis(self, axis: int) -> np.ndarray:
        return _TO_DICOM * self.affine[:3, axis] / self.voxel_mm[axis]


def write_classic(
    scan: DicomCine, files: Sequence[Path], numbers: Sequence[int], series_of_slice: bool = False
) -> None:
    """Write a file an image.

    Parameters
    ----------
    scan : DicomCine
        The cine.
    files : sequence of Path
        One each image, frame by frame and within a frame slice by slice.
    numbers : sequence of int
        Their instance numbers.
    series_of_slice : bool
        Whether every slice is a series of its own, as acquired in a breath-hold each.
    """
    places = iter(zip(files, numbers, strict=True))
    for t, z in _images(scan):
        file, number = next(places)
        series = z if series_of_slice else 0
        dataset = _dataset(scan, MRImageStorage, f"{number}", series)
        dataset.InstanceNumber = number
        dataset.SeriesNumber = series + 1
        dataset.TriggerTime = f"{scan.trigger_ms[t]:.10g}"[:16]
        dataset.ImagePositionPatient = [f"{value:.10g}"[:16] for value in scan.position(z)]
        dataset.ImageOrientationPatient = [f"{value:.10g}"[:16] for value in scan.directions]
        dataset.PixelSpacing = [f"{scan.voxel_mm[axis]:.10g}" for axis in (1, 0)]
        dataset.SliceThickness = scan.thickness_mm
        dataset.SpacingBetweenSlices = f"{scan.voxel_mm[2]:.10g}"
        dataset.RescaleSlope, dataset.RescaleIntercept = scan.slope, 0
        _set_pixels(dataset, [scan.stored(t, z)])
        save(dataset, file)


def write_enhanced(scan: DicomCine, file: Path, order: Sequence[int]) -> None:
    """Write one file with all images, in any order.

    Parameters
    ----------
    scan : DicomCine
        The cine.
    file : Path
        To write.
    order : sequence of int
        Numbers of the images, counted as in `write_classic`, in the order of the file.
    """
    dataset = _dataset(scan, EnhancedMRImageStorage, "enhanced", 0)
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [f"{scan.voxel_mm[axis]:.10g}" for axis in (1, 0)]
    measures.SliceThickness = scan.thickness_mm
    measures.SpacingBetweenSlices = f"{scan.voxel_mm[2]:.10g}"
    shared.PixelMeasuresSequence = [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    images = list(_images(scan))
    groups = []
    for t, z in (images[place] for place in order):
        group = Dataset()
        for sequence, entries in (
            ("PlanePositionSequence", {"ImagePositionPatient": [f"{v:.10g}"[:16] for v in scan.position(z)]}),
            (
                "PlaneOrientationSequence",
                {"ImageOrientationPatient": [f"{v:.10g}"[:16] for v in scan.directions]},
            ),
            ("CardiacSynchronizationSequence", {"NominalCardiacTriggerDelayTime": float(scan.trigger_ms[t])}),
            ("PixelValueTransformationSequence", {"RescaleSlope": scan.slope, "RescaleIntercept": 0}),
        ):
            item = Dataset()
            for keyword, value in entries.items():
                setattr(item, keyword, value)
            setattr(group, sequence, [item])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    _set_pixels(dataset, [scan.stored(*images[place]) for place in order])
    save(dataset, file)


def save(dataset: Dataset, file: Path) -> None:
    """Write a file of DICOM's part 10; the same content gives the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(file, dataset, enforce_file_format=True)


def _images(scan: DicomCine) -> Iterator[tuple[int, int]]:
    return ((t, z) for t in range(scan.cine.shape[0]) for z in range(scan.cine.shape[1]))


def _dataset(scan: DicomCine, kind: str, image: str, series: int) -> Dataset:
    """The elements that all images share."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = kind
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[scan.key, str(series), image])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[scan.key, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[scan.key, "series", str(series)])
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    for keyword, value in scan.header.items():
        setattr(dataset, keyword, value)
    return dataset


def _set_pixels(dataset: Dataset, images: Sequence[np.ndarray]) -> None:
    dataset.Rows, dataset.Columns = images[0].shape
    if len(images) > 1:
        dataset.NumberOfFrames = len(images)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = b"".join(image.astype("<u2").tobytes() for image in images)
