"""Area of an engine from its structure, in gate equivalents of the built-in technology.

Counted are the bits of partial products (a selector and a full adder each, `_PRODUCT_BIT`), bits of
sums (`_SUM_BIT`: carry-save adders and registers, by level), registers of operands, and what
brings the results out (`_RESULT_BIT`, for each column or result and bit of the sums). The
coefficients are those of engines of 2 x 2 elements of 8 x 8 bits with 32-bit sums, synthesised with
the fast recipes; ``tests/generators/tpe/areas.json`` holds what was measured, there and at other
sizes and widths, and a test the error.
"""

from __future__ import annotations

from ...golden.tpe.encodings import digit_count
from .config import Level, TpeConfig
from .engine import Array

__all__ = ["area"]

_PRODUCT_BIT = 8.3
_ENCODED_DIGIT = {"booth": 6.0, "naf": 9.2, "ent": 12.5}

_SUM_BIT = {
    Level.MAC: (25.0, 15.0), Level.BEHAVIOURAL: (25.0, 15.0), Level.OPT1: (22.1, 6.6),
    Level.OPT1_ROW: (20.5, 6.6), Level.OPT1_SHARED: (19.4, 6.6),
}  # fmt: skip
"""Of an element with one product, and of each further product that it adds."""

_SAME_WEIGHT_BIT, _SHIFTED_BIT = 12.4, 37.0
"""OPT2: of products of one weight, and of the sum of all weights."""

_RESULT_BIT = {
    Array.SYSTOLIC_OS: {Level.OPT1: 31.5, Level.OPT1_SHARED: 60.0, Level.MAC: 28.8},
    Array.MATRIX_2D: {
        Level.OPT1: 44.8, Level.OPT1_SHARED: 75.5, Level.MAC: 38.0, Level.OPT2: 92.0,
    },
    Array.CUBE: {},
}  # fmt: skip
"""Of a column; cube has all results at once, each with an addition of its own."""

_RESOLVED_BIT = 16.5
_PASSED_BIT, _EDGE_BIT = 13.0, 8.4
"""A register of an operand between elements, with its enable, and one at the border."""

_LANE_BIT = {Level.OPT4C: 11.8, Level.OPT4E: 10.0}
_BUFFER_BIT = 7.9
_SERIAL_ELEMENT = {Level.OPT4C: (768.0, 429.0), Level.OPT4E: (883.0, 677.0 / 4)}
_SERIAL_ROW = {Level.OPT4C: 1870.0, Level.OPT4E: 1450.0}


def area(config: TpeConfig) -> float | None:
    """Return the estimated area; None for arrays that were not measured."""
    rows, cols = float(config.option("rows")), float(config.option("cols"))
    level = config.resolved_level
    digits = digit_count(config.resolved_encoding.value, config.a_width, config.a_signed)
    sums, width = config.accumulator_bits, config.b_width + 1
    encoders = digits * _ENCODED_DIGIT.get(config.resolved_encoding.value, 12.5)
    shared = level not in (Level.MAC, Level.BEHAVIOURAL, Level.OPT1)
    sent = 3 * digits if shared else config.a_width
    if config.array is Array.DIGIT_SERIAL:
        return _digit_serial(config, digits, encoders)
    if config.array not in _RESULT_BIT:
        return None
    side_by_side = {Array.CUBE: "depth", Array.MATRIX_2D: "lanes"}.get(config.array)
    products = float(config.option(side_by_side)) if side_by_side else 1.0
    if level is Level.OPT2:
        element = digits * products * width * _SAME_WEIGHT_BIT + sums * _SHIFTED_BIT
    else:
        first, further = _SUM_BIT[level]
        element = products * digits * width * _PRODUCT_BIT + sums * (
            first + further * (products - 1)
        )
    encoded = rows * products * (1 if shared else cols) * encoders
    if config.array is Array.CUBE:
        results = rows * cols * sums * _RESOLVED_BIT
    else:
        known = _RESULT_BIT[config.array]
        results = cols * sums * known.get(level, known[Level.OPT1])
    edge = products * (rows * sent + cols * config.b_width)
    if config.array is Array.SYSTOLIC_OS:
        skew = (rows * (rows - 1) * sent + cols * (cols - 1) * config.b_width) / 2
        moved = (rows * cols * (sent + config.b_width) + skew) * _PASSED_BIT
    else:
        moved = edge * _EDGE_BIT
    multiplier = 0.0 if level in (Level.MAC, Level.BEHAVIOURAL) else encoded
    return rows * cols * element + multiplier + results + moved


def _digit_serial(config: TpeConfig, digits: int, encoders: float) -> float:
    rows, cols = float(config.option("rows")), float(config.option("cols"))
    lanes, depth = float(config.option("lanes")), float(config.option("depth"))
    level = config.resolved_level
    # Scaled from what was measured: 8 bits of B, sums of 32 bits.
    by_sum, by_operand = config.accumulator_bits / 32, (config.b_width + 1) / 9
    own, lane = _SERIAL_ELEMENT[level]
    return (
        rows * cols * (own * by_sum + lanes * lane * by_operand)
        + rows * 2 * depth * 3 * digits * _LANE_BIT[level]
        + cols * 2 * depth * config.b_width * _BUFFER_BIT
        + rows * _SERIAL_ROW[level] * by_sum
        + rows * lanes * encoders
    )
