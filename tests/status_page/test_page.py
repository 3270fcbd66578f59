"""The page of ``status --html`` in a real browser: what it asks for, how it fits, whether it can be read and used by anybody.

RESTORE_POINT_SHOTS names a folder that keeps the screenshots.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from handlers.cli.status.drawing import SHAPES
from handlers.cli.status.page import page
from handlers.overview import Overview
from tests.status_page import samples
from tests.status_page.browser import Browser, Page

SAMPLES: dict[str, Callable[[], Overview]] = {
    "none": samples.nothing,
    "one": samples.one,
    "few": samples.few,
    "many": samples.many,
    "hostile": samples.hostile,
}
CONTRAST = """
(() => {
  const parse = text => (text.match(/[0-9.]+/g) || []).map(Number);
  const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = colour => { const [x, y, z] = colour.slice(0, 3).map(linear);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = node => { for (let at = node; at; at = at.parentElement) {
      const back = parse(getComputedStyle(at).backgroundColor);
      if (back.length && (back.length < 4 || back[3] > 0.99)) return back; }
    return [255, 255, 255]; };
  const ratio = (one, two) => { const [a, b] = [light(one), light(two)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, holds = node.parentElement;
    if (!node.data.trim() || ["TITLE", "DESC", "STYLE"].includes(holds.tagName.toUpperCase())) continue;
    const style = getComputedStyle(holds), drawn = holds instanceof SVGElement;
    const is = ratio(parse(drawn ? style.fill : style.color), behind(holds));
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    found.push([is, large ? 3 : 4.5, node.data.slice(0, 40)]);
  }
  for (const [what, how] of [["#good circle", "fill"], ["#good-s circle", "fill"], ["#partial .m-partial", "fill"],
      ["#failed path", "stroke"], ["#running circle", "stroke"], ["#next path", "stroke"]]) {
    const colour = parse(getComputedStyle(document.querySelector(what))[how]);
    for (const card of document.querySelectorAll("main, .card, .fleet, .card .within")) {
      const back = card.matches(".within") ? parse(getComputedStyle(card).fill) : behind(card);
      found.push([ratio(colour, back), 3, what]);
    }
  }
  return found;
})()
"""
"""Every word that is shown, and every mark against what it may lie on: (contrast, what WCAG 2.2 AA asks for, what it is)."""


PICTURES = """
[...document.querySelectorAll("svg.line")].map(each => {
  const told = id => document.getElementById(id).textContent, under = each.nextElementSibling;
  return [each.getAttribute("role"), each.getAttribute("aria-labelledby").split(" ").map(told),
    under.querySelector("caption").textContent, [...under.querySelectorAll("th")].map(th => th.scope),
    under.querySelectorAll("tbody tr").length];
})
"""


def write(name: str, folder: Path) -> Path:
    file = folder / f"{name}.html"
    file.write_text(page(SAMPLES[name]()), encoding="utf-8")
    return file


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    kept = os.environ.get("RESTORE_POINT_SHOTS")
    folder = Path(kept) if kept else tmp_path / "shots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", SAMPLES)
def test_it_asks_for_nothing_and_fits(browser: Browser, tmp_path: Path, shots: Path, name: str, width: int) -> None:
    file = write(name, tmp_path)
    with Page(browser, file, width) as shown:
        assert shown.requests() == [file.as_uri()]
        assert shown.complaints() == []
        assert shown.ask("document.documentElement.scrollWidth") == width
        beyond = (
            "[...document.querySelectorAll('main *')].filter(e => !e.closest('svg, thead') && e.getBoundingClientRect().right > "
        )
        assert shown.ask(f"{beyond}{width} + 0.5).map(e => e.outerHTML.slice(0, 80))") == []
        shot = shown.screenshot(shots / f"{name}-{width}.png").read_bytes()
    assert shot[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", shot[16:20]) == (width,)
    assert len(shot) > 8_000  # an empty sheet of that size has less


@pytest.mark.parametrize(("dark", "media"), [(False, ""), (True, ""), (True, "print")], ids=["light", "dark", "print"])
@pytest.mark.parametrize("name", ["none", "few", "hostile"])
def test_every_word_and_mark_stands_out(browser: Browser, tmp_path: Path, shots: Path, name: str, dark: bool, media: str) -> None:
    with Page(browser, write(name, tmp_path), 1280, dark, media) as shown:
        shown.ask("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = shown.ask(CONTRAST)
        shown.screenshot(shots / f"{name}-{'dark' if dark else 'light'}{media and '-' + media}.png")
    assert len(found) > 10
    assert [each for each in found if each[0] < each[1]] == []


def test_dark_is_dark_and_paper_is_white(browser: Browser, tmp_path: Path) -> None:
    file, back = write("few", tmp_path), "getComputedStyle(document.body).backgroundColor"
    seen = []
    for dark, media in ((False, ""), (True, ""), (True, "print")):
        with Page(browser, file, 1280, dark, media) as shown:
            seen.append(shown.ask(back))
    assert seen == ["rgb(245, 246, 248)", "rgb(14, 18, 23)", "rgb(255, 255, 255)"]


def test_on_paper_every_table_is_open(browser: Browser, tmp_path: Path, shots: Path) -> None:
    shows = "[...document.querySelectorAll('details table')].map(each => each.checkVisibility())"
    with Page(browser, write("few", tmp_path), 800, media="print") as shown:
        assert shown.ask(shows) == [True] * 6
        assert shown.ask("document.querySelectorAll('details[open]').length") == 0
        assert shown.printed(shots / "few.pdf").read_bytes()[:5] == b"%PDF-"
    with Page(browser, write("few", tmp_path), 800) as shown:
        assert shown.ask(shows) == [False] * 6


def test_under_each_picture_is_a_table(browser: Browser, tmp_path: Path) -> None:
    with Page(browser, write("few", tmp_path)) as shown:
        pictures = shown.ask(PICTURES)
        assert len(pictures) == 6
        for role, (title, summary), caption, scopes, rows in pictures:
            assert role == "img"
            assert title.startswith("Restore points of vault ")
            assert summary.endswith(".")
            assert caption.startswith(title)
            assert scopes == ["col"] * 3 + ["row"] * rows
        doubled = "(ids => ids.length - new Set(ids).size)([...document.querySelectorAll('[id]')].map(each => each.id))"
        assert shown.ask(doubled) == 0
        levels = shown.ask("[...document.querySelectorAll('h1, h2, h3')].map(each => each.tagName).join(' ')")
    assert levels == "H1 H2 H3 H3 H3 H3 H3 H3 H2 H2"


def test_what_is_heard_is_what_is_shown(browser: Browser, tmp_path: Path) -> None:
    """By the browser's own accessibility tree: pictures have names, tables are tables at any width."""
    file = tmp_path / "forty.html"
    file.write_text(page(samples.many(40)), encoding="utf-8")
    with Page(browser, file, 390) as shown:
        nodes = shown.call("Accessibility.getFullAXTree")["nodes"]
    roles = [each.get("role", {}).get("value") for each in nodes if not each.get("ignored")]
    named = [each["name"]["value"] for each in nodes if each.get("role", {}).get("value") == "image" and not each.get("ignored")]
    assert roles.count("table") == 1  # the others are closed
    assert roles.count("rowheader") == 37
    assert len([each for each in named if each.startswith("Restore points of vault")]) == 40


def test_it_can_be_used_without_a_mouse(browser: Browser, tmp_path: Path) -> None:
    with Page(browser, write("few", tmp_path)) as shown:

        def press(key: str, code: int, text: str = "") -> None:
            for kind in ("keyDown", "keyUp"):
                shown.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

        seen = []
        for _ in range(4):
            press("Tab", 9)
            seen.append(shown.ask("document.activeElement.tagName + ' ' + document.activeElement.textContent.slice(0, 9)"))
        assert seen == ["A billing", "A mail", "A files", "SUMMARY 5 good, 2"]
        assert shown.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        press("Enter", 13, "\r")
        assert shown.ask("document.activeElement.parentElement.open") is True


def test_words_from_outside_stay_words(browser: Browser, tmp_path: Path) -> None:
    with Page(browser, write("hostile", tmp_path)) as shown:
        assert shown.ask("document.querySelectorAll('script, img, iframe, object, link, base, form').length") == 0
        loud = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => /^(on|style$|src)/.test(n))"
        assert shown.ask(loud) == []
        text = shown.ask("document.body.innerText")
        assert '<script>fetch("https://evil.example/")</script>' in text
        assert not {"\u202e", "\x1b"} & set(text)


def test_what_is_not_the_pages_own_is_forbidden_by_its_policy(browser: Browser, tmp_path: Path) -> None:
    """Should anything ever get past the escaping."""
    file = write("one", tmp_path)
    foreign = '<script>document.title = "mine"</script><img src="http://127.0.0.1:9/x"><style>main { display: none }</style>'
    file.write_text(file.read_text().replace("<main>", f"<main>{foreign}"))
    with Page(browser, file) as shown:
        assert len(shown.requests()) == 2  # the picture was asked for, and stopped here
        assert [each["blockedReason"] for each in shown.said("Network.loadingFailed")] == ["csp"]
        assert shown.ask("document.title").startswith("✔ All is well")
        assert shown.ask("getComputedStyle(document.querySelector('main')).display") == "block"
        assert len(shown.complaints()) == 3


def test_no_colour_is_needed_to_tell_states_apart() -> None:
    shapes = dict(re.findall(r'<g id="([a-z]+)">(.*?)</g>', SHAPES))
    assert set(shapes) == {"good", "partial", "failed", "running", "next"}
    assert len({re.sub(' class="[^"]*"', "", each) for each in shapes.values()}) == 5


def test_who_looks_sees_the_worst_first_and_at_once(browser: Browser, tmp_path: Path) -> None:
    """Within the first screen of a telephone: how it is, and what is wrong."""
    with Page(browser, write("many", tmp_path), 390) as shown:
        said = "(e => [e.textContent, e.getBoundingClientRect().bottom < 844])(document.querySelector('.verdict'))"
        text, above = shown.ask(said)
        names = shown.ask("[...document.querySelectorAll('h3, tbody th[scope=row]')].map(each => each.textContent)")
        rows = shown.ask("document.querySelectorAll('.fleet tbody tr').length")
        height = shown.ask("document.querySelector('.fleet tbody tr').getBoundingClientRect().height")
    assert above
    assert text.startswith("✖ 3 of 500 vaults need attention: 1 overdue, 1 without its timer, 1 incomplete.")
    assert [name for name in names if not name.startswith(("2026", "customer"))] == ["billing", "mail", "files"]
    assert rows == 497
    assert height < 110


def test_nothing_and_one(browser: Browser, tmp_path: Path) -> None:
    for name, says in (
        ("none", "○ No vault is looked after: no rule lists one."),
        ("one", "✔ All is well: 1 vault, none overdue, failed or missed."),
    ):
        with Page(browser, write(name, tmp_path)) as shown:
            assert shown.ask("document.querySelector('.verdict p').textContent").startswith(says)
            assert shown.ask("document.title") == shown.ask("document.querySelector('.verdict p').textContent")
