"""Write envs/synthaug.yaml, the conda environment, from envs/requirements.lock."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
HEADER = """\
# Written by envs/make_conda_env.py from requirements.lock: the same versions for conda users.
name: synthaug
channels: [conda-forge, nodefaults]
dependencies:
  - python >=3.11
  - pip
  - pip:
      - --no-deps
"""


def environment() -> str:
    """The environment file's text: every requirement of the lock with its marker."""
    lock = (HERE / "requirements.lock").read_text(encoding="utf-8")
    requirements = re.findall(r"^([A-Za-z0-9][^\\\n]*?) *\\?$", lock, flags=re.MULTILINE)
    return HEADER + "".join(f"      - {text.replace(chr(39), chr(34))!r}\n" for text in requirements)


if __name__ == "__main__":
    (HERE / "synthaug.yaml").write_text(environment(), encoding="utf-8")
