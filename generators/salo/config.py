"""Config of the salo generator: the array, the numbers it takes, and what it can hold."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ...golden.salo.formats import HW8, HW12, Format
from ..config import Config
from .shape import MAX_COLUMNS, MAX_GATHER, MAX_GLOBAL_ROWS, MAX_HEAD, MAX_ROWS, ArrayShape

__all__ = ["FORMATS", "SaloConfig"]

FORMATS = {"hw8": HW8, "hw12": HW12}
"""The formats of numbers that have a name."""

_MOST_READS = 64


class SaloConfig(Config):
    """An engine that computes attention over the pairs that a program allows."""

    rows: int = Field(32, ge=1, le=MAX_ROWS, description="queries of a tile")
    cols: int = Field(
        32, ge=1, le=MAX_COLUMNS, description="keys of a query in a tile, on the diagonal feeds"
    )
    segments: int = Field(
        1, ge=1, le=MAX_COLUMNS, description="parts of the columns, each with feeds of its own; "
        "a divisor of cols"
    )
    gather: int = Field(
        1, ge=0, le=MAX_GATHER, description="further columns in which each row has any key"
    )
    global_rows: int = Field(
        1, ge=0, le=MAX_GLOBAL_ROWS, description="riders: rows below the array for queries that "
        "attend to all keys",
    )
    global_row_kv: Literal["shared", "private"] = Field(
        "shared", description="riders take the keys of the last row, or have feeds and projections "
        "of their own",
    )
    torus: bool = Field(
        False, description="let the keys of the last row go on at the top in tiles without a "
        "band, so that their other feeds can rest; rows must be cols / segments",
    )
    numbers: Literal["hw8", "hw12"] = Field(
        "hw8", description="exponential and rounding: 8-bit mantissas and 16-bit results, or 13 "
        "and 20 bits for an error below 0.05 %",
    )
    q_bits: int = Field(8, ge=2, le=12, description="bits of an element of a query")
    kv_bits: int = Field(8, ge=2, le=8, description="bits of an element of a key or value")
    exp_bits: int = Field(10, ge=8, le=17, description="bits of the integer part of a logit")
    shift_bits: int = Field(
        4, ge=1, le=5, description="a program scales logits by one of 2^shift_bits powers of two"
    )
    dk_max: int = Field(64, ge=2, le=MAX_HEAD, description="most elements of a query or key")
    dv_max: int = Field(64, ge=1, le=MAX_HEAD, description="most elements of a value")
    max_tokens: int = Field(1024, ge=2, le=1 << 16, description="most queries, and most keys")
    block_keys: int | None = Field(
        None, ge=1, le=1 << 24, description="most keys that one query attends to; by default "
        "max_tokens, and at least a tile's",
    )
    program_words: int = Field(
        8192, ge=16, le=1 << 24, description="most words of a program, of 64 bits each"
    )
    reads: int | None = Field(
        None, ge=1, le=_MOST_READS, description="tokens read per cycle, each port a copy of "
        "the memories; by default enough for heads of half of dk_max and dv_max",
    )
    lanes: int | None = Field(
        None, ge=1, le=MAX_ROWS, description="dividers and multipliers that normalise results; a "
        "divisor of rows, by default the largest up to 16",
    )
    result_blocks: int = Field(
        4, ge=1, le=64, description="blocks whose results are under way or wait to be taken; with "
        "fewer than 4, short tiles wait for them",
    )
    pipeline: Literal[0, 1] = Field(
        1, description="registers between multiplier and adder of an element"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        ArrayShape(
            self.rows, self.cols, self.segments, self.gather, self.global_rows, self.global_row_kv
        )
        if self.lanes is not None and self.rows % self.lanes:
            raise ValueError(f"lanes must be a divisor of rows = {self.rows}, not {self.lanes}")
        tile = self.cols + self.gather
        if self.block_keys is not None and self.block_keys < tile:
            raise ValueError(
                f"block_keys must be at least cols + gather = {tile}, not {self.block_keys}"
            )
        from .design import parameters

        p = parameters(self)
        for name, most in (("dk_max", self.dk_max), ("dv_max", self.dv_max)):
            if most >= p.loads:
                continue
            reads = -(-p.loads * p.reads // most)
            why = "so that vectors are read while a tile is at work"
            if self.reads is None or reads > _MOST_READS:
                least = -(-p.loads * p.reads // _MOST_READS)
                raise ValueError(f"{name} must be at least {least}, {why}, not {most}")
            raise ValueError(f"reads must be at least {reads} for {name} = {most}, {why}, not "
                             f"{self.reads}")  # fmt: skip
        elements, least = self.dk_max + self.dv_max, self.cols + max(self.gather, self.global_rows)
        if elements + 2 < least:
            raise ValueError(
                f"dk_max + dv_max must be at least {least - 2}, so that a tile is as long as the "
                f"array, not {elements}"
            )
        return self

    @property
    def shape(self) -> ArrayShape:
        """The array, as the scheduler knows it."""
        return ArrayShape(
            self.rows, self.cols, self.segments, self.gather, self.global_rows, self.global_row_kv
        )

    @property
    def format(self) -> Format:
        """The formats, as the golden model knows them."""
        named = FORMATS[self.numbers]
        return Format(
            q_bits=self.q_bits, kv_bits=self.kv_bits, exp_bits=self.exp_bits,
            mantissa_bits=named.mantissa_bits, fraction_bits=named.fraction_bits,
            guard_bits=named.guard_bits, out_fraction_bits=named.out_fraction_bits,
            exp_segments=named.exp_segments,
        )  # fmt: skip
