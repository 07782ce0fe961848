"""Programs for engines with operands for them, and what the golden machine makes of these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from gatewright.generators.salo.block import BAND, CIRCULANT, NO_UNIT
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.program import Program, write_program
from gatewright.generators.salo.program_words import BLOCK, GATHER, RIDER, SEGMENT, unpack
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.generators.salo.tiles import TileBatch, Tiles
from gatewright.golden.salo.formats import Format
from gatewright.golden.salo.machine import Operands, Result, run
from gatewright.hw.salo.engine import SaloEngineParameters
from gatewright.tests.hw.salo.array_bench import words

Beat = tuple[int, tuple[tuple[int, int] | None, ...]]
"""Element, and for each lane the query and its value, if there is a row."""


@dataclass(frozen=True, eq=False)
class Job:
    """A program, operands for it, and what must come out.

    Attributes
    ----------
    tiles, dk, dv, shift
        What the program is of.
    operands, riders
        Operands; ``riders`` has those of private riders.
    expected
        Of the golden machine.
    beats
        Results, in order.
    cycles
        That the engine must take if all results are taken.
    """

    tiles: Tiles
    dk: int
    dv: int
    shift: int
    program: bytes
    operands: Operands
    riders: Operands | None
    expected: Result
    beats: list[Beat]
    cycles: int


def array_shape(p: SaloEngineParameters) -> ArrayShape:
    a = p.array
    kv = "private" if a.private else "shared"
    return ArrayShape(a.rows, a.cols, a.segments, a.gather, a.global_rows, kv)


def number_format(p: SaloEngineParameters) -> Format:
    d = p.array.datapath
    return Format(
        q_bits=d.q_bits, kv_bits=d.kv_bits, mantissa_bits=d.mantissa_bits,
        fraction_bits=d.fraction_bits, guard_bits=d.guard_bits, exp_bits=d.exp_bits,
        out_fraction_bits=p.out_fraction_bits, exp_segments=len(d.lines.slopes),
    )  # fmt: skip


def program_of(
    p: SaloEngineParameters, tiles: Tiles, queries: int, dk: int, dv: int, shift: int
) -> Program:
    return Program(tiles, dk, dv, queries, shift, number_format(p))


def scheduled(
    p: SaloEngineParameters, pattern: Pattern, dk: int, dv: int, *, seed: int = 1,
    shift: int | None = None, stalls: bool = False,
) -> Job:
    """A pattern, as the scheduler has it computed, in as many cycles as it says, or more."""
    schedule = make_schedule(pattern, array_shape(p), dk=dk, dv=dv)
    job = job_of(p, schedule.tiles, pattern.queries, dk, dv, seed=seed, shift=shift)
    assert job.cycles >= schedule.report.cycles
    assert (job.cycles > schedule.report.cycles) == stalls
    return job


def job_of(
    p: SaloEngineParameters, tiles: Tiles, queries: int, dk: int, dv: int, *, seed: int = 1,
    shift: int | None = None,
) -> Job:
    """Any tiles, with random operands; no ``shift``: the one in the middle."""
    formats = p.array.datapath
    f = (formats.shift_least + formats.shift_most) // 2 if shift is None else shift
    rng = np.random.default_rng(seed)

    def operands() -> Operands:
        return Operands(*(
            torch.from_numpy(words(rng, bits, count, size)) for bits, count, size in (
                (formats.q_bits, queries, dk), (formats.kv_bits, tiles.key_count, dk),
                (formats.kv_bits, tiles.key_count, dv),
            )
        ))  # fmt: skip

    own, riders = operands(), operands() if p.array.private else None
    program = write_program(program_of(p, tiles, queries, dk, dv, f))
    result = run(own, number_format(p), f, [tiles.batch()], rider_operands=riders)
    beats = _beats(p, tiles.batch(), result)
    cycles = planned_cycles(p, program, tiles.batch(), dk, dv)
    return Job(tiles, dk, dv, f, program, own, riders, result, beats, cycles)


def with_operands(
    p: SaloEngineParameters, job: Job, operands: Operands, riders: Operands | None = None
) -> Job:
    """The same program, other operands."""
    result = run(operands, number_format(p), job.shift, [job.tiles.batch()], rider_operands=riders)
    beats = _beats(p, job.tiles.batch(), result)
    return replace(job, operands=operands, riders=riders, expected=result, beats=beats)


def another_head(p: SaloEngineParameters, job: Job, seed: int) -> Job:
    """The same program, other random operands."""
    queries = len(job.operands.q)
    other = job_of(p, job.tiles, queries, job.dk, job.dv, seed=seed, shift=job.shift)
    assert other.program == job.program
    return replace(other, program=job.program)


def _beats(p: SaloEngineParameters, tiles: TileBatch, result: Result) -> list[Beat]:
    """Blocks in the order in which they end, riders after the rows of the same tile."""
    idle, lanes = -1, p.lanes
    ends: list[np.ndarray] = []
    for tile in range(len(tiles)):
        if tiles.last[tile]:
            ends += list(tiles.queries[tile].reshape(-1, lanes))
        for g in np.flatnonzero(tiles.rider_last[tile]):
            ends.append(np.array([tiles.rider_queries[tile, g], *[idle] * (lanes - 1)]))
    outputs = result.outputs.tolist()
    return [
        (element, tuple(None if q == idle else (q, outputs[q][element]) for q in row.tolist()))
        for row in ends for element in range(len(outputs[0]))
    ]  # fmt: skip


def planned_cycles(
    p: SaloEngineParameters, program: bytes, tiles: TileBatch, dk: int, dv: int
) -> int:
    """When tiles begin, by the rules of the engine's docstrings: cycles of a run."""
    a = p.array
    tile = dk + dv + 2
    decode = decode_cycles(p, np.frombuffer(program, "<u8"), len(tiles))
    tails = [(tiles.last, p.normaliser(a.rows, p.lanes))]
    tails += [(tiles.rider_last[:, g], p.normaliser(1, 1)) for g in range(a.global_rows)]
    rested = [0] * len(tails)
    begins: list[int] = []
    for number in range(len(tiles)):
        ready = begins[-1] + decode[number] if begins else 0
        for index, (last, _) in enumerate(tails):
            if last[number]:
                ready = max(ready, rested[index])
        if begins:
            # At the end of a tile, or when its values are out, or any time then.
            ends = begins[-1] + tile
            ready = max(ends if ready <= ends else ends + dv + 2, ready)
        for index, (last, normaliser) in enumerate(tails):
            if last[number]:
                rested[index] = ready + normaliser.interval(dv)
        begins.append(ready)
    return begins[-1] - begins[0] + tile + a.cols + a.gather - 1


