"""Description of an array: everything about it that its cycles depend on.

An array multiplies `A [M, K]` by `B [K, N]` in tiles, one after another without a gap. A tile has
`steps`, cycles in which operands go in; how many, and what else it needs, is that of its dataflow:

=================  ========================  ========  ===============  ==========================
dataflow           tile, in order            steps     load             results
=================  ========================  ========  ===============  ==========================
output_stationary  rows x cols x tile_k,     its K     -                `rows` beats, shifted out
                   by M, then N, then K                                 during the next tile
weight_stationary  M x cols x depth,         M         `cols` cycles    one beat for each step
                   by N, then K
cube               rows x cols x depth,      1         -                one beat for each step
                   by M, then N, then K
tree               M x cols x depth,         M         `depth` cycles   one beat for each step
                   by N, then K
matrix             as output_stationary, but no operand moves from element to element, and a step
                   takes `depth` of K
digit_serial       as output_stationary      by data   -                as output_stationary
laconic            as output_stationary      by data   -                as output_stationary
=================  ========================  ========  ===============  ==========================

Weights load while the tile before is at work, and so do all operands where they are buffered. Sums
move to result registers of their own at the end of a tile; if the results before are still on their
way out, the tile is held until they are not, so that a tile takes `max(steps, rows)` cycles.
Source: the project's brief, section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ...errors import InputError
from .encodings import digit_count, parse_encoding

__all__ = [
    "ArrayDescription",
    "Dataflow",
    "DigitSerial",
    "Laconic",
    "Tile",
    "stretches",
]


class Dataflow(StrEnum):
    """How operands and sums move."""

    OUTPUT_STATIONARY = "output_stationary"
    WEIGHT_STATIONARY = "weight_stationary"
    CUBE = "cube"
    TREE = "tree"
    MATRIX = "matrix"
    DIGIT_SERIAL = "digit_serial"
    LACONIC = "laconic"

    @property
    def streams(self) -> bool:
        """Whether every step gives results, for sums do not stay in the array."""
        return self in (Dataflow.WEIGHT_STATIONARY, Dataflow.CUBE, Dataflow.TREE)

    @property
    def holds_weights(self) -> bool:
        return self in (Dataflow.WEIGHT_STATIONARY, Dataflow.TREE)


@dataclass(frozen=True, kw_only=True)
class DigitSerial:
    """How a row of a digit-serial array goes through the digits of A.

    Rows meet after every `barrier` operands, when each has waited for the slowest. A row has
    `lanes`; lane l takes every operand k, counted from the last meeting, with `k mod lanes == l`.

    With groups, between two meetings: the least weight first, and at each weight one group of
    `group` operands of the lane after another, the digits of that weight that are not 0 one in a
    cycle. Lanes share one sum of one weight, so they meet after each weight. Without groups
    (`group` None): one operand after another, the digits of each one in a cycle, and lanes meet
    when rows do.

    With `horner`, sums are multiplied by the radix between two weights, the highest of which is the
    first: each weight of each row takes at least one cycle. Operands then come for all lanes at a
    time, so that K counts as the next multiple of `lanes`, with operands 0.

    Attributes
    ----------
    encoding, width, signed
        How A is written.
    lanes
        Digits of one output in a cycle.
    group
        Operands among which digits are looked for, or None.
    minimum
        Cycles of a group, or without groups an operand, that has no digit: 0 or 1.
    barrier
        Operands between two meetings of the rows; None: the end of the tile only.
    horner
        Whether there is one sum for all weights; only with groups.
    """

    encoding: str
    width: int
    signed: bool
    lanes: int = 1
    group: int | None = 8
    minimum: int = 1
    barrier: int | None = None
    horner: bool = False

    def __post_init__(self) -> None:
        parse_encoding(self.encoding)
        digit_count(self.encoding, self.width, self.signed)
        _check_counts(self, ("lanes", "group", "barrier"))
        if self.horner and (self.group is None or self.barrier is not None):
            raise InputError(
                f"horner must be False without groups or with a barrier, not {self.horner}"
            )
        if self.minimum not in (0, 1):
            raise InputError(f"minimum must be 0 or 1, not {self.minimum}")


@dataclass(frozen=True, kw_only=True)
class Laconic:
    """A Laconic-style element: `lanes` pairs of operands at a time, a pair of digits in a cycle.

    A pair takes `max(1, digits of a * digits of b)` cycles; its lanes wait for the slowest.

    Attributes
    ----------
    encoding
        How both operands are written.
    a_width, a_signed, b_width, b_signed
        Their formats.
    lanes
        Pairs at a time.
    lock_step
        Whether all elements wait for the slowest after each group of lanes, as those do that
        receive the same operands at once; else each has operands of its own until the tile ends.
    """

    encoding: str = "naf"
    a_width: int = 8
    a_signed: bool = True
    b_width: int = 8
    b_signed: bool = True
    lanes: int = 16
    lock_step: bool = True

    def __post_init__(self) -> None:
        digit_count(self.encoding, self.a_width, self.a_signed)
        digit_count(self.encoding, self.b_width, self.b_signed)
        _check_counts(self, ("lanes",))


class Tile(NamedTuple):
    """Part of the product: half-open ranges of m, n and k."""

    m: range
    n: range
    k: range


@dataclass(frozen=True, kw_only=True)
class ArrayDescription:
    """An array. All figures are cycles or counts.

    Attributes
    ----------
    dataflow
        See the table above.
    rows, cols
        Outputs in parallel, of M and of N; weight_stationary and tree have one row.
    depth
        K in parallel: that of weight_stationary, cube, tree and matrix; else 1.
    tile_k
        K of one tile; None for all of it. Where every step gives results it is `depth`.
    work
        How digits are gone through, for digit_serial and laconic; None for the others.
    pipeline
        Registers from an operand at the edge to the sum that has it, skew apart: 2 are an edge
        register and the accumulator.
    skew
        Cycles by which the last element is behind the first; None for that of the dataflow: one for
        each neighbour that operands and sums pass on their way.
    result_latency
        Cycles from a step to the beat that has its results (from the last step to the first beat,
        where results are shifted out); None for pipeline + skew.
    load
        Cycles to load the weights of a tile; None for that of the dataflow.
    release
        Cycles from the start of a tile until the weights after its own may be loaded, since those
        that they replace are still on their way into use.
    beats
        Beats in which results are shifted out; None for `rows`.
    result_buffers
        2 where sums move to result registers at the end of a tile, 1 where the next tile waits for
        the results of the one before to leave.
    buffered
        Whether the operands of a tile come in while the tile before is at work, a `lanes`-th of its
        K in a cycle, and one cycle more; digit_serial only.
    clearance
        Cycles that a tile is held after the last results of the tile before have left, beyond those
        that its own need to follow at once.
    """

    dataflow: Dataflow
    rows: int = 1
    cols: int = 1
    depth: int = 1
    tile_k: int | None = None
    work: DigitSerial | Laconic | None = None
    pipeline: int = 2
    skew: int | None = None
    result_latency: int | None = None
    load: int | None = None
    beats: int | None = None
    result_buffers: int = 2
    buffered: bool = False
    clearance: int = 0
    release: int = 0

    def __post_init__(self) -> None:
        if self.dataflow not in list(Dataflow):
            allowed = ", ".join(Dataflow)
            raise InputError(f"dataflow must be one of {allowed}, not {self.dataflow!r}")
        _check_counts(self, ("rows", "cols", "depth", "tile_k", "beats"))
        for name in ("pipeline", "skew", "result_latency", "load", "clearance", "release"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InputError(f"{name} must be at least 0, not {value}")
        if self.result_buffers not in (1, 2):
            raise InputError(f"result_buffers must be 1 or 2, not {self.result_buffers}")
        flow = Dataflow(self.dataflow)
        object.__setattr__(self, "dataflow", flow)
        if self.rows != 1 and flow.holds_weights:
            raise InputError(f"rows must be 1 for {flow}, not {self.rows}")
        if self.depth != 1 and not (flow.streams or flow == Dataflow.MATRIX):
            raise InputError(f"depth must be 1 for {flow}, not {self.depth}")
        if self.tile_k is not None and flow.streams:
            raise InputError(f"tile_k must be left out for {flow}, not {self.tile_k}")
        if self.load is not None and not flow.holds_weights:
            raise InputError(f"load must be left out for {flow}, not {self.load}")
        if self.release and not flow.holds_weights:
            raise InputError(f"release must be 0 for {flow}, not {self.release}")
        if self.beats is not None and flow.streams:
            raise InputError(f"beats must be left out for {flow}, not {self.beats}")
        if self.result_buffers == 1 and flow.streams:
            raise InputError(f"result_buffers must be 2 for {flow}, not 1")
        if self.buffered and flow != Dataflow.DIGIT_SERIAL:
            raise InputError(f"buffered must be False for {flow}, not {self.buffered}")
        kinds = {Dataflow.DIGIT_SERIAL: "DigitSerial", Dataflow.LACONIC: "Laconic"}
        wanted = kinds.get(flow, "None")
        if wanted != ("None" if self.work is None else type(self.work).__name__):
            raise InputError(f"work must be {wanted} for {flow}, not {self.work!r}")

    @property
    def latency(self) -> int:
        """Cycles from a step to its results."""
        if self.result_latency is not None:
            return self.result_latency
        return self.pipeline + (self._skew if self.skew is None else self.skew)

    @property
    def _skew(self) -> int:
        across = {
            Dataflow.OUTPUT_STATIONARY: self.rows + self.cols - 2,
            Dataflow.WEIGHT_STATIONARY: self.depth + self.cols - 2,
            Dataflow.CUBE: self.rows + self.cols + self.depth - 3,
        }
        return across.get(self.dataflow, 0)

    @property
    def load_cycles(self) -> int:
        """Cycles to load the weights of a tile."""
        if self.load is not None:
            return self.load
        loads = {Dataflow.WEIGHT_STATIONARY: self.cols, Dataflow.TREE: self.depth}
        return loads.get(self.dataflow, 0)

    def loads(self, tile: Tile) -> int:
        """Cycles to load what a tile needs before its first step."""
        return -(-len(tile.k) // self.lanes) + 1 if self.buffered else self.load_cycles

    @property
    def drain_beats(self) -> int:
        """Beats that follow the end of a tile; 0 where every step gives results."""
        if self.dataflow.streams:
            return 0
        return self.rows if self.beats is None else self.beats

    @property
    def lanes(self) -> int:
        """Units of work that one output can take in a cycle."""
        return 1 if self.work is None else self.work.lanes

    @property
    def capacity(self) -> int:
        """Units of work in a cycle: products, or digits of A times b, or pairs of digits."""
        return self.rows * self.cols * self.depth * self.lanes

    def tiles(self, m: int, n: int, k: int) -> Iterator[Tile]:
        """Yield the tiles of a product [m, k] x [k, n] in order."""
        if self.dataflow.holds_weights:
            for columns in stretches(n, self.cols):
                for inner in stretches(k, self.depth):
                    yield Tile(range(m), columns, inner)
            return
        tile_k = self.depth if self.dataflow.streams else self.tile_k
        for rows in stretches(m, self.rows):
            for columns in stretches(n, self.cols):
                for inner in stretches(k, tile_k):
                    yield Tile(rows, columns, inner)


def stretches(count: int, size: int | None) -> list[range]:
    """Cut 0..count-1 into ranges of `size`, the last as long as what is left; one if None."""
    step = count if size is None else size
    return [range(start, min(start + step, count)) for start in range(0, count, step)]


def _check_counts(description: object, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(description, name)
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1, not {value}")
