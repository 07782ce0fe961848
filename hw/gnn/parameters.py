"""Sizes of an engine, from which all widths derive."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.utils import bits_for, ceil_log2

from .axi import LONGEST_BURST

__all__ = ["GnnParameters"]

_MOST = 1 << 16
_ABREAST = 2
"""Columns of the matrix unit that take the same activations in the same cycle."""


@dataclass(frozen=True, kw_only=True)
class GnnParameters:
    """Parameters of a graph engine.

    Rows live in memories of *words*: a word of a thread's local memory or of its edge memory is
    ``lanes`` bytes (``lanes`` i8 or ``lanes / 2`` i16), a word of the accumulator memory is
    ``lanes`` i32, a word of the weight memory ``columns`` i8.

    Parameters
    ----------
    lanes
        VL, i8 elements of the vector unit, a power of two, 4 to 256.
    rows, columns
        R and C of the matrix unit, powers of two, 4 to ``lanes``.
    bus_bytes
        Bytes of a beat of the memory bus, a power of two, 4 to ``lanes`` and to 32.
    threads
        T, 1 to 16.
    accumulator_words, local_words, edge_words, weight_words
        Words of the accumulator memory, of a thread's local memory, of a thread's edge memory,
        and of the weight memory.
    max_sources, max_edges
        Most source rows and most edges of a shard.
    bias_words
        Words of the bias memory, ``columns`` i32 each.
    tables
        Tables of 256 bytes.
    instructions
        Instructions of a pass.
    psum_rows
        PS, rows whose partial sums the matrix unit holds, at least ``rows``.
    outstanding
        Read bursts on the way, 1 to 64.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    lanes: int = 16
    rows: int = 16
    columns: int = 16
    bus_bytes: int = 16
    threads: int = 4
    accumulator_words: int = 1024
    local_words: int = 1024
    edge_words: int = 1024
    weight_words: int = 8192
    max_sources: int = 512
    max_edges: int = 1024
    bias_words: int = 64
    tables: int = 4
    instructions: int = 256
    psum_rows: int = 64
    outstanding: int = 64

    def __post_init__(self) -> None:
        for name, least, most in (
            ("lanes", 4, 256), ("rows", 4, self.lanes), ("columns", 4, self.lanes),
            ("bus_bytes", 4, min(32, self.lanes)),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most or value & (value - 1):
                raise ValueError(f"{name} must be a power of two in {least}..{most}, not {value}")
        for name, least, most in (
            ("threads", 1, 16), ("accumulator_words", 2, _MOST), ("local_words", 2, _MOST),
            ("edge_words", 2, _MOST), ("weight_words", self.rows, 1 << 20),
            ("max_sources", 2, _MOST - 1), ("max_edges", 2, _MOST - 1), ("bias_words", 2, 4096),
            ("tables", 1, 16), ("instructions", 16, 1024), ("psum_rows", self.rows, 1024),
            ("outstanding", 1, 64),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be in {least}..{most}, not {value}")

    @property
    def score_lanes(self) -> int:
        """SL, i16 elements of a word of local or edge memory."""
        return self.lanes // 2

    @property
    def address_bits(self) -> int:
        """Bits of an address in any memory of rows: a sum of places is modulo these."""
        return max(
            self.local_bits, ceil_log2(self.accumulator_words), ceil_log2(self.edge_words)
        )

    @property
    def extent_bits(self) -> int:
        """Bits of the words from one row to another: what does not fit is beyond every memory."""
        return self.address_bits + 1

    @property
    def pc_bits(self) -> int:
        """Bits of the place of an instruction, or of the end of the code."""
        return bits_for(self.instructions)

    @property
    def local_bits(self) -> int:
        """Bits of an address in a thread's local memory."""
        return ceil_log2(self.local_words)

    @property
    def chunk_bits(self) -> int:
        """Bits of the number of a chunk of ``score_lanes`` elements in a row: a word of
        accumulators has two."""
        return self.address_bits + 1

    @property
    def word_bits(self) -> int:
        """Bits of a word of local or edge memory."""
        return 8 * self.lanes

    @property
    def accumulator_bits(self) -> int:
        """Bits of a word of the accumulator memory."""
        return 32 * self.lanes

    @property
    def edge_beats(self) -> int:
        """Beats of the longest list of edges, 32 bits each."""
        return -(-4 * self.max_edges // self.bus_bytes)

    @property
    def scalar_beats(self) -> int:
        """Beats of the longest list of scalars, 16 bits each."""
        return -(-2 * self.max_sources // self.bus_bytes)

    @property
    def row_elements(self) -> int:
        """Most elements of a row of an operand: it fits its memory, and a slot has 16 bits of
        them."""
        words = max(self.accumulator_words, self.local_words)
        return min(_MOST - 1, max(self.lanes * words, self.score_lanes * self.edge_words))

    @property
    def row_bytes(self) -> int:
        """Most bytes of a row that is loaded or stored, likewise."""
        return min(_MOST - 1, self.lanes * self.local_words)

    @property
    def row_beats(self) -> int:
        """Beats of the longest row or list, at least those of the longest burst."""
        most = max(self.row_bytes, 4 * self.max_sources, 4 * self.max_edges)
        return max(LONGEST_BURST, -(-most // self.bus_bytes))

    @property
    def skew(self) -> int:
        """Cycles by which the last columns of the matrix unit are behind the first ones."""
        return self.columns // _ABREAST - 1

    @property
    def mask_bytes(self) -> int:
        """Bytes that one bit of the write mask of local memory covers."""
        return min(self.bus_bytes, self.columns)
