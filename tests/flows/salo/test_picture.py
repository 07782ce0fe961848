"""Pictures: their kinds of file, what they say, and that lines stand between units."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.flows.salo.picture import _edges, draw
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.generators.salo.terms import Band, GlobalColumns, GlobalRows


def schedule(tokens, keys=None):
    terms = [Band(-4, 4), GlobalColumns([0]), GlobalRows([0])]
    return make_schedule(Pattern(tokens, keys or tokens, terms), ArrayShape(8, 8), dk=8)


def texts(path: Path) -> list[str]:
    return [each.text for each in ElementTree.fromstring(path.read_bytes()).iter() if each.text]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("tokens", "keys"), [(1, 1), (16, 16), (257, 257), (1200, 900), (3, 2000)])
def test_pictures_say_what_they_show(tokens: int, keys: int, tmp_path: Path) -> None:
    path, made = tmp_path / "new" / "mask.svg", schedule(tokens, keys)
    draw(made, path, "a mask")
    said = texts(path)
    assert any(f"a mask: {made.report.allowed:,} pairs in" in text for text in said)
    assert any(text == f"rider: {made.report.ridden:,} pairs" for text in said)
    assert any(text == f"gather: {made.report.gathered:,} pairs" for text in said)
    assert ("pair by pair, units of tiles outlined" in said) == (max(tokens, keys) > 256)
    data = path.read_bytes()
    draw(made, path, "a mask")
    assert path.read_bytes() == data


def test_png(tmp_path: Path) -> None:
    draw(schedule(16), tmp_path / "mask.png", "a mask")
    assert (tmp_path / "mask.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["mask.pdf", "mask", "png"])
def test_other_suffixes_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"picture must end in \.svg or \.png, not '.*'"):
        draw(schedule(16), tmp_path / name, "a mask")
    assert list(tmp_path.iterdir()) == []


def test_lines_stand_between_units() -> None:
    units = np.array([[7, 7, -1], [7, 2, -1]])
    drawn = {tuple(map(tuple, line)) for line in _edges(units).astype(int).tolist()}
    upright = {((0, 0), (0, 2)), ((1, 1), (1, 2)), ((2, 0), (2, 2))}
    level = {((0, 0), (2, 0)), ((1, 1), (2, 1)), ((0, 2), (2, 2))}
    assert drawn == upright | level