def decode_cycles(p: SaloEngineParameters, program: np.ndarray, tiles: int) -> list[int]:
    """A cycle for each word, entry, word of a mask, and part that has none; and two."""
    a = p.array
    size = p.descriptor_words
    words_of = program[8 : 8 + tiles * size].reshape(tiles, size)
    gathers, segments = 1 + a.gather, 1 + a.gather + a.segments
    block, gather = unpack(BLOCK, words_of[:, :1]), unpack(GATHER, words_of[:, 1:gathers])
    segment, rider = (
        unpack(SEGMENT, words_of[:, gathers:segments]), unpack(RIDER, words_of[:, segments:])
    )  # fmt: skip
    parts = [
        np.where(block["listed"] == 1, a.rows, 1), np.where(gather["mode"] == 2, a.rows, 1),
        np.where(segment["kind"] == 2, segment["step"], 1),
        np.where(segment["mask"] == 2, p.element_mask_words, 1),
        np.where(rider["mask"] == 3, p.rider_mask_words, 1),
    ]  # fmt: skip
    return (size + 2 + np.concatenate(parts, axis=1).sum(axis=1)).tolist()


def random_tiles(
    p: SaloEngineParameters, rng: np.random.Generator, *, tiles: int, blocks: int, keys: int,
    busy: float = 0.8,
) -> tuple[Tiles, int]:
    """Tiles of anything that there is, lists and masks mostly; and how many queries they have."""
    shape = array_shape(p)
    rows, cols = shape.rows, shape.cols
    number = rng.permutation(blocks * rows + tiles * shape.global_rows).astype(np.int32)
    queries, others = number[: blocks * rows].reshape(blocks, rows), iter(number[blocks * rows :])
    working = rng.random(queries.shape) < busy
    working[:, 0] = True
    queries = np.where(working, queries, -1).astype(np.int32)
    # Tiles that are there for riders stand before those of blocks.
    idle = int(rng.integers(0, 2)) if shape.global_rows and tiles > blocks else 0
    cuts = np.sort(rng.choice(np.arange(1, tiles - idle), blocks - 1, replace=False))
    block = np.searchsorted(cuts, np.arange(tiles - idle), side="right").astype(np.int32)
    block = np.concatenate([np.full(idle, -1, np.int32), block])
    size = (tiles, shape.segments)
    kind = rng.choice([NO_UNIT, BAND, CIRCULANT], size, p=[0.1, 0.45, 0.45]).astype(np.uint8)
    base = rng.integers(-rows, keys, size).astype(np.int32)
    step = rng.integers(1, 4, size).astype(np.int32)
    pool: list[int] = []
    for place in zip(*np.nonzero(kind == CIRCULANT), strict=True):
        count = int(rng.integers(1, shape.segment_cols + 1))
        base[place], step[place] = len(pool), count
        pool += rng.integers(0, keys, count).tolist()
    bits = rng.random((tiles * shape.segments, rows * shape.segment_cols)) < busy
    mask = np.arange(tiles * shape.segments, dtype=np.int32).reshape(size)
    mask = np.where(rng.random(size) < 0.7, mask, -1).astype(np.int32)
    gather = rng.integers(-1, keys, (tiles, rows, shape.gather)).astype(np.int32)
    of_row = np.where(block[:, None] >= 0, queries[block], -1)
    gather[of_row < 0] = -1
    riders = np.full((tiles, shape.global_rows), -1, np.int32)
    for g in range(shape.global_rows):
        for tile in range(tiles):
            again = tile and riders[tile - 1, g] >= 0 and rng.random() < 0.5
            riders[tile, g] = riders[tile - 1, g] if again else next(others)
    made = Tiles(
        shape, keys, queries, block, kind, base, step, mask, np.array(pool, np.int32),
        np.packbits(bits, axis=1, bitorder="little"), gather, riders,
        np.full((tiles, shape.global_rows, cols), -1, np.int32),
    )  # fmt: skip
    if p.array.private:
        column = rng.integers(0, keys, (tiles, shape.global_rows, 1)) + np.arange(cols)
        column = np.where(column < keys, column, -1)
    else:
        column = made.last_row_tokens(0, tiles)[:, None].repeat(shape.global_rows, axis=1)
    column = np.where(rng.random(column.shape) < busy, column, -1).astype(np.int32)
    return replace(made, rider_tokens=column), len(number)
