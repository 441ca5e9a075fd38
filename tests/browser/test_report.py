"""The report in a real browser: it runs without an error, loads nothing, and its cines play."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr"),
    *("--force-color-profile=srgb", "--hide-scrollbars"),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    if CHROMIUM is None:
        required = os.environ.get("CI") == "true" or "browser" in os.environ.get("SYNTHAUG_REQUIRE", "")
        (pytest.fail if required else pytest.skip)("chromium is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "helpers"))
        from report_study import make_study

    from synthaug.config.report import ReportSettings
    from synthaug.report.gather import gather_content
    from synthaug.report.render import render

    root = tmp_path_factory.mktemp("study")
    gather_content(make_study(root, cohort_size=4), ReportSettings(cine_pairs=2), root / "content")
    render(root / "content", root / "report.html")
    return root / "report.html"


def browse(page: Path, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def probe(report: Path, folder: Path, script: str, *options: str) -> str:
    """Run a script in the page after it has settled and return what it wrote."""
    # The page's own policy forbids foreign scripts, as it should: the probe does without the policy.
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report.read_text(encoding="utf-8"))
    probing = f"<script>setTimeout(() => {{ document.title = 'PROBE ' + ({script}) }}, 1500)</script></body>"
    page = folder / "probed.html"
    page.write_text(html.replace("</body>", probing), encoding="utf-8")
    dom = browse(page, folder / "profile", "--virtual-time-budget=4000", "--dump-dom", *options).stdout
    return re.search(r"<title>PROBE (.*?)</title>", dom, re.DOTALL)[1]


#: Grey levels of the first pane, as far as they differ: a canvas nobody drew has one, black.
DRAWN = """[...document.querySelectorAll('canvas')].map(canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(data.filter((_, i) => i % 4 === 0)).size;
}).join(',')"""


def test_the_page_runs_without_an_error_and_draws_its_players(report, tmp_path):
    answer = browse(report, tmp_path / "profile", "--virtual-time-budget=4000", "--dump-dom")
    assert "CONSOLE" not in answer.stderr, answer.stderr
    assert answer.stdout.count("data-ready") >= 2  # a player says so after its first picture


def test_every_canvas_shows_a_picture(report, tmp_path):
    levels = [int(count) for count in probe(report, tmp_path, DRAWN).split(",")]
    assert len(levels) == 2 * 3
    assert min(levels) > 10


def test_the_mask_pane_is_coloured_and_the_others_are_grey_until_asked(report, tmp_path):
    coloured = """(() => {
      const has = canvas => {
        const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        for (let i = 0; i < d.length; i += 4) if (Math.abs(d[i] - d[i + 2]) > 25) return 1;
        return 0;
      };
      const player = document.querySelector('.player');
      const canvases = [...player.querySelectorAll('canvas')];
      const slider = player.querySelector('.frame');
      slider.value = 0; slider.dispatchEvent(new Event('input'));
      const before = canvases.map(has).join('');
      player.querySelector('.masks').click();
      return before + ' ' + canvases.map(has).join('');
    })()"""
    assert probe(report, tmp_path, coloured) == "001 111"


def test_frames_change_by_the_slider_and_the_button_stops_the_beat(report, tmp_path):
    script = """(() => {
      const player = document.querySelector('.player');
      const canvas = player.querySelector('canvas'), slider = player.querySelector('.frame');
      const set = value => { slider.value = value; slider.dispatchEvent(new Event('input'));
                             return canvas.toDataURL(); };
      const differ = set(0) !== set(4), same = set(0) === set(0);
      const button = player.querySelector('.play');
      const stopped = button.textContent; button.click(); const playing = button.textContent;
      return [differ, same, stopped, playing].join(' ');
    })()"""
    assert probe(report, tmp_path, script) == "true true Play Pause"


def test_the_beat_plays_unless_motion_is_unwelcome(report, tmp_path):
    state = "document.querySelector('.play').textContent"
    assert probe(report, tmp_path, state) == "Pause"
    assert probe(report, tmp_path, state, "--force-prefers-reduced-motion") == "Play"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(report, tmp_path, width):
    # A headless window is at least 500 px wide; a frame is as narrow as it is told.
    page = tmp_path / "frame.html"
    (tmp_path / "report.html").write_bytes(report.read_bytes())
    page.write_text(
        f"<title></title><iframe src='report.html' width={width} height=900 style='border:0'></iframe>"
        "<script>setTimeout(() => { "
        "const d = document.querySelector('iframe').contentDocument.documentElement;"
        "document.title = 'WIDTH ' + d.scrollWidth }, 1500)</script>"
    )
    options = ("--virtual-time-budget=3000", "--allow-file-access-from-files", "--dump-dom")
    dom = browse(page, tmp_path / "profile", *options).stdout
    assert int(re.search(r"WIDTH (\d+)", dom)[1]) <= width


def test_a_hostile_finding_runs_nothing(report, tmp_path):
    assert "alert(1)" in report.read_text(encoding="utf-8")
    answer = browse(report, tmp_path / "profile", "--virtual-time-budget=2000", "--dump-dom")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.stdout
    assert len(re.findall(r"<script\b", answer.stdout)) == 1
