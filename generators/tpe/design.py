"""From a config to hardware: which array, with which parameters, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...hw.arith.digit_encoder import Encoding
from ...hw.tpe.adder_tree import AdderTree, AdderTreeParameters
from ...hw.tpe.array_parameters import Level
from ...hw.tpe.cube import Cube, CubeParameters
from ...hw.tpe.digit_row import DigitSource
from ...hw.tpe.digit_serial_grid import DigitSerialGrid, DigitSerialGridParameters
from ...hw.tpe.laconic_array import FILL, LaconicArray, LaconicArrayParameters
from ...hw.tpe.matrix_2d import Matrix2d, Matrix2dParameters
from ...hw.tpe.parameters import OperandParameters
from ...hw.tpe.systolic_os import SystolicOs, SystolicOsParameters
from ...hw.tpe.systolic_ws import SystolicWs, SystolicWsParameters
from ..registry import Details
from .config import TpeConfig
from .engine import Array, Engine

if TYPE_CHECKING:
    from ...hw.unit import Unit

__all__ = ["details", "engine", "parameters", "top"]

_UNITS: dict[Array, tuple[type[Any], type[Unit]]] = {
    Array.SYSTOLIC_OS: (SystolicOsParameters, SystolicOs),
    Array.SYSTOLIC_WS: (SystolicWsParameters, SystolicWs),
    Array.CUBE: (CubeParameters, Cube),
    Array.TREE: (AdderTreeParameters, AdderTree),
    Array.MATRIX_2D: (Matrix2dParameters, Matrix2d),
    Array.DIGIT_SERIAL: (DigitSerialGridParameters, DigitSerialGrid),
    Array.LACONIC: (LaconicArrayParameters, LaconicArray),
}

_OPTIONS = {
    Array.SYSTOLIC_OS: ("rows", "cols"),
    Array.SYSTOLIC_WS: ("cols", "depth"),
    Array.CUBE: ("rows", "cols", "depth", "group", "accumulate"),
    Array.TREE: ("cols", "depth", "group", "accumulate"),
    Array.MATRIX_2D: ("rows", "cols", "lanes"),
    Array.DIGIT_SERIAL: ("rows", "cols", "depth", "lanes", "group", "minimum"),
    Array.LACONIC: ("rows", "cols", "lanes"),
}
"""The options that are parameters of the same name."""


def parameters(config: TpeConfig) -> Any:
    """Return the parameters of the top unit.

    Raises
    ------
    ValueError
        The hardware refuses them: with a sentence that names the field, what is allowed and the
        value.
    """
    operands = OperandParameters(
        config.a_width, config.a_signed, config.b_width, config.b_signed
    )
    values: dict[str, Any] = {name: config.option(name) for name in _OPTIONS[config.array]}
    if config.array is not Array.LACONIC:
        values["level"] = Level(config.resolved_level.value)
    if config.array is Array.DIGIT_SERIAL:
        values["source"] = DigitSource(config.option("source"))
    narrow = config.result_bits < config.accumulator_bits
    return _UNITS[config.array][0](
        operands=operands,
        accumulator_width=config.accumulator_bits,
        encoding=Encoding(config.resolved_encoding.value),
        result_width=config.result_bits if narrow else None,
        saturate=config.saturate,
        resolve_stages=config.resolve_stages,
        c_input=config.c_input,
        back_pressure=config.back_pressure,
        **values,
    )


def top(config: TpeConfig) -> Unit:
    """Return the top unit of a config."""
    return _UNITS[config.array][1](parameters(config))


def engine(config: TpeConfig) -> Engine:
    """Return what a driver must know of the design of a config."""
    p = parameters(config)
    lazy = config.array in (Array.DIGIT_SERIAL, Array.LACONIC)
    return Engine(
        array=config.array.value,
        rows=config.option("rows"),
        cols=config.option("cols"),
        depth=config.option("depth"),
        lanes=config.option("lanes"),
        group=config.option("group") if config.array is Array.DIGIT_SERIAL else 0,
        minimum=config.option("minimum"),
        accumulate=bool(config.option("accumulate")),
        source=config.option("source"),
        encoding=config.resolved_encoding.value,
        a_width=config.a_width,
        a_signed=config.a_signed,
        b_width=config.b_width,
        b_signed=config.b_signed,
        accumulator_bits=config.accumulator_bits,
        result_bits=config.result_bits,
        saturate=config.saturate,
        c_input=config.c_input,
        result_latency=p.latency + (FILL if config.array is Array.LACONIC else 0),
        clearance=p.spacing - p.rows if lazy else 0,
        release=getattr(p, "release_cycles", 0),
    )


def details(config: TpeConfig) -> Details:
    """Return what the manifest says: streams, cycles, and why no sum overflows."""
    told = engine(config)
    return Details(
        meanings=_meanings(told),
        latency=told.latency_figures | {
            "latency": f"{told.result_latency} cycles {_SPAN[told.kind.keeps_sums]}",
            "accumulator": accumulator_proof(config),
        },
        throughput=told.shape_figures | {
            "level": config.resolved_level.value,
            "most_per_cycle": f"{told.model.capacity} {_UNITS_OF_WORK.get(told.kind, 'products')}",
            "cycles_per_tile": _tile_cycles(told),
        },
    )


_UNITS_OF_WORK = {
    Array.DIGIT_SERIAL: "digits of A times numbers of B", Array.LACONIC: "pairs of digits",
}  # fmt: skip

_SPAN = {
    True: "from a tile's last step to its first row of results",
    False: "from a step to its results",
}


def accumulator_proof(config: TpeConfig) -> str:
    """Return a line that says which sums are exact, and why."""
    low, high = config.products
    bits, most = config.accumulator_bits, config.exact_products
    if most == 0:
        return f"{bits} bits do not hold every product of {low}..{high}: sums are modulo 2^{bits}"
    line = (
        f"{bits} bits hold every sum of {most} products of {low}..{high}: {most} * {low} >= "
        f"{-(1 << bits - 1)} and {most} * {high} <= {(1 << bits - 1) - 1}; longer sums are "
        f"modulo 2^{bits}"
    )
    return line + (", as are those with C" if config.c_input else "")


def _tile_cycles(told: Engine) -> str:
    rows, cols, depth, lanes = told.rows, told.cols, told.depth, told.lanes
    shared = f"{rows} x {cols} results of K products"
    match told.kind:
        case Array.SYSTOLIC_OS:
            return f"max(K, {rows}) for {shared}"
        case Array.MATRIX_2D:
            steps = "K" if lanes == 1 else f"ceil(K / {lanes})"
            return f"max({steps}, {rows}) for {shared}"
        case Array.SYSTOLIC_WS:
            return (
                f"max(M, {told.release + cols}) for M rows of A and weights of {depth} x {cols}"
            )
        case Array.TREE:
            return f"max(M, {depth}) for M rows of A and weights of {depth} x {cols}"
        case Array.CUBE:
            return f"1 for {rows} x {depth} by {depth} x {cols}, a step"
        case Array.DIGIT_SERIAL:
            return (
                f"those of the row with most for {shared} of at most {depth}: over all weights, "
                "the sum of its lane with most digits, and at least 1; never below "
                f"ceil(K / {lanes}) + 1 nor {rows + told.clearance}"
            )
    return (
        f"for {shared}: over ceil(K / {lanes}) steps, the sum of the most pairs of digits that a "
        f"lane of any element has, and at least 1; never below {rows + told.clearance}"
    )


def _meanings(told: Engine) -> dict[str, str]:
    rows, cols, depth, lanes = told.rows, told.cols, told.depth, told.lanes
    a = {"operands": "columns of A", "digits": "the digits of columns of A"}.get(told.source, "")
    match told.kind:
        case Array.SYSTOLIC_OS | Array.MATRIX_2D:
            k = "a column of A and a row of B" if lanes == 1 else (
                f"{lanes} columns of A (element by element) and rows of B, 0 beyond K"
            )
            i = f"{k}; first starts new sums, last sends them out"
        case Array.SYSTOLIC_WS:
            i = "a row of A; last: the next row belongs to the next weights"
        case Array.TREE:
            sums = "first starts new sums, final sends them out; " if told.accumulate else ""
            i = f"a row of A; {sums}last: the next row belongs to the next weights"
        case Array.CUBE:
            sums = "; first starts new sums, last sends them out" if told.accumulate else ""
            i = f"{rows} rows of A and {depth} rows of B{sums}"
        case Array.DIGIT_SERIAL:
            i = f"{a + ' and ' if a else ''}rows of B, {lanes} k at a time; last ends the tile"
        case Array.LACONIC:
            i = (
                f"columns of A and rows of B, {lanes} k at a time, 0 beyond K; first starts new "
                "sums, last sends them out"
            )
    beat = f"{rows} rows" if told.kind is Array.CUBE else "a row"
    fit = "nearest to what fits" if told.saturate else "modulo 2^width"
    last = {True: "; last on the last row of a tile", False: "; last with that of its row of A"}
    end = "" if told.kind is Array.CUBE else last[told.kind.keeps_sums]
    plus = " + C" if told.c_input else ""
    return {
        "i": i,
        "w": f"a column of {depth} weights, {cols} for a tile" if told.kind is Array.SYSTOLIC_WS
        else f"a row of {cols} weights, {depth} for a tile",
        "c": f"{beat} of numbers that are added to {beat} of results",
        "o": f"{beat} of A B{plus}, {fit}{end}",
        "digits": "for each cycle of a row of A a digit of each lane and the slot of its operand; "
        "last: the weight is done",
    }
