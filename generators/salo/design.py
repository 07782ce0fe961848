"""From a config to hardware: the engine's parameters, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...golden.salo.exponential import lines
from ...golden.salo.formats import Format
from ...hw.salo.array_parameters import ArrayParameters
from ...hw.salo.engine import SaloEngine, SaloEngineParameters
from ...hw.salo.exponential import ExponentialLines
from ...hw.salo.parameters import DatapathParameters
from ..artifacts import Manifest
from ..registry import Details
from .config import SaloConfig
from .program import Program, write_program
from .shape import ArrayShape
from .tiles import Tiles

__all__ = ["Engine", "details", "parameters", "top"]

_TILES_AT_ONCE = 1024

_MOST_LANES = 16
"""Lanes that do for 32 rows and blocks of one tile (brief, section 6)."""


def parameters(config: SaloConfig) -> SaloEngineParameters:
    """Return the parameters of the engine, with the exponential's lines of the format.

    Raises
    ------
    ValueError
        The hardware refuses them: with a sentence that names the field, what is allowed and the
        value.
    """
    fmt = config.format
    chosen = lines(fmt)
    datapath = DatapathParameters(
        q_bits=fmt.q_bits, kv_bits=fmt.kv_bits, guard_bits=fmt.guard_bits, exp_bits=fmt.exp_bits,
        lines=ExponentialLines(
            fmt.mantissa_bits, fmt.fraction_bits, chosen.intercepts, chosen.slopes
        ),
        dk_max=config.dk_max, keys=config.cols + config.gather, shift_bits=config.shift_bits,
        pipeline=config.pipeline,
    )  # fmt: skip
    array = ArrayParameters(
        datapath=datapath, rows=config.rows, cols=config.cols, segments=config.segments,
        gather=config.gather, global_rows=config.global_rows,
        global_row_kv=config.global_row_kv, torus=config.torus,
    )  # fmt: skip

    def engine(reads: int) -> SaloEngineParameters:
        tile = config.cols + config.gather
        return SaloEngineParameters(
            array=array, dv_max=config.dv_max,
            block_keys=config.block_keys or max(config.max_tokens, tile),
            lanes=config.lanes or _divisor(config.rows),
            out_fraction_bits=fmt.out_fraction_bits, max_tokens=config.max_tokens,
            program_words=config.program_words, reads=reads, result_blocks=config.result_blocks,
        )  # fmt: skip

    if config.reads is not None:
        return engine(config.reads)
    one = engine(1)
    return engine(min(64, -(-one.loads // max(1, min(config.dk_max, config.dv_max) // 2))))


def _divisor(rows: int) -> int:
    return max(each for each in range(1, _MOST_LANES + 1) if rows % each == 0)


def top(config: SaloConfig) -> SaloEngine:
    """Return the top unit of a config."""
    return SaloEngine(parameters(config))


@dataclass(frozen=True)
class Engine:
    """What a driver must know of an engine.

    Attributes
    ----------
    shape, numbers
        The array and the formats: those that programs are made for.
    p
        Parameters of the hardware.
    """

    shape: ArrayShape
    numbers: Format
    p: SaloEngineParameters

    @classmethod
    def of(cls, manifest: Manifest) -> Engine:
        """Read a manifest of the salo generator.

        Raises
        ------
        InputError
            If it is that of another generator.
        """
        if manifest.generator != "salo":
            raise InputError(
                f"manifest must be that of a salo design, not of {manifest.generator}"
            )
        return cls.made_of(SaloConfig.model_validate(manifest.config))

    @classmethod
    def made_of(cls, config: SaloConfig) -> Engine:
        """Return that of a config."""
        return cls(config.shape, config.format, parameters(config))

    @property
    def dk_range(self) -> tuple[int, int]:
        """Least and largest dk: vectors of a tile are read while it computes."""
        return max(2, self.p.loads), self.p.array.datapath.dk_max

    @property
    def dv_range(self) -> tuple[int, int]:
        """Least and largest dv."""
        return self.p.loads, self.p.dv_max

    @property
    def tile_least(self) -> int:
        """Least ``dk + dv + 2``: the array must be through with a tile when the next one ends."""
        return self.shape.cols + max(self.shape.gather, self.shape.global_rows)

    @property
    def shift_range(self) -> tuple[int, int]:
        """Least and largest f."""
        return self.p.array.datapath.shift_least, self.p.array.datapath.shift_most

    @property
    def private(self) -> bool:
        """Whether riders have keys and values of their own."""
        return self.shape.global_rows > 0 and self.shape.global_row_kv == "private"

    def check(self, program: Program) -> None:
        """Refuse a program that the hardware would refuse, or whose sums could overflow.

        Raises
        ------
        InputError
            With the field, what is allowed and the value.
        """
        shape = program.tiles.shape
        if shape != self.shape:
            raise InputError(f"program must be for {self.shape}, not {shape}")
        if program.numbers != self.numbers:
            raise InputError(f"program must be for {self.numbers}, not {program.numbers}")
        for name, value, (least, most) in (
            ("dk", program.dk, self.dk_range), ("dv", program.dv, self.dv_range),
            ("dk + dv + 2", program.dk + program.dv + 2, (self.tile_least, 1 << 16)),
            ("shift", program.shift, self.shift_range),
            ("queries", program.queries, (1, self.p.max_tokens)),
            ("keys", program.tiles.key_count, (1, self.p.max_tokens)),
        ):  # fmt: skip
            if not least <= value <= most:
                raise InputError(
                    f"{name} must be in {least} to {most} for this engine, not {value}"
                )
        words = len(write_program(program)) // 8
        if words > self.p.program_words:
            raise InputError(
                f"program_words must be at least {words} for this program, not "
                f"{self.p.program_words}"
            )
        keys = _most_keys(program.tiles) if program.tiles.key_count > self.p.block_keys else 0
        if keys > self.p.block_keys:
            raise InputError(
                f"block_keys must be at least {keys}, the most keys of a query, not "
                f"{self.p.block_keys}"
            )


def _most_keys(tiles: Tiles) -> int:
    """Return the most keys that a query, or a rider's, has in all its tiles."""
    most = 1 + max(int(tiles.queries.max(initial=0)), int(tiles.rider_queries.max(initial=0)))
    keys = np.zeros((2, most), np.int64)
    for start in range(0, len(tiles), _TILES_AT_ONCE):
        batch = tiles.batch(start, start + _TILES_AT_ONCE)
        for counts, queries, tokens in (
            (keys[0], batch.queries, batch.tokens),
            (keys[1], batch.rider_queries, batch.rider_tokens),
        ):
            working = queries >= 0
            np.add.at(counts, queries[working], (tokens >= 0).sum(axis=2)[working])
    return int(keys.max())


