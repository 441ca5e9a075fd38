"""Reading one subject, whatever its files are: images that can be used, or one `SubjectError` that says why not."""

from __future__ import annotations

import logging

from synthaug.core.errors import SynthaugError
from synthaug.data.check_cine import check_cine
from synthaug.data.findings import SubjectError
from synthaug.data.readers.base import RawCine, RawSubject

log = logging.getLogger(__name__)


def load_subject(subject: RawSubject) -> RawCine:
    """Read a subject's images; any failure to read them is a finding of this subject.

    Parameters
    ----------
    subject : RawSubject
        From `synthaug.data.readers.find_subjects`.

    Returns
    -------
    RawCine

    Raises
    ------
    SubjectError
        The reader refuses the subject, fails in a way that it did not foresee, or the cine is not what it must be
        (`check_cine`).
    """
    try:
        raw = subject.load()
        check_cine(raw, subject)
    except SubjectError:
        raise
    except SynthaugError as error:
        raise _failed(subject, "reader", str(error), "correct the subject's files") from None
    except MemoryError as error:
        detail = f" ({error})" if str(error) else ""
        problem = f"reading it takes more memory than there is{detail}"
        remedy = "give the job more memory (mem_mb) or read fewer subjects at a time (threads)"
        raise _failed(subject, "memory", problem, remedy) from None
    except Exception as error:
        log.debug("reading %s failed", subject.id, exc_info=True)
        sentence = " ".join(str(error).split()) or "no message"
        problem = f"cannot be read ({type(error).__name__}: {sentence})"
        raise _failed(
            subject, "reader-failed", problem, "write the file again, or remove the subject"
        ) from None
    return raw


def _failed(subject: RawSubject, code: str, problem: str, remedy: str) -> SubjectError:
    return SubjectError(code, subject.id, subject.files[0] if subject.files else "", problem, remedy)
