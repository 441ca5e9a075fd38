"""Scripts of killed jobs do not gather in Snakemake's folder."""

from __future__ import annotations

import os
import time

from synthaug.preflight.old_scripts import DAYS, clear_scripts


def test_scripts_go_once_they_are_older_than_any_job(tmp_path):
    for name, days in {"tmp1.harmonise.py": DAYS + 1, "tmp2.train_model.py": DAYS - 1, "own.py": 400}.items():
        (tmp_path / name).write_text("")
        then = time.time() - days * 86400
        os.utime(tmp_path / name, (then, then))
    clear_scripts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.py", "tmp2.train_model.py"]
    clear_scripts(tmp_path / "not-there")
