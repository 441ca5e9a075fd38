"""A browser for the pages of the report: renders them, runs probes in them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from report_study import make_crowded_study, make_study

from synthaug.config.report import ReportSettings
from synthaug.report.gather import gather_content
from synthaug.report.inputs import ReportInputs
from synthaug.report.render import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr"),
    *("--force-color-profile=srgb", "--hide-scrollbars", "--allow-file-access-from-files"),
)


class Browser:
    """Chromium without a window."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def browse(self, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(CHROMIUM),
            *FLAGS,
            f"--user-data-dir={self.folder / 'profile'}",
            *options,
            page.as_uri(),
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    def probe(self, report: Path, script: str, *options: str) -> str:
        """Run a script in the page after it has settled and return what it wrote."""
        # The page's own policy forbids foreign scripts, as it should: the probe does without the policy.
        html = report.read_text(encoding="utf-8")
        html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
        run = f"<script>setTimeout(() => {{ document.title = 'PROBE ' + ({script}) }}, 1500)</script></body>"
        page = self.folder / "probed.html"
        page.write_text(html.replace("</body>", run), encoding="utf-8")
        return self._title(page, "PROBE", *options)

    def measure(self, report: Path, width: int, script: str) -> Any:
        """Run a script on the page's document `d` in a frame of a width, and return its JSON.

        A headless window is at least 500 px wide; a frame is as narrow as it is told.
        """
        (self.folder / "report.html").write_bytes(report.read_bytes())
        page = self.folder / "frame.html"
        page.write_text(
            "<title></title><script>function probe(frame) { setTimeout(() => {"
            "const w = frame.contentWindow; const d = w.document;"
            f"document.title = 'PROBE ' + JSON.stringify((() => {{ {script} }})()) }}, 1500) }}</script>"
            f"<iframe src='report.html' onload='probe(this)' width={width} height=900 style='border:0'></iframe>",
            encoding="utf-8",
        )
        return json.loads(self._title(page, "PROBE"))

    def _title(self, page: Path, mark: str, *options: str) -> str:
        for milliseconds in (4_000, 20_000, 60_000):  # a busy machine lays out a large page slowly
            dom = self.browse(page, f"--virtual-time-budget={milliseconds}", "--dump-dom", *options).stdout
            found = re.search(rf"<title>{mark} (.*?)</title>", dom, re.DOTALL)
            if found:
                return found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        raise AssertionError("the probe did not finish")


@pytest.fixture
def browser(tmp_path) -> Browser:
    if CHROMIUM is None:
        required = os.environ.get("CI") == "true" or "browser" in os.environ.get("SYNTHAUG_REQUIRE", "")
        (pytest.fail if required else pytest.skip)("chromium is not installed")
    return Browser(tmp_path)


def render_study(inputs: ReportInputs, root: Path) -> Path:
    gather_content(inputs, ReportSettings(cine_pairs=2), root / "content")
    render(root / "content", root / "report.html")
    return root / "report.html"


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("study")
    return render_study(make_study(root, cohort_size=4), root)


@pytest.fixture(scope="session")
def crowded(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("crowded")
    return render_study(make_crowded_study(root), root)
