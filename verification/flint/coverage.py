"""What the tiles of a test have exercised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..coverage import Coverage
from .stimulus import Design, Integers, Outcome, Tile

__all__ = ["cover", "declare"]

_DEPTHS = ((0, "0"), (1, "1"), (2, "2"), (7, "3..7"), (63, "8..63"))
_DEEP = "64 or more"
_DEEPEST = "max_k"
_OPERANDS = ("least", "0", "largest", "between")


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
    for name, formats in (("activation", design.activations), ("weight", design.weights)):
        for each in formats:
            coverage.declare(f"{name} {each}", _OPERANDS)
    coverage.declare("accumulator", ("least", "below 0", "0", "above 0", "largest"))
    if len(design.activations) * len(design.weights) > 1:
        coverage.declare("types between tiles", ("kept", "switched"))
    if design.bias_bits:
        coverage.declare("bias", ("least", "largest", "0", "between"))
    if design.results:
        coverage.declare("result type", map(str, design.results))
        coverage.declare("relu", ("off", "on"))
        coverage.declare("result", ("least", "between", "largest"))
    if design.max_depth > deepest:
        coverage.excuse(
            "accumulator", ("least", "largest"),
            f"max_k = {design.max_depth} products are more than a tile of the testbench has",
        )  # fmt: skip
    _excuse_streams(coverage, design)


def _excuse_streams(coverage: Coverage, design: Design) -> None:
    """What the handshakes of the array rule out, whatever the traffic."""
    once = "a tile takes one beat of it, and the next tile is not begun in the cycle after"
    paired = "the controller is ready only for what is offered: it waits for all its inputs at once"
    once_per_tile = ["tile", *(["bias"] if design.bias_bits else [])]
    once_per_tile += ["scale"] if design.results else []
    for name in once_per_tile:
        coverage.excuse(f"stream {name}", ("back to back",), once)
    if design.rows == 1:
        coverage.excuse("stream result", ("back to back",), "a tile has one row; " + once)
    elif design.manifest.latency["output_rows"] == 1:
        coverage.excuse(
            "stream result", ("back to back",),
            "output_depth is 1: a row leaves the array when the one before it has been taken",
        )  # fmt: skip
    for name in (*once_per_tile, "activation", "weight"):
        coverage.excuse(f"stream {name}", ("idle",), paired)


def cover(
    coverage: Coverage, design: Design, tiles: Sequence[Tile], outcomes: Sequence[Outcome]
) -> None:
    """Count what tiles that follow each other exercise."""
    before: Tile | None = None
    least, largest = design.bias_range
    bounds = _bounds(design)
    for tile, outcome in zip(tiles, outcomes, strict=True):
        legal = "" if tile.legal else " (not built in)"
        coverage.hit("types", f"{tile.activation} x {tile.weight}{legal}")
        coverage.hit("depth", _depth(tile.depth, design.max_depth))
        if tile.legal:
            _cover_operands(coverage, f"activation {tile.activation}", tile.activation.values,
                            tile.activations)  # fmt: skip
            _cover_operands(coverage, f"weight {tile.weight}", tile.weight.values, tile.weights)
        sums = outcome.accumulators
        for name, count in (
            ("below 0", sums < 0), ("0", sums == 0), ("above 0", sums > 0),
            ("least", sums == bounds[0]), ("largest", sums == bounds[1]),
        ):  # fmt: skip
            coverage.hit("accumulator", name, int(np.count_nonzero(count)))
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


def _cover_operands(coverage: Coverage, point: str, values: Integers, codes: Integers) -> None:
    found = values[codes]
    for name, which in (
        ("least", found == values.min()), ("0", found == 0), ("largest", found == values.max()),
        ("between", (found > values.min()) & (found < values.max()) & (found != 0)),
    ):  # fmt: skip
        coverage.hit(point, name, int(np.count_nonzero(which)))


def _bounds(design: Design) -> tuple[int, int]:
    """Least and largest sum of ``max_k`` products and a bias."""
    products = [
        int(a) * int(w)
        for activation in design.activations
        for weight in design.weights
        for a in (activation.values.min(), activation.values.max())
        for w in (weight.values.min(), weight.values.max())
    ]
    least, largest = design.bias_range
    return min(products) * design.max_depth + least, max(products) * design.max_depth + largest


def _depth(depth: int, max_depth: int) -> str:
    if depth == max_depth:
        return _DEEPEST
    if depth > max_depth:
        return "above max_k"
    return next((name for most, name in _DEPTHS if depth <= most), _DEEP)
