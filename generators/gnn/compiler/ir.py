"""Operators that networks are made of: values on vertices and values on edges; brief section 3.

A value on vertices is a row of integers for each vertex, one on edges a row for each edge. Values
know their arguments, and nothing else knows them: what follows from the output is the network.

Widths are those of memory: a head, or a part of a concatenation, may be followed by columns that
nobody reads. `lowering` knows which columns count.

A `Gather` reduces over the in-edges of each vertex, of the graph as it is or of the looped one.
What it reduces is a value on edges, or the sources' rows, each times a scalar of the source or
times the element `column >> shift` of a value on edges. The latter never exist on edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....golden.gnn.fixed import MAX_MULTIPLIER, MAX_SHIFT, Multiplier
from ....golden.gnn.graph import Integers
from ....hw.gnn.instruction import ElementType, Opcode

__all__ = [
    "BITS", "Broadcast", "Concat", "Elementwise", "Exponential", "FromDestination", "FromSource",
    "Gather", "Input", "MatMul", "PerVertex", "Reciprocal", "Reduce", "RowScale", "Slice",
    "SourceScalar", "Value", "View",
]  # fmt: skip

I8, I16, I32 = ElementType.I8, ElementType.I16, ElementType.I32
BITS = {I8: 8, I16: 16, I32: 32}

_MOST_ELEMENTS = (1 << 16) - 1
_IMMEDIATE = 1 << 23
_BINARY = (Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY)
_UNARY = (Opcode.RQ, Opcode.LRELU, Opcode.LUT8, Opcode.FIXMIN)


def _require(condition: bool, line: str) -> None:
    if not condition:
        raise InputError(line)


class Reduce(Enum):
    """How in-edges are reduced; nothing becomes 0, or -32768 in a maximum."""

    SUM = "sum"
    MAX = "max"


@dataclass(frozen=True, eq=False, kw_only=True)
class Value:
    """A value of `width` integers a row.

    Attributes
    ----------
    name
        What listings call it.
    type
        Type of its elements; on edges always i16.
    width
        Elements of a row.
    """

    name: str
    type: ElementType
    width: int

    @property
    def on_edges(self) -> bool:
        """Whether it has a row for each edge, not for each vertex."""
        return False

    def __post_init__(self) -> None:
        _require(
            1 <= self.width <= _MOST_ELEMENTS,
            f"width of {self.name} must be 1..{_MOST_ELEMENTS}, not {self.width}",
        )
        _require(
            not self.on_edges or self.type is I16,
            f"type of {self.name} must be I16 on edges, not {self.type.name}",
        )

    def _same_width(self, *others: Value) -> None:
        for other in others:
            _require(
                other.width == self.width,
                f"width of {other.name} in {self.name} must be {self.width}, not {other.width}",
            )

    def _vertices(self, *others: Value) -> None:
        for other in others:
            _require(
                not other.on_edges, f"{other.name} in {self.name} must be on vertices, not on edges"
            )

    def _edges(self, *others: Value) -> None:
        for other in others:
            _require(
                other.on_edges, f"{other.name} in {self.name} must be on edges, not on vertices"
            )

    def _typed(self, value: Value, *types: ElementType) -> None:
        allowed = " or ".join(each.name for each in types)
        _require(
            value.type in types,
            f"type of {value.name} in {self.name} must be {allowed}, not {value.type.name}",
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Input(Value):
    """What the user gives: i8."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PerVertex(Value):
    """Constants [N, width]; packed multipliers of RQROW are i32 and one a row."""

    values: Integers

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(
            self.type is not I32 or self.width == 1,
            f"width of {self.name} must be 1 in I32, not {self.width}",
        )
        _require(
            self.values.ndim == 2 and self.values.shape[1] == self.width,
            f"values of {self.name} must be [N, {self.width}], not {list(self.values.shape)}",
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Broadcast(Value):
    """Constants [width], the same for all vertices: the second argument of ADD, SUB, MUL, AXPY."""

    values: Integers

    def __post_init__(self) -> None:
        super().__post_init__()
        self._typed(self, I8, I16)
        _require(
            self.values.shape == (self.width,),
            f"values of {self.name} must be [{self.width}], not {list(self.values.shape)}",
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class View(Value):
    """Columns of other values where they are, or values side by side: no instruction."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(View):
    """Values side by side; part i starts at column `starts[i]`."""

    parts: tuple[Value, ...]
    starts: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._vertices(*self.parts)
        end = 0
        for part, start in zip(self.parts, self.starts, strict=True):
            self._typed(part, self.type)
            _require(start >= end, f"start of {part.name} must be at least {end}, not {start}")
            end = start + part.width
        self._typed(self, I8, I16)
        _require(end == self.width, f"width of {self.name} must be {end}, not {self.width}")

    @classmethod
    def of(cls, name: str, parts: tuple[Value, ...], align: int) -> Concat:
        """Return values side by side, each at a multiple of `align` elements."""
        starts, end = [], 0
        for part in parts:
            starts.append(-(-end // align) * align)
            end = starts[-1] + part.width
        return cls(name=name, type=parts[0].type, width=end, parts=parts, starts=tuple(starts))


@dataclass(frozen=True, eq=False, kw_only=True)
class Slice(View):
    """Columns `start ... start + width - 1`; `start` at the beginning of a word."""

    a: Value
    start: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._vertices(self.a)
        self._typed(self.a, self.type)
        most = self.a.width - self.width
        _require(
            0 <= self.start <= most, f"start of {self.name} must be 0..{most}, not {self.start}"
        )

    @classmethod
    def of(cls, a: Value, name: str, start: int, width: int) -> Slice:
        """Return columns of a value."""
        return cls(name=name, type=a.type, width=width, a=a, start=start)


@dataclass(frozen=True, eq=False, kw_only=True)
class MatMul(Value):
    """`RQ(a weights + bias)`: a i8, weights i8 [K, N], bias i32 [N]; to i8 or i16."""

    a: Value
    weights: Integers
    bias: Integers
    by: Multiplier
    relu: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._vertices(self.a)
        self._typed(self.a, I8)
        self._typed(self, I8, I16)
        shape = (self.a.width, self.width)
        _require(
            self.weights.shape == shape,
            f"weights of {self.name} must be {list(shape)}, not {list(self.weights.shape)}",
        )
        _require(
            bool((np.abs(self.weights + 0.5) < 128).all()),
            f"weights of {self.name} must be in -128..127, not {np.abs(self.weights).max()}",
        )
        _require(
            self.bias.shape == (self.width,),
            f"bias of {self.name} must be [{self.width}], not {list(self.bias.shape)}",
        )
        _check_multiplier(self.name, self.by)


@dataclass(frozen=True, eq=False, kw_only=True)
class Elementwise(Value):
    """ADD, SUB, MUL, AXPY `(a << shift) + b imm`, RQ, LRELU, LUT8 or FIXMIN, on vertices or edges.

    Results saturate to i8 or i16 and wrap in i32.
    """

    op: Opcode
    a: Value
    b: Value | None = None
    imm: int = 0
    shift: int = 0
    by: Multiplier | None = None
    relu: bool = False
    table: Integers | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        op = self.op
        _require(
            op in _BINARY or op in _UNARY,
            f"op of {self.name} must be element-wise, not {op.name}",
        )
        _require(
            (self.b is not None) == (op in _BINARY),
            f"b of {self.name} must be there for {', '.join(each.name for each in _BINARY)} only",
        )
        others = [self.a] if self.b is None else [self.a, self.b]
        self._same_width(*others)
        for other in others:
            _require(
                other.on_edges == self.on_edges,
                f"{other.name} in {self.name} must be on {'edges' if self.on_edges else 'vertices'}"
                f" like the result",
            )
        _require(
            not isinstance(self.a, Broadcast), f"a of {self.name} must have a row for each vertex"
        )
        if op is Opcode.MUL and self.b is not None:
            self._typed(self.b, I8, I16)
        if op is Opcode.LUT8:
            self._typed(self.a, I8)
            self._typed(self, I8)
        _require(
            (self.table is not None) == (op is Opcode.LUT8),
            f"table of {self.name} must be there for LUT8 only",
        )
        _require(
            (self.by is not None) == (op is Opcode.RQ),
            f"by of {self.name} must be there for RQ only",
        )
        if self.by is not None:
            _check_multiplier(self.name, self.by)
        _require(
            not self.relu or op is Opcode.RQ, f"relu of {self.name} must be False but for RQ"
        )
        _require(
            -_IMMEDIATE <= self.imm < _IMMEDIATE,
            f"imm of {self.name} must be {-_IMMEDIATE}..{_IMMEDIATE - 1}, not {self.imm}",
        )
        _require(0 <= self.shift <= 15, f"shift of {self.name} must be 0..15, not {self.shift}")

    @cached_property
    def on_edges(self) -> bool:
        """Where its argument is; kept from the beginning, as arguments may be thousands deep."""
        return self.a.on_edges


@dataclass(frozen=True, eq=False, kw_only=True)
class RowScale(Value):
    """RQROW: RQ by the packed multiplier of the row, or by element `column >> shift` of b (i32)."""

    a: Value
    b: Value
    shift: int = 0
    relu: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._vertices(self.a, self.b)
        self._same_width(self.a)
        self._typed(self.b, I32)
        _require(
            self.b.width == 1 or (self.width - 1) >> self.shift < self.b.width,
            f"shift of {self.name} must give each of {self.width} columns one of {self.b.width} "
            f"factors, not {self.shift}",
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Reciprocal(Value):
    """RECIP: packed multipliers of 1 / a, i32."""

    a: Value

    def __post_init__(self) -> None:
        super().__post_init__()
        self._vertices(self.a)
        self._same_width(self.a)
        self._typed(self.a, I32)
        self._typed(self, I32)


class _EdgeValue(Value):
    """A value with a row for each edge."""

    @property
    def on_edges(self) -> bool:
        """It is."""
        return True


@dataclass(frozen=True, eq=False, kw_only=True)
class FromSource(_EdgeValue):
    """The row of an edge's source, to i16."""

    a: Value

    def __post_init__(self) -> None:
        super().__post_init__()
        self._vertices(self.a)
        self._same_width(self.a)
        self._typed(self.a, I8, I16)


@dataclass(frozen=True, eq=False, kw_only=True)
class FromDestination(_EdgeValue):
    """The row of an edge's destination, saturated to i16."""

    a: Value

    def __post_init__(self) -> None:
        super().__post_init__()
        self._vertices(self.a)
        self._same_width(self.a)


@dataclass(frozen=True, eq=False, kw_only=True)
class Exponential(_EdgeValue):
    """EXP2N: `2^(-((maximum of the destination - a) mod 2^16) / 256)` with `bits` of fraction."""

    a: Value
    maximum: Value
    bits: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._edges(self.a)
        self._vertices(self.maximum)
        self._same_width(self.a, self.maximum)
        _require(1 <= self.bits <= 14, f"bits of {self.name} must be 1..14, not {self.bits}")


@dataclass(frozen=True, eq=False)
class SourceScalar:
    """An i16 for each vertex as a source."""

    values: NDArray[np.int16]


@dataclass(frozen=True, eq=False, kw_only=True)
class Gather(Value):
    """The reduction over in-edges of a value on edges, or of the sources' rows; to i32."""

    how: Reduce
    a: Value
    scale: SourceScalar | Value | None = None
    shift: int = 0
    looped: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        self._same_width(self.a)
        self._typed(self.a, I8, I16)
        self._typed(self, I32)
        if self.scale is None:
            return
        _require(
            self.how is Reduce.SUM, f"scale of {self.name} must be absent from a maximum"
        )
        self._vertices(self.a)
        self._typed(self.a, I8)
        if isinstance(self.scale, Value):
            self._edges(self.scale)
            _require(
                (self.width - 1) >> self.shift < self.scale.width,
                f"shift of {self.name} must give each of {self.width} columns one of "
                f"{self.scale.width} factors, not {self.shift}",
            )


def _check_multiplier(name: str, by: Multiplier) -> None:
    _require(
        0 <= by.m <= MAX_MULTIPLIER and 0 <= by.s <= MAX_SHIFT,
        f"by of {name} must be m 0..{MAX_MULTIPLIER} and s 0..{MAX_SHIFT}, not {by.m} and {by.s}",
    )
