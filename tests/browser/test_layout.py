"""What has broken the page before: each defect has a test on a study that is crowded enough to show it."""

from __future__ import annotations

import itertools
import re

import pytest
from report_study import CROWDED_NOTE, TOO_MANY

pytestmark = pytest.mark.browser

OPEN = "d.querySelectorAll('details').forEach(entry => entry.open = true);"
#: Style of paper on the screen, at the width of A4 less its margins.
PAPER = 703
PRINT = """for (const rule of d.styleSheets[0].cssRules)
  if (rule.media) rule.media.mediaText = rule.media.mediaText === 'print' ? 'all' : 'not all';
w.dispatchEvent(new Event('beforeprint'));"""


@pytest.mark.parametrize("width", [1280, 390, 360])
@pytest.mark.parametrize("opened", ["", OPEN])
def test_nothing_is_wider_than_the_window(crowded, browser, width, opened):
    assert browser.measure(crowded, width, f"{opened} return d.documentElement.scrollWidth") <= width


def test_the_navigation_stays_in_sight_on_a_phone(crowded, browser):
    script = """{} d.documentElement.style.scrollBehavior = 'auto'; w.scrollTo(0, 9000);
    const box = d.querySelector('nav').getBoundingClientRect();
    return [w.scrollY > 5000, box.top, box.left, box.right]""".replace("{}", OPEN)
    assert browser.measure(crowded, 390, script) == [True, 0, 0, 390]


#: Texts of figures beyond their card, and pairs of texts on one line of a figure that overlap.
BEYOND = """return [...d.querySelectorAll('.panel')].flatMap(card => {
  const edge = card.getBoundingClientRect();
  return [...card.querySelectorAll('svg text')].map(text => [text, text.getBoundingClientRect()])
    .filter(([, box]) => box.left < edge.left || box.right > edge.right || box.bottom > edge.bottom)
    .map(([text]) => card.querySelector('figcaption').textContent + ': ' + text.textContent);
});"""
OVERPRINTED = """return [...d.querySelectorAll('.panel svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  return texts.flatMap(([name, a], i) => texts.slice(i + 1)
    .filter(([, b]) => Math.abs(a.top - b.top) < 2 && a.left < b.right && b.left < a.right)
    .map(([other]) => name + '|' + other));
});"""


@pytest.mark.parametrize("width", [1280, 390])
def test_no_text_of_a_figure_is_outside_its_card_or_over_another(crowded, browser, width):
    assert browser.measure(crowded, width, OPEN + BEYOND) == []
    assert browser.measure(crowded, width, OPEN + OVERPRINTED) == []


def test_dose_figures_use_their_card_and_share_one_legend(crowded, browser):
    script = """const section = d.querySelector('#doses');
    const shares = [...section.querySelectorAll('.panel')].map(card => {
      const grid = [...card.querySelectorAll('svg path')].map(path => path.getBoundingClientRect().width);
      return Math.max(...grid) / card.clientWidth;
    });
    const names = [...section.querySelectorAll('.legend li')].map(entry => entry.lastChild.textContent.trim());
    const looks = [...section.querySelectorAll('.legend span')].map(
      mark => mark.textContent + w.getComputedStyle(mark).color);
    return [Math.min(...shares), names, new Set(looks).size];"""
    share, names, looks = browser.measure(crowded, 390, script)
    assert share > 0.6
    assert "cascade" in names and "single_pass_diffusion_transformer" in names
    assert looks == len(names) == len(set(names)) >= 8


def test_print_has_titles_opens_everything_and_cuts_no_column(crowded, browser):
    script = """{} const shown = e => e.getClientRects().length > 0;
    const summaries = [...d.querySelectorAll('summary')];
    const scrolls = [...d.querySelectorAll('.scroll, .yaml')];
    return {
      titles: summaries.filter(shown).length / summaries.length,
      closed: d.querySelectorAll('details:not([open])').length,
      cut: scrolls.filter(e => e.getBoundingClientRect().right > d.documentElement.clientWidth + 1
        || e.scrollWidth > e.clientWidth + 1).map(e => e.getAttribute('aria-label') || 'yaml'),
      legend: w.getComputedStyle(d.querySelector('.legend')).printColorAdjust,
      figure: d.querySelector('#verdict .panel').clientWidth,
      nav: shown(d.querySelector('nav')),
    };""".replace("{}", PRINT)
    found = browser.measure(crowded, PAPER, script)
    assert found == {
        "titles": 1,
        "closed": 0,
        "cut": [],
        "legend": "exact",
        "figure": found["figure"],
        "nav": False,
    }
    assert found["figure"] <= 400


#: Parts of the first screen with the name of each, in the order of reading.
PARTS = """const box = name => d.querySelector('#verdict ' + name).getBoundingClientRect();
const parts = ['.headline', '.tested', '.problems', '.baseline'].map(name => [name, box(name)]);"""


def test_a_screen_holds_verdict_design_flags_and_baseline(crowded, browser):
    script = """return [d.querySelector('nav').getBoundingClientRect().top, box('.headline').top,
      ...parts.map(([, part]) => part.bottom), box('.problems').left - box('.tested').right]"""
    nav, headline, *bottoms, gap = browser.measure(crowded, 1280, PARTS + script)
    assert 0 < nav < headline
    assert max(bottoms) < 800
    assert gap > 0  # flags stand beside what was tested


def test_a_phone_shows_the_parts_below_each_other(crowded, browser):
    script = """return parts.map(([, part]) => [part.top, part.bottom, part.left, part.right])"""
    parts = browser.measure(crowded, 390, PARTS + script)
    assert all(above[1] <= below[0] for above, below in itertools.pairwise(parts))
    assert all(left >= 0 and right <= 390 for _, _, left, right in parts)
    assert parts[2][0] < 844  # flags begin on the first screen of a phone


