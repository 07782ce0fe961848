"""Charts as SVG text, coloured by the page's style sheet: readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Mark", "bars", "digit", "histogram", "scatter"]

# Narrow enough that text is still legible where a telephone shows the whole picture.
_WIDTH, _ROW, _LABEL, _VALUE = 420, 26, 104, 62


@dataclass(frozen=True)
class Mark:
    """A point of a scatter plot: a dot of a CSS class, and beside it a label if there is one."""

    x: float
    y: float
    style: str
    label: str = ""


def bars(rows: Sequence[tuple[str, float, str, str]], *, high: float) -> str:
    """Horizontal bars.

    Parameters
    ----------
    rows
        Label, value, text at the bar's end, CSS class of the bar.
    high
        Value at the end of the scale; a longer bar stops there.
    """
    span = _WIDTH - _LABEL - _VALUE
    parts = []
    for index, (label, value, text, style) in enumerate(rows):
        y = index * _ROW
        length = max(0.0, min(1.0, value / high)) * span
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="track" x="{_LABEL}" y="{y + 4}" width="{span}" height="18" rx="3"/>'
            f'<rect class="{style}" x="{_LABEL}" y="{y + 4}" width="{length:.1f}" height="18" '
            f'rx="3"/>'
            f'<text class="value" x="{_LABEL + span + 8}" y="{y + 17}">{escape(text)}</text>'
        )
    told = "; ".join(f"{label}: {text}" for label, _, text, _ in rows)
    return _picture(_WIDTH, len(rows) * _ROW, "".join(parts), told)


def histogram(
    counts: Sequence[int], grids: Mapping[str, Sequence[float]], chosen: str, label: str
) -> str:
    """A histogram over -1..1 (heights by square root), with the levels of each grid under it."""
    height, lane, left = 120, 24, 36
    span = _WIDTH - left - 8
    top = max(max(counts), 1) ** 0.5
    step = span / len(counts)
    parts = []
    for index, count in enumerate(counts):
        tall = height * count**0.5 / top
        parts.append(
            f'<rect class="count" x="{left + index * step:.2f}" y="{height - tall:.1f}" '
            f'width="{step * 0.9:.2f}" height="{tall:.1f}"/>'
        )
    for index, (kind, levels) in enumerate(grids.items()):
        y = height + 12 + index * lane
        style = f"level {kind}" + (" chosen" if kind == chosen else "")
        parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(kind)}</text>')
        parts += [
            f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 16}"/>'
            for x in (left + span * (level + 1) / 2 for level in levels)
        ]
    bottom = height + 12 + len(grids) * lane
    for value, text in ((-1, "−max"), (0, "0"), (1, "max")):
        x = left + span * (value + 1) / 2
        anchor = "end" if value == 1 else "start" if value == -1 else "middle"
        parts.append(
            f'<text class="axis" x="{x:.1f}" y="{bottom + 12}" text-anchor="{anchor}">{text}</text>'
        )
    return _picture(_WIDTH, bottom + 18, "".join(parts), label)


def scatter(
    marks: Sequence[Mark], *, x_title: str, y_title: str, steps: Sequence[tuple[float, float]] = ()
) -> str:
    """Positive numbers as dots between two logarithmic axes; later marks cover earlier ones.

    Parameters
    ----------
    marks
        The dots. Labels keep clear of each other as far as there is room.
    steps
        Corners of a front that falls to the right: it is drawn as steps.
    """
    left, right, top, bottom = 52, _WIDTH - 12, 8, 330
    x_low, x_high = _decades([mark.x for mark in marks])
    y_low, y_high = _decades([mark.y for mark in marks])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_low) / (x_high - x_low)
        up = (math.log10(y) - y_low) / (y_high - y_low)
        return left + across * (right - left), bottom - up * (bottom - top)

    parts = []
    for value in _ticks(x_low, x_high):
        x, _ = place(value, 10**y_low)
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
            f'<text class="axis" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">'
            f"{_short(value)}</text>"
        )
    for value in _ticks(y_low, y_high):
        _, y = place(10**x_low, value)
        parts.append(
            f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="axis" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{_short(value)}</text>"
        )
    middle = (top + bottom) / 2
    parts.append(
        f'<text class="axis" x="{(left + right) / 2}" y="{bottom + 30}" text-anchor="middle">'
        f"{escape(x_title)}</text>"
        f'<text class="axis" x="12" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 12 {middle})">{escape(y_title)}</text>'
    )
    corners = [place(x, y) for x, y in steps]
    if corners:
        path = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}" + "".join(
            f"H{x:.1f}V{y:.1f}" for x, y in corners[1:]
        )
        parts.append(f'<path class="front" d="{path}"/>')
    dots = [(mark, *place(mark.x, mark.y)) for mark in marks]
    for mark, x, y in dots:
        size = 4.5 if mark.label else 2.2
        parts.append(f'<circle class="{mark.style}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>')
    named = [(mark.label, x, y) for mark, x, y in dots if mark.label]
    parts += _labels(named, (left, top, right, bottom))
    told = "; ".join(
        f"{mark.label}: {_short(mark.x)}, {_short(mark.y)}" for mark in marks if mark.label
    )
    return _picture(_WIDTH, bottom + 38, "".join(parts), f"{y_title} against {x_title}: {told}")


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis, as logarithms, with some room around the values."""
    logs = [math.log10(value) for value in values]
    room = 0.06 * (max(logs) - min(logs)) + 0.05
    return min(logs) - room, max(logs) + room


