"""What a file is that is no NIfTI, by its first bytes, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes that `recognise` needs.
HEAD_BYTES = 512
_POINTERS = (
    (b"version https://git-lfs.github.com", "Git LFS", "fetch its content with `git lfs pull`"),
    (b"version https://hawser.github.com", "Git LFS", "fetch its content with `git lfs pull`"),
    (b"/annex/objects/", "git-annex", "fetch its content with `git annex get` or `datalad get`"),
    (b".git/annex/objects/", "git-annex", "fetch its content with `git annex get` or `datalad get`"),
    (b"outs:\n- md5:", "DVC", "fetch its content with `dvc pull`"),
)
_DOWNLOAD = "download the file again: the server answered with something else"
_CONVERT = "convert it to NIfTI (.nii.gz)"
#: (offset, bytes there, what it is, remedy)
_MAGIC = (
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (0, b"Rar!", "a RAR archive", "unpack it"),
    (257, b"ustar", "a tar archive", "unpack it"),
    (0, b"BZh", "compressed with bzip2", "decompress it, or compress it with gzip"),
    (0, b"\xfd7zXZ", "compressed with xz", "decompress it, or compress it with gzip"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "decompress it, or compress it with gzip"),
    (128, b"DICM", "a DICOM file", "use the layout `dicom` for DICOM folders, or convert it to NIfTI"),
    (0, b"\x89PNG", "a PNG picture", "give the cine, not a picture of it"),
    (0, b"\xff\xd8\xff", "a JPEG picture", "give the cine, not a picture of it"),
    (0, b"GIF8", "a GIF picture", "give the cine, not a picture of it"),
    (0, b"II*\x00", "a TIFF image", _CONVERT),
    (0, b"MM\x00*", "a TIFF image", _CONVERT),
    (0, b"NRRD", "an NRRD image", _CONVERT),
    (0, b"\x93NUMPY", "a NumPy array", _CONVERT),
    (0, b"\x89HDF", "an HDF5 file", _CONVERT),
    (0, b"CDF", "a NetCDF file", _CONVERT),
    (0, b"MATLAB", "a MATLAB file", _CONVERT),
    (0, b"ObjectType", "a MetaImage header", _CONVERT),
    (0, b"NDims", "a MetaImage header", _CONVERT),
)


@dataclass(frozen=True)
class Recognised:
    """What a file is.

    Attributes
    ----------
    code : str
        Kind of finding: ``file-pointer``, ``file-compressed-twice`` or ``file-format``.
    problem, remedy : str
        What it is, and what to do.
    """

    code: str
    problem: str
    remedy: str


def recognise(head: bytes, decompressed: bool = False) -> Recognised:
    """Say what a file that is no NIfTI is.

    Parameters
    ----------
    head : bytes
        Its first `HEAD_BYTES` bytes, or all that it has.
    decompressed : bool
        Whether they were read through gzip.
    """
    if not head:
        return Recognised("file-format", "is empty", "copy the file again from its source")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, store, remedy in _POINTERS:
        if text.startswith(start) or (
            start.endswith(b"objects/") and start in head[:200] and b"\0" not in head
        ):
            return Recognised("file-pointer", f"is a pointer of {store}, not the image", remedy)
    if head.startswith(b"\x1f\x8b") and decompressed:
        return Recognised(
            "file-compressed-twice", "was compressed with gzip twice", "decompress it once (gunzip)"
        )
    for offset, magic, name, remedy in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return Recognised("file-format", f"is {name}, not NIfTI", remedy)
    lowered = text[:200].lower()
    if lowered.startswith((b"<!doctype", b"<html", b"<?xml")):
        return Recognised("file-format", "is a web page, not NIfTI", _DOWNLOAD)
    if head.strip(b"\0") == b"":
        return Recognised("file-format", "begins with zeros only", "copy the file again from its source")
    if _is_text(head):
        first = head.decode("utf-8", "replace").strip().splitlines()
        shown = first[0][:40] if first else ""
        return Recognised("file-format", f"is a text, not NIfTI ({shown!r})", _DOWNLOAD)
    return Recognised("file-format", "is not a NIfTI file", _CONVERT)


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n\f" for byte in head)
