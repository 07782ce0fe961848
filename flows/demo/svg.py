"""Charts as SVG text, coloured by the page's style sheet: readable in light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["bars", "digit", "histogram"]

# Narrow enough that text is still legible where a telephone shows the whole picture.
_WIDTH, _ROW, _LABEL, _VALUE = 420, 26, 104, 62


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