def details(config: SaloConfig) -> Details:
    """Return what the manifest says: streams, ports, cycles, and why no sum overflows."""
    engine = Engine.made_of(config)
    p = parameters(config)
    fmt = config.format
    return Details(
        meanings={
            "program": "a program of `gatewright salo schedule`, 64 bits a beat; it stays",
            "load": "vectors of tokens: queries, keys, values, in any order; last starts the run",
            "results": f"an element of {p.lanes} rows: value / 2^{fmt.out_fraction_bits} in units "
            "of v; rows without a query are not there; last ends the run",
            "loaded": "there is a program that can run",
            "busy": "it runs: neither tokens nor programs are taken",
            "fault": "why a program was refused, until another one comes",
            "exponent_saturated": "a logit of this run did not fit",
            "output_saturated": "a result of this run did not fit",
            "cycles": "of the run, from the first stage of the first tile to the last of the last",
        },
        latency={
            "tile": f"{p.array.latency} cycles from a stage at the inputs to the rows' sums",
            "sums": f"{p.sums.sum_bits} bits hold every sum over {p.block_keys} keys",
            "dk": f"{engine.dk_range[0]} to {engine.dk_range[1]} elements",
            "dv": f"{engine.dv_range[0]} to {engine.dv_range[1]} elements",
            "shift": f"logits are scores / 2^f, f in {engine.shift_range[0]} to "
            f"{engine.shift_range[1]}",
        },
        throughput={
            "multipliers": config.shape.multipliers,
            "cycles_per_tile": "dk + dv + 2, the next tile without a bubble",
            "cycles_of_a_program": f"tiles * (dk + dv + 2) + {config.shape.fill}",
        },
    )
