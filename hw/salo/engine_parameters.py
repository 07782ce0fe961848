"""Parameters of the whole machine, and the order in which a tile's tokens are loaded."""

from __future__ import annotations

from dataclasses import dataclass, field

from .array_parameters import ArrayParameters
from .normaliser import NormaliserParameters
from .weighted_sum import WeightedSumParameters

__all__ = ["SaloEngineParameters", "Slot"]


@dataclass(frozen=True)
class Slot:
    """A vector of a tile.

    Attributes
    ----------
    source
        Part of the array that it is for.
    position
        Port, row or column there: p in ``base + step * p``.
    entry
        Which of its list, if the tokens of that part are listed.
    """

    source: int
    position: int
    entry: int


@dataclass(frozen=True, kw_only=True)
class SaloEngineParameters:
    """Parameters of an engine.

    Parameters
    ----------
    array
        The array, and with it the formats.
    dv_max
        Most elements of a value, 1 to 256.
    block_keys
        Most keys of a query, at least those of a tile.
    lanes
        Dividers and multipliers of the normaliser; must divide the rows of the array.
    out_fraction_bits
        Fraction bits of results.
    max_tokens
        Most queries, and most keys, 2 to 65536.
    program_words
        Most words of a program, 64 bits each, 16 to 2^24.
    reads
        Keys that are read in a cycle, and values: each has as many copies of its memory; 1 to 64.
        Queries, which are fewer, have as many as they need to be read in the same time.
    result_blocks
        Blocks whose results may be under way or wait to be taken, 1 to 64; with 4 there is no
        stall where tiles are longer than a third of the way through the machine.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    array: ArrayParameters = field(default_factory=ArrayParameters)
    dv_max: int = 64
    block_keys: int = 4096
    lanes: int = 32
    out_fraction_bits: int = 8
    max_tokens: int = 4096
    program_words: int = 16384
    reads: int = 2
    result_blocks: int = 4

    def __post_init__(self) -> None:
        for name, least, most in (
            ("max_tokens", 2, 1 << 16), ("program_words", 16, 1 << 24), ("reads", 1, 64),
            ("result_blocks", 1, 64),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be in {least} to {most}, not {value}")
        self.normaliser(self.array.rows, self.lanes)

    @property
    def sums(self) -> WeightedSumParameters:
        return WeightedSumParameters(
            datapath=self.array.datapath, dv_max=self.dv_max, block_keys=self.block_keys
        )

    def normaliser(self, rows: int, lanes: int) -> NormaliserParameters:
        """Of the rows of the array, or of a rider."""
        return NormaliserParameters(
            sums=self.sums, rows=rows, lanes=lanes, out_fraction_bits=self.out_fraction_bits,
            output_bits=self.output_bits,
        )  # fmt: skip

    @property
    def output_bits(self) -> int:
        return max(16, self.array.datapath.kv_bits + self.out_fraction_bits)

    @property
    def descriptor_words(self) -> int:
        """Words of a tile: block, gather columns, segments, riders."""
        return 1 + self.array.gather + self.array.segments + self.array.global_rows

    @property
    def element_mask_words(self) -> int:
        return -(-self.array.rows * self.array.segment_cols // 64)

    @property
    def rider_mask_words(self) -> int:
        return -(-self.array.cols // 64)

    @property
    def key_sources(self) -> int:
        """Parts whose tokens are told on their own: segments, gather columns, private riders."""
        a = self.array
        return a.segments + a.gather + (a.global_rows if a.private else 0)

    @property
    def key_slots(self) -> tuple[Slot, ...]:
        """Keys of a tile: ports of all segments, gather columns row by row, private riders."""
        a = self.array
        slots = [
            Slot(s, port, port % a.segment_cols) for s in range(a.segments)
            for port in range(a.ports)
        ]  # fmt: skip
        slots += [
            Slot(a.segments + x, row, row) for row in range(a.rows) for x in range(a.gather)
        ]
        if a.private:
            slots += [
                Slot(a.segments + a.gather + g, column, 0) for g in range(a.global_rows)
                for column in range(a.cols)
            ]  # fmt: skip
        return tuple(slots)

    @property
    def query_slots(self) -> tuple[Slot, ...]:
        """Queries of a tile: rows, then riders."""
        a = self.array
        rows = [Slot(0, row, row) for row in range(a.rows)]
        return (*rows, *(Slot(1 + g, 0, 0) for g in range(a.global_rows)))

    @property
    def loads(self) -> int:
        """Cycles that it takes to read a vector of each lane: at most ``dk`` and ``dv``."""
        return -(-max(len(self.key_slots), len(self.query_slots)) // self.reads)

    @property
    def decode_cycles(self) -> int:
        """Cycles from one descriptor to the next, at most; tiles take as many at least.

        A cycle for each word and for each entry of a list, all lists and masks that there may be,
        and two to fetch the last one.
        """
        a = self.array
        lists = a.rows * (1 + a.gather) + a.cols
        masks = a.segments * self.element_mask_words + a.global_rows * self.rider_mask_words
        return self.descriptor_words + lists + masks + 2
