"""Intensities of DICOM images: decoded, rescaled, never inverted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import ImplicitVRLittleEndian

from synthaug.data.readers.dicom_files import LARGEST_FILE, DamagedDicom, NotDicom, quiet, read_dataset
from synthaug.data.readers.dicom_frames import DicomFrame


class CannotDecode(Exception):
    """No installed decoder reads the compression; the message names it."""


def read_pixels(frames: Sequence[DicomFrame]) -> list[np.ndarray]:
    """Intensities of images of one file.

    Parameters
    ----------
    frames : sequence of DicomFrame
        Of the same `source`.

    Returns
    -------
    list of ndarray, shape (rows, columns), float32
        Rescaled as the header says; bright is large, whatever the photometric interpretation.

    Raises
    ------
    DamagedDicom
        The pixels are missing, incomplete, or of another size than the header says.
    CannotDecode
        They are compressed in a way that is not read here.
    """
    try:
        dataset = read_dataset(frames[0].source.read())
    except NotDicom:
        raise DamagedDicom("changed while it was read") from None
    try:
        with quiet():
            return [_pixels(dataset, frame) for frame in frames]
    except (DamagedDicom, CannotDecode, MemoryError):
        raise
    except Exception:  # decoders raise whatever the bytes lead to, and may quote them
        raise DamagedDicom("has pixels that cannot be decoded") from None


def _pixels(dataset: Dataset, frame: DicomFrame) -> np.ndarray:
    if "PixelData" not in dataset:
        raise DamagedDicom("has no pixels")
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise CannotDecode(syntax.name if syntax.name != syntax else "an unknown transfer syntax")
    rows, columns = frame.grid[:2]
    bits = int(dataset.BitsAllocated) * rows * columns * int(dataset.get("NumberOfFrames") or 1)
    if bits > 8 * LARGEST_FILE:
        raise DamagedDicom("announces more than 2 GiB of pixels")
    if not syntax.is_compressed and 8 * len(dataset.PixelData) < bits:
        raise DamagedDicom("ends before its pixels do")
    stored = pixel_array(dataset, index=frame.index)
    if stored.shape != (rows, columns):
        raise DamagedDicom("has pixels of another size than its header says")
    values = stored.astype(np.float32)
    if frame.inverted:
        bits_stored = int(dataset.BitsStored)
        signed = int(dataset.get("PixelRepresentation") or 0) == 1
        # The largest and the smallest value that the bits hold change places.
        values = (-1.0 if signed else 2.0**bits_stored - 1) - values
    result = np.asarray(frame.slope * values + frame.intercept, np.float32)
    if not np.isfinite(result).all():
        raise DamagedDicom("has pixels that are not finite")
    return result
