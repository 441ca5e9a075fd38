"""gzip of images: quick, and the same bytes for the same content."""

from __future__ import annotations

import gzip
import zlib
from typing import Final, cast

from isal.igzip_lib import IsalError

#: What reading a damaged gzip file raises, beside EOFError where it is cut short. isal's stub has its class as an instance.
CORRUPTED: Final = (cast("type[Exception]", IsalError), gzip.BadGzipFile, zlib.error)
_GZIP = 16  # added to the window's bits, so that zlib writes the header and the checksum of a gzip file


def gzipped(content: bytes) -> bytes:
    """A gzip file of `content`, without a name or a time in its header.

    Only runs of one byte are shortened (zlib's strategy `Z_RLE`), the rest is coded by the frequencies of its bytes. The
    noise of an image repeats no longer string, so that searching for them makes files no smaller: docs/benchmarks.md.
    """
    compressor = zlib.compressobj(
        level=zlib.Z_DEFAULT_COMPRESSION, wbits=_GZIP + zlib.MAX_WBITS, memLevel=9, strategy=zlib.Z_RLE
    )
    return compressor.compress(content) + compressor.flush()
