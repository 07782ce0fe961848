"""The page: what it holds, and in a headless Chromium what it shows and how it is used."""

from __future__ import annotations

import json
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewright.errors import InputError
from gatewright.flows.page import write_page
from gatewright.flows.page.server import page_server
from gatewright.flows.results import DATABASE, Results, Run

from .browser import CHROMIUM, Browser, browser

EVIL = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 2'>"
MODULES = {
    "top": {"instances": 1, "area": 120.0, "cells": 40, "flops": 10},
    "element": {"instances": 16, "area": 55.0, "cells": 30, "flops": 8},
    "border": {"instances": 8, "area": 12.5, "cells": 9, "flops": 0},
}


def _hash(number: int) -> str:
    return f"{number:08x}" + 8 * "0"


def runs(number: int) -> list[Run]:
    """A design's estimate, synthesis and simulation."""
    area, delay = 1000.0 + 100 * number, 50 - 2.0 * number
    common: dict[str, Any] = {
        "generator": "tiny", "design": "tiny_adder", "config_hash": _hash(number),
        "config": {"width": 4 + number, "modulus": 1 << 100, "names": ["a", EVIL]},
        "verdict": "pass", "started": 1e9 + number, "seconds": 1.5,
    }  # fmt: skip
    synth = {
        "area": area, "area_unit": "GE", "delay": delay, "delay_unit": "FO4", "modules": MODULES,
        "critical_path": [{"point": f"g{n}", "cell": "NAND2", "arrival": 2.0 * n}
                          for n in range(1, 12)],
    }  # fmt: skip
    sim = {
        "cycles": 500, "waves": "waves.vcd", "error": {"rms": 0.01},
        "coverage": {"bins": 10, "hit": 9, "missed": ["both full"]},
    }  # fmt: skip
    return [
        Run(key=f"m{number}", step="model", target="model", folder="",
            report={"area": 1.0, "utilisation": 0.75}, **common),
        Run(key=f"s{number}", step="synth", target="ge", folder="/made/synth-ge", report=synth,
            **common),
        Run(key=f"v{number}", step="sim", target="verilator", folder="/made/sim-verilator",
            report=sim, **common),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of one sweep of twelve designs."""
    folder = tmp_path_factory.mktemp("page")
    with Results(folder / DATABASE) as results:
        for number in range(12):
            results.put(*runs(number))
        space = {
            "title": "Adders", "method": "grid", "size": 12, "parameters": ["width"],
            "objectives": {"area": ["area", "min"], "cost": ["area * delay", "min"]},
            "columns": ["delay"],
            "steps": ["synth"],
        }  # fmt: skip
        results.write("INSERT INTO sweeps VALUES ('x', 'tiny', ?, 1, 'done')",
                      [(json.dumps(space),)])  # fmt: skip
        results.write(
            "INSERT INTO points VALUES ('x', ?, 'final', ?, NULL, ?, ?)",
            [(json.dumps({"width": 4 + n}), json.dumps([f"m{n}", f"s{n}"]),
              json.dumps({"area": 1000.0 + 100 * n, "cost": 7.0 + n}), int(n % 3 == 0))
             for n in range(12)],
        )  # fmt: skip
        write_page(results, folder / "report.html")
    return folder / "report.html"


def test_the_page_is_one_file_that_asks_nobody(page: Path) -> None:
    text = page.read_text()
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S+", "", text)
    assert "https://" not in text and "<link" not in text and "@import" not in text
    assert not re.search(r"<script[^>]+src|url\(", text)
    assert EVIL not in text and text.count("</script>") == 2


def test_the_data_of_a_design_comes_from_all_its_runs(page: Path) -> None:
    text = page.read_text()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    first = data["designs"][0]
    # Synthesis is believed before the estimate.
    assert first["figures"]["area"] == 1000 and first["figures"]["utilisation"] == 0.75
    assert first["config"]["modulus"] == str(1 << 100)
    sim = next(each for each in first["runs"] if each["step"] == "sim")
    assert sim["waves_link"] == os.path.relpath("/made/sim-verilator/waves.vcd", page.parent)
    assert [point["pareto"] for point in data["sweeps"][0]["points"]].count(True) == 4


def test_the_page_is_served_on_this_machine_alone(page: Path) -> None:
    with page_server(page, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host, port = server.server_address[:2]
        assert host == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.read() == page.read_bytes()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/../../etc/")
        with pytest.raises(InputError, match="port must be free"):
            page_server(page, int(port))
        server.shutdown()


@pytest.fixture(scope="module")
def view() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with browser() as opened:
        yield opened


ROWS = "[...document.querySelectorAll('tbody tr')].map((row) => row.cells[1].innerText)"


BY_AREA = (
    "[...document.querySelectorAll('th button')].find((b) => b.innerText === 'area').click()"
)


def test_hover_tells_and_click_opens_the_design(view: Browser, page: Path) -> None:
    view.open(page.as_uri())
    assert view.run("document.querySelectorAll('svg .dot').length") == 12
    assert view.run("document.querySelectorAll('svg .dot.front').length") == 4
    view.click("svg .dot.front", "mouseMoved")
    view.wait_for("document.getElementById('tip').innerText")
    tip = view.run("document.getElementById('tip').innerText")
    assert "Pareto" in tip and "area:" in tip and "width:" in tip and "cost:" in tip
    assert view.run("document.querySelector('svg').ariaLabel").startswith(
        "12 designs, cost over area"
    )
    view.click("svg .dot.front")
    view.wait_for("location.hash.startsWith('#/design/')")
    view.wait_for("document.body.innerText.includes('Parameters')")
    text = view.run("document.body.innerText")
    for words in ("Parameters", "Area by module", "Critical path", "9 of 10 bins", "both full",
                  "Utilisation", "error.rms", "Not proven", "waveform", "NAND2"):  # fmt: skip
        assert words in text, words
    assert view.run("document.querySelectorAll('svg .cell').length") == 3
    assert view.run("window.evil") is None and EVIL in text
    assert view.errors == [] and {url.partition(":")[0] for url in view.requests} <= {
        "file", "about"
    }  # fmt: skip


def test_tables_sort_and_filter_and_the_plot_follows(view: Browser, page: Path) -> None:
    view.open(page.as_uri())
    names = [f"tiny-{n:08x}" for n in range(12)]
    view.run(BY_AREA)
    assert view.run(ROWS) == names
    view.run(BY_AREA)
    assert view.run(ROWS) == names[::-1]
    assert view.run("document.querySelectorAll('th[aria-sort=descending]').length") == 1
    fill = ("(() => {{ const e = document.querySelector('[aria-label=\"filter {}\"]'); "
            "e.value = '{}'; e.dispatchEvent(new Event('input')); }})()")  # fmt: skip
    view.run(fill.format("area", "<= 1300"))
    assert len(view.run(ROWS)) == 4
    assert view.run("document.querySelectorAll('svg .dot').length") == 4
    view.run(fill.format("Pareto", "yes"))
    assert len(view.run(ROWS)) == 2


def test_two_designs_stand_side_by_side(view: Browser, page: Path) -> None:
    view.open(page.as_uri())
    view.run(BY_AREA)
    view.run("[...document.querySelectorAll('tbody input')].slice(0, 2).forEach((e) => e.click())")
    view.run("[...document.querySelectorAll('button')].find((b) => "
             "b.innerText.startsWith('Compare')).click()")  # fmt: skip
    view.wait_for("document.body.innerText.includes('Side by side')")
    text = view.run("document.body.innerText")
    assert "1.1 ×" in text
    changed = view.run(
        "[...document.querySelectorAll('tr.differs')].map((r) => r.cells[0].innerText)"
    )
    assert "width" in changed and "area" in changed and "utilisation" not in changed


def test_a_keyboard_is_enough(view: Browser, page: Path) -> None:
    view.open(page.as_uri())
    seen = []
    for _ in range(40):
        view.press("Tab")
        seen.append(view.run("document.activeElement.tagName + ' ' + "
                             "(document.activeElement.className.baseVal ?? "
                             "document.activeElement.className)"))  # fmt: skip
        if seen[-1].lower().startswith("svg"):
            break
    assert seen[0] == "A skip" and "SELECT " in seen and seen[-1].lower().startswith("svg")
    outline = view.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    view.press("ArrowRight", "ArrowRight", "Enter")
    view.wait_for(f"location.hash === '#/design/{_hash(1)}'")
    view.wait_for("document.activeElement.id === 'main'")


_CONTRAST = """(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number).slice(0, 3);
  const light = (c) => { const l = rgb(c).map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return Math.min(...["body", "td", "th", "a", ".note", "label", ".pass"].map((name) => {
    const ink = light(getComputedStyle(document.querySelector(name)).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); }));
})()"""


@pytest.mark.one_in(2)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_words_can_be_read(view: Browser, page: Path, theme: str, width: int) -> None:
    """Nothing is wider than a phone, and every kind of words has a contrast of 4.5 (WCAG AA)."""
    scheme = [{"name": "prefers-color-scheme", "value": theme}]
    view.call("Emulation.setEmulatedMedia", features=scheme)
    for place in ("", f"#/design/{_hash(1)}", f"#/compare/{_hash(1)}/{_hash(2)}"):
        view.open(page.as_uri() + place, width=width)
        assert view.run("document.documentElement.dataset.theme") == theme
        assert view.run("document.documentElement.scrollWidth") <= width, place
        if not place:
            assert view.run(_CONTRAST) >= 4.5
    dark = view.run("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(20, 23, 28)") == (theme == "dark")
    if (folder := os.environ.get("GATEWRIGHT_SCREENSHOTS")) is not None:
        view.open(page.as_uri(), width=width, height=1500)
        view.picture(Path(folder) / f"{theme}-{width}.png")
