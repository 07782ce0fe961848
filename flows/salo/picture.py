"""Pictures of a schedule: the mask, coloured by what computes each pair, and its tiles.

A small mask is shown pair by pair, with each unit of a tile outlined. A large one is shown as a
whole in coarse cells, whose colour is that of the most frequent kind and is paler where fewer of
the pairs are allowed, beside a part of it pair by pair.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...generators.checks import check_picture
from ...generators.salo.pattern import Progress
from ...generators.salo.schedule import Schedule
from .raster import KINDS, Raster, rasterise

__all__ = ["draw"]

EXACT = 256
"""Most queries and keys that are shown pair by pair."""

CELLS = 400
"""Most cells of a large mask, in each direction."""

LEAST_DETAIL = 96
DETAIL_TILES = 3
"""The part shown pair by pair has the queries of so many tiles, and twice as many keys."""

PALEST = 0.35
"""Strength of the colour of a cell with hardly any pair: a single key must be seen."""

MANY_EDGES = 4000
"""Lines that are still drawn as lines in an SVG."""

FLATTEST = 4
"""Ratio of the sides up to which pairs are shown as squares."""

ROOM_FOR_HEADLINE, HEADLINE_AT = 0.94, 0.98
DETAIL_WIDTH = 1.4
AXES_APART, TITLE_PAD = 4, 10
"""Points between the pairs and the axes, which would hide a global row or column."""

COLORS = {"band": "#4477aa", "circulant": "#228833", "gather": "#ee6677", "rider": "#ccbb44"}

Numbers = NDArray[np.float64]


def draw(
    schedule: Schedule, path: Path, title: str, progress: Progress | None = None
) -> None:
    """Write the picture of a schedule, as SVG or PNG by the suffix; the same each time.

    Raises
    ------
    InputError
        If it is another suffix.
    """
    check_picture(path)
    whole = _whole(schedule)
    exact = whole.query_step == whole.key_step == 1
    detail = None if exact else _detail(schedule)
    rasterise(schedule.tiles, [whole] if detail is None else [whole, detail], progress)

    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    with matplotlib.rc_context({"svg.hashsalt": "gatewright", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8 if exact else 17, 8), layout="constrained")
        figure.get_layout_engine().set(rect=(0, 0, 1, ROOM_FOR_HEADLINE))
        shares = [1] if exact else [1, DETAIL_WIDTH]
        axes = figure.subplots(1, len(shares), squeeze=False, width_ratios=shares)[0]
        _panel(axes[0], whole)
        if detail is not None:
            _panel(axes[1], detail)
            corner = detail.key, detail.query
            axes[0].add_patch(
                Rectangle(corner, detail.keys, detail.queries, fill=False, linewidth=0.8)
            )
            axes[0].set_title("all pairs; the frame is shown on the right", pad=TITLE_PAD)
            axes[1].set_title("pair by pair, units of tiles outlined", pad=TITLE_PAD)
        figure.suptitle(_headline(schedule, title), y=HEADLINE_AT)
        figure.legend(handles=_legend(whole), loc="outside lower center", ncols=2, frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        date = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=120, metadata=date)


def _whole(schedule: Schedule) -> Raster:
    pattern = schedule.pattern
    if max(pattern.queries, pattern.keys) <= EXACT:
        return Raster(0, 0, pattern.queries, pattern.keys)
    steps = [-(-count // CELLS) for count in (pattern.queries, pattern.keys)]
    # A mask that is too large for outlines and fits the cells is still shown with a detail.
    return Raster(0, 0, pattern.queries, pattern.keys, max(2, steps[0]), max(2, steps[1]))


def _detail(schedule: Schedule) -> Raster:
    """The middle queries, and the keys of which they see most."""
    pattern, rows = schedule.pattern, schedule.shape.rows
    size = max(LEAST_DETAIL, DETAIL_TILES * rows)
    queries, keys = min(pattern.queries, size), min(pattern.keys, 2 * size)
    first = (pattern.queries - queries) // 2 // rows * rows
    _, key = pattern.pairs(np.arange(first, first + queries))
    seen = np.cumsum(np.bincount(key, minlength=pattern.keys))
    within = seen[keys - 1 :] - np.concatenate([[0], seen[:-keys]])
    return Raster(first, int(np.argmax(within)), queries, keys)


def _panel(axes: Any, raster: Raster) -> None:
    from matplotlib.collections import LineCollection

    bottom, right = raster.query + raster.queries, raster.key + raster.keys
    down, across = raster.units.shape
    extent = (
        raster.key, raster.key + across * raster.key_step,
        raster.query + down * raster.query_step, raster.query,
    )  # fmt: skip
    flat = max(raster.queries, raster.keys) > FLATTEST * min(raster.queries, raster.keys)
    axes.imshow(
        _shades(raster), extent=extent, interpolation="nearest", aspect="auto" if flat else "equal"
    )
    if raster.query_step == raster.key_step == 1:
        edges = _edges(raster.units) + np.array([raster.key, raster.query])
        axes.add_collection(
            LineCollection(
                edges, colors="black", linewidths=0.5, rasterized=len(edges) > MANY_EDGES
            )
        )
    axes.spines[:].set_position(("outward", AXES_APART))
    axes.set_xlim(raster.key, right)
    axes.set_ylim(bottom, raster.query)
    axes.set_xlabel("key")
    axes.set_ylabel("query")


def _shades(raster: Raster) -> Numbers:
    """Colour of each cell, [down, across, 3]."""
    from matplotlib.colors import to_rgb

    palette = np.array([to_rgb(COLORS[kind]) for kind in KINDS])
    total = raster.counts.sum(axis=0)
    share = total / (raster.query_step * raster.key_step)
    strength = np.where(total > 0, PALEST + (1 - PALEST) * np.sqrt(share), 0.0)[:, :, None]
    shades: Numbers = 1 - strength + strength * palette[raster.counts.argmax(axis=0)]
    return shades


def _edges(units: NDArray[np.int64]) -> Numbers:
    """Lines between cells of different units, those in a row as one, [lines, 2, (x, y)]."""
    upright = _lines(units)
    level = _lines(units.T)[:, :, ::-1]
    return np.concatenate([upright, level])


def _lines(units: NDArray[np.int64]) -> Numbers:
    """Upright ones: where a cell and the one on its left differ."""
    padded = np.pad(units, ((0, 0), (1, 1)), constant_values=-1)
    differ = padded[:, 1:] != padded[:, :-1]
    change = np.diff(np.pad(differ, ((1, 1), (0, 0))).astype(np.int8), axis=0).T
    starts, ends = np.argwhere(change == 1), np.argwhere(change == -1)
    return np.stack([starts, ends], axis=1).astype(np.float64)


def _headline(schedule: Schedule, title: str) -> str:
    figures, shape = schedule.report, schedule.shape
    return (
        f"{Path(title).name}: {figures.allowed:,} pairs in {figures.tiles:,} tiles of "
        f"{shape.rows} x {shape.cols}, utilisation {figures.utilisation:.1%}"
    )


def _legend(whole: Raster) -> list[Any]:
    from matplotlib.patches import Patch

    pairs = whole.counts.sum(axis=(1, 2))
    return [
        Patch(facecolor=COLORS[kind], edgecolor="black", label=f"{kind}: {count:,} pairs")
        for kind, count in zip(KINDS, pairs.tolist(), strict=True)
    ]
