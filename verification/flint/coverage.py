"""What the tiles of a test have exercised."""

from __future__ import annotations

from collections.abc import Sequence

from ..coverage import Coverage
from .stimulus import Design, Outcome, Tile

__all__ = ["cover", "declare"]

_DEPTHS = ((0, "0"), (1, "1"), (2, "2"), (7, "3..7"), (63, "8..63"))
_DEEP = "64 or more"
_DEEPEST = "max_k"


def declare(coverage: Coverage, design: Design, *, deepest: int) -> None:
    """Declare every bin that a run of all tests should hit.

    Parameters
    ----------
    coverage
        Where to declare them.
    design
        The design.
    deepest
        The most beats of a tile in the tests.
    """
    coverage.declare("types", (f"{a} x {w}" for a in design.activations for w in design.weights))
    depths = [name for depth, name in _DEPTHS if depth < design.max_depth]
    if design.max_depth <= deepest:
        depths.append(_DEEPEST)
    if design.max_depth > 64:
        depths.append(_DEEP)
    coverage.declare("depth", depths)
    if len(design.activations) * len(design.weights) > 1:
        coverage.declare("types between tiles", ("kept", "switched"))
    if design.bias_bits:
        coverage.declare("bias", ("least", "largest", "0", "between"))
    if design.results:
        coverage.declare("result type", map(str, design.results))
        coverage.declare("relu", ("off", "on"))
        coverage.declare("result", ("least", "between", "largest"))


def cover(
    coverage: Coverage, design: Design, tiles: Sequence[Tile], outcomes: Sequence[Outcome]
) -> None:
    """Count what tiles that follow each other exercise."""
    before: Tile | None = None
    least, largest = design.bias_range
    for tile, outcome in zip(tiles, outcomes, strict=True):
        legal = "" if tile.legal else " (not built in)"
        coverage.hit("types", f"{tile.activation} x {tile.weight}{legal}")
        coverage.hit("depth", _depth(tile.depth, design.max_depth))
        if before is not None:
            same = (before.activation, before.weight) == (tile.activation, tile.weight)
            coverage.hit("types between tiles", "kept" if same else "switched")
        before = tile
        if design.bias_bits:
            for bias in tile.bias.tolist():
                named = {least: "least", largest: "largest", 0: "0"}
                coverage.hit("bias", named.get(bias, "between"))
        if tile.result is not None:
            coverage.hit("result type", str(tile.result))
            coverage.hit("relu", "on" if tile.relu else "off")
            values = tile.result.values[outcome.results]
            ends = [int(tile.result.values[code]) for code in tile.result.extremes]
            low, high = (int((values == end).sum()) for end in ends)
            coverage.hit("result", "least", low)
            coverage.hit("result", "largest", high)
            coverage.hit("result", "between", values.size - low - high)


def _depth(depth: int, max_depth: int) -> str:
    if depth == max_depth:
        return _DEEPEST
    if depth > max_depth:
        return "above max_k"
    return next((name for most, name in _DEPTHS if depth <= most), _DEEP)
