"""Files and arguments that Snakemake reads by itself: a setting that would vanish there is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from synthaug.core.errors import SynthaugError
from synthaug.core.yaml_files import read_yaml, yaml_traps

#: Options of which Snakemake keeps only the last where they are given more than once.
_LAST_WINS = (("--config", "-C"), ("--configfile", "--configfiles"))
#: Options whose values on the command line take the place of all of a profile's.
_REPLACED = ("set-resources", "default-resources", "set-threads", "resources")
_ALIASES = {"resources": ("--res",), "default-resources": ("--default-res",)}


def check_settings_files(
    configfiles: Sequence[str | Path],
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    folders: Sequence[str | Path] = (".",),
) -> None:
    """Read again, strictly, what Snakemake has read: the study, the profiles and the keys of the command line.

    Parameters
    ----------
    configfiles : sequence of path
        Study files, the default one or those of ``--configfile``.
    arguments : sequence of str
        The command line without the program.
    environment : mapping of str to str, optional
        Environment variables; ``SNAKEMAKE_PROFILE`` names a profile.
    folders : sequence of path
        Where a workflow profile may lie: the folder that Snakemake was called in, that of the Snakefile.

    Raises
    ------
    SynthaugError
        One line for each key that stands twice or is read as something else than it looks like, and for each option that
        takes entries of a profile away.
    """
    profiles = _profiles(arguments, environment or {}, [Path(folder) for folder in folders])
    said = list(_vanished_arguments(arguments))
    for file in dict.fromkeys([*map(Path, configfiles), *profiles]):
        try:
            read_yaml(file)
        except SynthaugError as error:
            said.append(str(error))
    for file in profiles:
        said += _replaced_entries(file, arguments)
    if said:
        raise SynthaugError("\n".join(said))


def _vanished_arguments(arguments: Sequence[str]) -> Iterator[str]:
    for names in _LAST_WINS:
        given = values_of(arguments, *names)
        if len(given) > 1:
            yield (
                f"{names[0]} is given {len(given)} times, of which Snakemake keeps the last; give all values after one"
            )
    for entry in [entry for values in values_of(arguments, "--config", "-C") for entry in values]:
        key, _, value = entry.partition("=")
        try:
            traps = [trap.partition(": ")[2] for trap in yaml_traps(value, yaml.BaseLoader)]  # it is one line
        except yaml.YAMLError:
            continue  # text, as Snakemake takes it
        yield from (f"--config {key}: {trap}" for trap in traps)


def _replaced_entries(profile: Path, arguments: Sequence[str]) -> Iterator[str]:
    """Entries of a profile that an option of the command line would take away, one line an option."""
    with suppress(SynthaugError):
        settings = read_yaml(profile) or {}
        for option in _REPLACED:
            values = [value for given in values_of(arguments, *_spellings(option)) for value in given]
            kept = {value.partition("=")[0] for value in values}
            lost = [name for name in _entries(settings.get(option)) if name not in kept] if kept else []
            if lost:
                others = f" and {len(lost) - 2} more" if len(lost) > 2 else ""
                yield (
                    f"--{option} takes the place of all {option} of {profile}: {', '.join(lost[:2])}{others} would be lost; "
                    "write yours into the profile, or give all of them"
                )


def _spellings(option: str) -> list[str]:
    """Every way to write an option: its alias, and the beginnings that argparse completes."""
    whole = f"--{option}"
    return [*_ALIASES.get(option, ()), *(whole[:length] for length in range(len("--set-r"), len(whole) + 1))]


def _entries(given: object) -> list[str]:
    """Names that an option of a profile sets: ``mem_mb``, or ``rule:mem_mb``."""
    if isinstance(given, Mapping):
        nested = {name: value for name, value in given.items() if isinstance(value, Mapping)}
        plain = [str(name) for name in given if name not in nested]
        return plain + [f"{rule}:{name}" for rule, values in nested.items() for name in values]
    listed = given if isinstance(given, list) else [] if given is None else [given]
    return [str(entry).partition("=")[0] for entry in listed]


def values_of(arguments: Sequence[str], *names: str) -> list[list[str]]:
    """Values that follow an option of the command line, one list each time that it is given."""
    found: list[list[str]] = []
    inside = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in names:
            found.append([value] if equals else [])
            inside = not equals
        elif argument.startswith("-"):
            inside = False
        elif inside:
            found[-1].append(argument)
    return found


def _profiles(
    arguments: Sequence[str], environment: Mapping[str, str], folders: Sequence[Path]
) -> list[Path]:
    """Files of the profiles that Snakemake uses."""
    from snakemake.cli import get_profile_dir

    named = [name for values in values_of(arguments, "--profile") for name in values]
    named = named or [name for name in [environment.get("SNAKEMAKE_PROFILE")] if name]
    of_workflow = [name for values in values_of(arguments, "--workflow-profile") for name in values]
    candidates = [[name, *(str(folder / name) for folder in folders)] for name in named]
    candidates += [
        [str(folder / below / name) for folder in folders for below in (".", "profiles")]
        for name in of_workflow or ["default"]
    ]
    found = []
    for places in candidates:
        if "none" not in places:
            entries = [entry for place in places if (entry := get_profile_dir(place))]
            found += [Path(entries[0][1]).resolve()] if entries else []
    return found
