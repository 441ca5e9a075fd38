"""Files of a time to come, as a clock leaves them that was wrong and was set back.

Snakemake compares times of files: whatever is made of such a file is older than it. Snakemake then refuses each output
as it is made ("has older modification time than input"), until the clock has caught up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from synthaug.core.errors import SynthaugError
from synthaug.core.file_times import file_system_time

#: In the unit of files' times. Files less far ahead are left alone: clocks of file systems step by milliseconds, those of
#: servers differ by some, and what a job makes of such a file takes longer.
_SECOND = 10**9


def bring_back(results: str | Path) -> str | None:
    """Give files of results that are of a time to come a time before now, and leave their order in time as it is.

    Parameters
    ----------
    results : path
        Folder of the study's results.

    Returns
    -------
    str or None
        One line on what was done; None where there was nothing to do.

    Notes
    -----
    The n-th of N times to come becomes t + (now - t) n / (N + 1), where t is the last time that is not, but at most a second
    ago. Which of two files is newer stays as it was, and scripts and inputs stay older, so that nothing reruns for it.

    Raises
    ------
    SynthaugError
        A file is another user's, so that its time cannot be set.
    """
    results = Path(results)
    if not results.is_dir():
        return None
    now = round(file_system_time(results) * 1e9)
    times = dict(_times_below(results))
    to_come = sorted({time for time in times.values() if time > now})
    if not to_come or to_come[-1] <= now + _SECOND:
        return None
    start = max([time for time in times.values() if time <= now] + [now - _SECOND])
    new = {time: start + (now - start) * (n + 1) // (len(to_come) + 1) for n, time in enumerate(to_come)}
    files = {file: new[time] for file, time in times.items() if time in new}
    for file, time in files.items():
        try:
            os.utime(file, ns=(time, time), follow_symlinks=False)
        except FileNotFoundError:
            continue  # gone meanwhile
        except OSError as error:
            raise SynthaugError(
                f"{file}: is of a time to come ({_ahead(to_come[-1], now)} ahead of the file system's clock), and its time "
                f"cannot be set ({error.strerror}); let its owner touch it, or wait"
            ) from None
    return (
        f"{results}: {len(files)} files were of a time to come, up to {_ahead(to_come[-1], now)} ahead of the file system's "
        "clock, which was set back; they are of now, in the order in which they were made"
    )


def check_inputs(files: Iterable[str | Path]) -> None:
    """Refuse a user's files that are of a time to come: what is made of them would never be newer.

    Raises
    ------
    SynthaugError
        One line: the file that is furthest ahead, and how many there are.
    """
    found: dict[Path, int] = {}
    clocks: dict[Path, int] = {}
    for file in map(Path, files):
        with suppress(OSError):  # that it is missing is said elsewhere
            if not file.is_file():  # Snakemake does not look at the time of a folder that it did not make
                continue
            time = file.stat().st_mtime_ns
            if file.parent not in clocks:
                clocks[file.parent] = round(file_system_time(file.parent) * 1e9)
            if time > clocks[file.parent] + _SECOND:
                found[file] = time - clocks[file.parent]
    if found:
        furthest = max(found, key=lambda file: found[file])
        more = f" ({len(found)} such files)" if len(found) > 1 else ""
        raise SynthaugError(
            f"{furthest}: is of a time to come, {_ahead(found[furthest], 0)} ahead of the file system's clock{more}: no output "
            f"would ever be newer; set the clock right, or touch {furthest}"
        )


def _times_below(folder: Path) -> Iterable[tuple[Path, int]]:
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place, name)
            with suppress(OSError):
                yield file, file.lstat().st_mtime_ns


def _ahead(time: int, now: int) -> str:
    hours = (time - now) / 3.6e12
    return (
        f"{hours / 24:.1f} days"
        if hours >= 48
        else f"{hours:.1f} h"
        if hours >= 1
        else f"{60 * hours:.1f} min"
    )
