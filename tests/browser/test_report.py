"""The report in a real browser: it runs without an error, loads nothing, and its cines play."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser


#: Grey levels of the first pane, as far as they differ: a canvas nobody drew has one, black.
DRAWN = """[...document.querySelectorAll('canvas')].map(canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(data.filter((_, i) => i % 4 === 0)).size;
}).join(',')"""


def test_the_page_runs_without_an_error_and_draws_its_players(report, browser):
    answer = browser.browse(report, "--virtual-time-budget=4000", "--dump-dom")
    assert "CONSOLE" not in answer.stderr, answer.stderr
    assert answer.stdout.count("data-ready") >= 2  # a player says so after its first picture


def test_every_canvas_shows_a_picture(report, browser):
    levels = [int(count) for count in browser.probe(report, DRAWN).split(",")]
    assert len(levels) == 2 * 3
    assert min(levels) > 10


def test_the_mask_pane_is_coloured_and_the_others_are_grey_until_asked(report, browser):
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
    assert browser.probe(report, coloured) == "001 111"


def test_frames_change_by_the_slider_and_the_button_stops_the_beat(report, browser):
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
    assert browser.probe(report, script) == "true true Play Pause"


def test_the_beat_plays_unless_motion_is_unwelcome(report, browser):
    state = "document.querySelector('.play').textContent"
    assert browser.probe(report, state) == "Pause"
    assert browser.probe(report, state, "--force-prefers-reduced-motion") == "Play"


def test_a_hostile_finding_runs_nothing(report, browser):
    assert "alert(1)" in report.read_text(encoding="utf-8")
    answer = browser.browse(report, "--virtual-time-budget=2000", "--dump-dom")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.stdout
    assert len(re.findall(r"<script\b", answer.stdout)) == 1


def test_pictures_of_subjects_are_sorted_and_filtered(report, browser):
    script = """(() => {
      const gallery = document.querySelector('.gallery');
      const names = () => [...gallery.querySelectorAll('.thumb:not([hidden]) b')].map(b => b.textContent.slice(-1)).join('');
      const set = (control, value) => { control.value = value; control.dispatchEvent(new Event('change')); };
      const found = [names()];
      gallery.querySelector('.best').click(); found.push(names());
      set(gallery.querySelector('[data-filter=vendor]'), 'B'); found.push(names());
      found.push(gallery.querySelector('output').textContent);
      return found.join(' ');
    })()"""
    # Of four subjects the first has a finding; vendors alternate.
    assert browser.probe(report, script) == "0123 1230 13 2 shown"


def test_every_subject_has_its_picture(report, browser):
    script = """[...document.querySelectorAll('.thumb .look')].map(look => {
      const style = getComputedStyle(look);
      return style.backgroundImage.startsWith('url("data:image/jpeg') && look.clientHeight > 60
        ? style.backgroundPosition : 'none';
    }).join(', ')"""
    places = browser.probe(report, script).split(", ")
    assert len(set(places)) == 4 and "none" not in places
