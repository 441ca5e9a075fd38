"""DICOM files on disk and in archives: their bytes, their headers, and which of them are images."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, config, dcmread
from pydicom.filereader import read_dataset as read_elements
from pydicom.uid import DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from synthaug.data.readers.folders import scan

#: Larger files are no cine; reading one would take the memory of the job.
LARGEST_FILE = 2**31
#: First elements of files that were written without the preamble of part 10: groups 0002 and 0008, little endian.
_BARE_STARTS = (b"\x02\x00", b"\x08\x00")

_PREAMBLE = 132
_INFLATED_AT_ONCE = 16 * 2**20


class NotDicom(Exception):
    """The file is none of DICOM's."""


class DamagedDicom(Exception):
    """A DICOM file cannot be used; the message says why, and quotes nothing of it."""


@dataclass(frozen=True)
class Source:
    """A file, or a member of a zip archive.

    Attributes
    ----------
    path : Path
        The file or the archive.
    member : str
        Name within the archive; empty for a file.
    """

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """Name of the file, without folders."""
        return self.member.rpartition("/")[2] if self.member else self.path.name

    def read(self) -> bytes:
        """All bytes.

        Raises
        ------
        DamagedDicom
            They cannot be read.
        """
        try:
            if not self.member:
                if self.path.stat().st_size > LARGEST_FILE:
                    raise DamagedDicom("is larger than 2 GiB")
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                if archive.getinfo(self.member).file_size > LARGEST_FILE:
                    raise DamagedDicom("is larger than 2 GiB")
                return archive.read(self.member)
        except DamagedDicom:
            raise
        except Exception:  # zipfile raises whatever its decompressors do
            raise DamagedDicom("cannot be read from the disk") from None


def sources_below(place: Path) -> list[Source]:
    """Files below a folder or in a zip archive, sorted by name; what operating systems leave is not among them.

    Raises
    ------
    DamagedDicom
        The archive cannot be opened.
    """
    if place.is_dir():
        return [Source(file) for file in scan(place).files]
    try:
        with zipfile.ZipFile(place) as archive:
            members = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    except Exception:  # a damaged archive raises BadZipFile, but also struct.error and others
        raise DamagedDicom("is no zip archive that can be opened") from None
    return [Source(place, name) for name in members if not name.startswith("__MACOSX/")]


@contextmanager
def quiet() -> Iterator[None]:
    """Read what is there, without pydicom's warnings: they quote values, which may be of a patient."""
    was = config.logger.disabled
    config.logger.disabled = True
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.logger.disabled = was


def read_dataset(content: bytes, tags: tuple[str, ...] | None = None) -> Dataset:
    """Read a DICOM file.

    Parameters
    ----------
    content : bytes
        The whole file.
    tags : tuple of str, optional
        Keywords to read, without the pixels; all there are by default.

    Raises
    ------
    NotDicom
        It is another kind of file, or DICOM's table of contents (DICOMDIR).
    DamagedDicom
        Its header cannot be read.
    """
    whole = content[128:132] == b"DICM"
    if not whole and content[:2] not in _BARE_STARTS:
        raise NotDicom
    only = None if tags is None else list(tags)
    try:
        with quiet():
            if _inflates_beyond(content):
                raise DamagedDicom("is larger than 2 GiB when it is inflated")
            dataset = dcmread(
                BytesIO(content), force=not whole, specific_tags=only, stop_before_pixels=tags is not None
            )
            is_directory = dataset.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage
            empty = len(dataset) == 0
    except DamagedDicom:
        raise
    except Exception:  # a damaged file raises whatever its bytes lead to
        raise DamagedDicom("has a header that cannot be read") from None
    if is_directory or (empty and not whole):
        raise NotDicom
    return dataset


def _inflates_beyond(content: bytes) -> bool:
    """Whether a file that is deflated as a whole becomes larger than `LARGEST_FILE`; pydicom inflates it without a bound."""
    if DeflatedExplicitVRLittleEndian.encode() not in content:
        return False
    stream = BytesIO(content)
    stream.seek(_PREAMBLE if content[128:132] == b"DICM" else 0)
    meta = read_elements(stream, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return False
    inflating, waiting, size = zlib.decompressobj(-zlib.MAX_WBITS), content[stream.tell() :], 0
    while waiting and not inflating.eof and size <= LARGEST_FILE:
        size += len(inflating.decompress(waiting, _INFLATED_AT_ONCE))
        waiting = inflating.unconsumed_tail
    return size > LARGEST_FILE