@pytest.mark.parametrize("width", [1280, 390])
def test_a_flag_of_the_first_screen_leads_to_its_text_and_severities_differ_in_colour(
    crowded, browser, width
):
    script = """const links = [...d.querySelectorAll('.problems li a')];
    const targets = links.map(link => d.querySelector(link.getAttribute('href')));
    const colours = [...d.querySelectorAll('.problems .severity')].map(mark => w.getComputedStyle(mark).color);
    return [links.length, targets.filter(target => target && target.matches('.flag')).length,
      new Set(colours).size, [...d.querySelectorAll('.flag')].every(flag => flag.scrollWidth <= flag.clientWidth + 1)]"""
    links, targets, colours, inside = browser.measure(crowded, width, script)
    assert links == targets == 4 and colours == 3 and inside


def test_the_first_printed_page_holds_more_than_one_word(crowded, browser):
    script = (
        PRINT
        + """const top = d.querySelector('#verdict .problems').getBoundingClientRect().bottom;
    return [top + w.scrollY, w.getComputedStyle(d.querySelector('.ruling')).breakInside]"""
    )
    first, breaks = browser.measure(crowded, PAPER, script)
    assert first < 1000 and breaks == "auto"


@pytest.mark.parametrize("width", [1000, 390])
def test_the_configuration_and_the_provenance_are_read_by_lines(crowded, browser, width):
    script = """{} return [...d.querySelectorAll('.yaml')].map(block => {
      const lines = block.textContent.trim().split('\\n').length;
      return [block.scrollHeight / lines < 40, block.textContent.includes('\\n')];
    })""".replace("{}", OPEN)
    found = browser.measure(crowded, width, script)
    assert len(found) == 2 and all(line and several for line, several in found)


def test_a_note_stands_once_below_its_table(crowded, browser):
    script = """const section = d.querySelector('#distances');
    return [section.textContent.split(NOTE).length - 1, section.querySelectorAll('.mark').length,
            Math.max(...[...section.querySelectorAll('tbody tr')].map(row => row.clientHeight))]"""
    count, marks, tallest = browser.measure(crowded, 1280, script.replace("NOTE", repr(CROWDED_NOTE)))
    assert count == 1 and marks > 4 and tallest < 80


def test_assessments_have_a_table_of_their_own_and_no_row_is_mostly_empty(crowded, browser):
    script = """const rows = [...d.querySelectorAll('#training tbody tr')];
    const heads = [...d.querySelectorAll('#training thead th')].map(head => head.textContent);
    return [Math.max(...rows.map(row => row.clientHeight)), heads]"""
    tallest, heads = browser.measure(crowded, 1280, script)
    assert tallest < 60
    assert {"psnr", "ssim", "dice lv"} <= set(heads)
    assert "real subjects seen (training and validation)" in heads


def test_without_javascript_the_cines_show_their_first_frame(crowded, browser, tmp_path):
    html = crowded.read_text(encoding="utf-8")
    assert "The cines need JavaScript" in html
    # What a browser without scripts does: scripts are absent, what stands in <noscript> counts.
    still = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    page = tmp_path / "still.html"
    page.write_text(re.sub(r"</?noscript>", "", still), encoding="utf-8")
    script = """const pane = d.querySelector('.pane'), sheet = pane.querySelector('img.sheet');
    const shown = e => e.getClientRects().length > 0;
    const frame = sheet.getBoundingClientRect(), box = pane.getBoundingClientRect();
    const rows = sheet.naturalHeight / Number(pane.dataset.height);
    return [[...d.querySelectorAll('.pane')].filter(shown).length, shown(d.querySelector('.controls')),
      shown(d.querySelector('canvas')), Math.round(frame.width / box.width), Number(pane.dataset.frames),
      Math.round((box.top - frame.top) / (frame.height / rows) * 10) / 10, Math.floor(rows / 2)]"""
    panes, controls, canvas, wide, frames, row, middle = browser.measure(page, 1280, script)
    assert panes == 4 and not controls and not canvas  # a real and a synthetic pane of two players
    assert wide == frames and row == middle


def test_the_mixed_model_that_could_not_be_fitted_is_said_once(crowded, browser):
    script = f"return d.querySelector('#arms').textContent.split({TOO_MANY!r}).length - 1"
    assert browser.measure(crowded, 1280, script) == 1


def test_missing_results_have_names_and_no_empty_column(crowded, browser):
    script = """const table = d.querySelector('#missing table');
    const cells = [...table.querySelectorAll('tbody tr')].map(row => [...row.children].map(c => c.textContent));
    return [cells.map(row => row[0]), cells[0].map((_, i) => cells.some(row => !'–'.includes(row[i])))]"""
    names, filled = browser.measure(crowded, 1280, script)
    assert "Dice, difference by a mixed model" in names and not any("_" in name for name in names)
    assert all(filled)


def test_what_rounds_to_zero_has_no_sign_and_what_shows_2_is_detected(crowded, browser):
    script = """return [...d.querySelectorAll('#metric-sensitivity table')[0].querySelectorAll('tbody td span')]
      .map(cell => [cell.textContent, cell.className])"""
    assert browser.measure(crowded, 1280, script) == [["0.0", "muted"], ["+2.0", "figure"]]
    assert not re.search(
        r"[−+]0\.0+(?![\d])", re.sub(r"<svg.*?</svg>", "", crowded.read_text(encoding="utf-8"), flags=re.S)
    )