def _ticks(low: float, high: float) -> Iterator[float]:
    """Powers of ten between two logarithms; where there are few, 2 and 5 times as much too."""
    factors = (1,) if high - low > 2.5 else (1, 2, 5)
    for decade in range(math.floor(low), math.ceil(high) + 1):
        for factor in factors:
            if low <= math.log10(factor) + decade <= high:
                yield factor * 10.0**decade


def _short(value: float) -> str:
    """``25k``, ``1.5M``."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


_LABEL_HIGH, _LABEL_PER_CHARACTER = 13, 6.2


def _labels(
    named: Sequence[tuple[str, float, float]], frame: tuple[float, float, float, float]
) -> Iterator[str]:
    """Labels beside their dots: of eight places each, the first that is free."""
    left, top, right, bottom = frame
    taken = [(x - 5, y - 5, x + 5, y + 5) for _, x, y in named]
    for text, x, y in named:
        wide = _LABEL_PER_CHARACTER * len(text)
        places = [
            (x + dx - wide * anchor, y + dy)
            for dx, dy, anchor in ((8, 4, 0), (-8, 4, 1), (0, -9, 0.5), (0, 17, 0.5), (7, -7, 0),
                                   (7, 15, 0), (-7, -7, 1), (-7, 15, 1))
        ]  # fmt: skip
        boxes = [(px, py - _LABEL_HIGH + 3, px + wide, py + 3) for px, py in places]
        free = [
            (place, box) for place, box in zip(places, boxes, strict=True)
            if box[0] >= left and box[2] <= right and box[1] >= top and box[3] <= bottom
            and not any(_meet(box, other) for other in taken)
        ]  # fmt: skip
        (px, py), box = free[0] if free else (places[0], boxes[0])
        taken.append(box)
        yield f'<text class="label" x="{px:.1f}" y="{py:.1f}">{escape(text)}</text>'


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def digit(pixels: Sequence[float], side: int, label: str) -> str:
    """A square picture: pixels in 0..1, as ink on the page's ground."""
    dots = "".join(
        f'<rect x="{index % side}" y="{index // side}" width="1.02" height="1.02" '
        f'fill-opacity="{value:.2f}"/>'
        for index, value in enumerate(pixels)
        if value
    )
    return _picture(side, side, f'<g class="ink">{dots}</g>', label)


def _picture(width: float, height: float, content: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label, quote=True)}">'
        f"{content}</svg>"
    )
