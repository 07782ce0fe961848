"""Programs and operands for an attention engine, with the results that the golden machine gives.

All that is known of a design comes from its manifest, so the same jobs serve the cocotb testbench
and the batched engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...generators.artifacts import Manifest
from ...generators.salo.design import Engine
from ...generators.salo.importers.boolean import from_boolean
from ...generators.salo.pattern import Pattern
from ...generators.salo.program import Program, write_program
from ...generators.salo.schedule import Schedule, make_schedule
from ...generators.salo.terms import Band, Blocks, GlobalColumns, GlobalRows, Term
from ...generators.salo.workload import program_beats, result_beats, token_beats
from ...golden.salo.machine import Operands, Result, run
from ..packing import Words, pack

__all__ = [
    "KINDS", "OPERANDS", "SPIKE", "Design", "Head", "Job", "make_head", "make_job",
    "random_pattern", "spiked",
]  # fmt: skip

KINDS = ("window", "dilated", "globals", "causal", "blocks", "cross", "scattered")
"""Names of the patterns of :func:`random_pattern`."""

OPERANDS = ("uniform", "gaussian", "extreme", "zero", "equal keys")
"""How operands of :func:`make_head` are drawn."""

SPIKE = "one pair beyond all others"
"""Operands of :func:`spiked`."""

Rng = np.random.Generator


@dataclass(frozen=True)
class Head:
    """Operands of a run, and what it gives."""

    kind: str
    rows: Operands
    riders: Operands | None
    expected: Result


@dataclass(frozen=True)
class Job:
    """A program, and heads that it runs for, one after the other."""

    kind: str
    schedule: Schedule
    program: Program
    heads: tuple[Head, ...]


@dataclass(frozen=True)
class Design:
    """A design, its engine as its manifest tells it, and what that makes of jobs."""

    manifest: Manifest
    engine: Engine

    @classmethod
    def of(cls, manifest: Manifest) -> Design:
        """Read a manifest of the salo generator."""
        return cls(manifest, Engine.of(manifest))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The patterns of :data:`KINDS` that the engine can have.

        Queries with projections of their own, as private riders have, are for riders alone.
        """
        shape = self.engine.shape
        alone = shape.global_row_kv == "private" and not shape.global_rows
        return tuple(kind for kind in KINDS if kind != "globals" or not alone)

    def program(self, program: Program | bytes) -> Words:
        """Beats of a program."""
        data = program if isinstance(program, bytes) else write_program(program)
        return self._pack("program", program_beats(data))

    def tokens(self, head: Head, rng: Rng | None = None) -> Words:
        """Beats that load a head's operands and start it; in any order if there is ``rng``."""
        beats = token_beats(self.engine, head.rows, head.riders)
        if rng is not None:
            order = rng.permutation(len(beats["token"]))
            beats = {name: each if name == "last" else each[order] for name, each in beats.items()}
        return self._pack("load", beats)

    def results(self, program: Program, head: Head) -> Words:
        """Beats of a head's results."""
        outputs = head.expected.outputs.numpy().astype(np.int64)
        return self._pack("results", result_beats(self.engine, program, outputs))

    def explain(self, job: Job, beats: Words, beat: int, element: str) -> dict[str, object]:
        """Tell what one element of one result beat stands for."""
        stream = self.manifest.stream("results")
        payload = int.from_bytes(beats[beat].astype("<u4").tobytes(), "little")

        def field(name: str) -> int:
            found = next(each for each in stream.fields if each.name == name)
            return payload >> found.offset & ((1 << found.width) - 1)

        told: dict[str, object] = {
            "pattern": job.kind, "dk": job.program.dk, "dv": job.program.dv,
            "tiles": len(job.program.tiles), "element": field("element"),
        }  # fmt: skip
        parts = element.split(".")
        if parts[0] == "rows":
            told["query"] = field(f"rows.{parts[1]}.query")
        return told

    def _pack(self, name: str, values: Mapping[str, NDArray[Any]]) -> Words:
        stream = self.manifest.stream(name)
        return pack(stream.fields, stream.width, values)


def random_pattern(rng: Rng, kind: str, tokens: int) -> Pattern:
    """Return a pattern of a kind, of about so many queries and keys."""
    keys = tokens
    many = max(1, tokens // 3)
    low, high = -int(rng.integers(0, many + 1)), int(rng.integers(0, many + 1))
    window = Band(low, high)
    token = sorted({int(each) for each in rng.integers(0, tokens, 2)})
    terms: list[Term] = [window]
    match kind:
        case "dilated":
            step = int(rng.integers(2, 5))
            terms = [Band(low * step, high * step, step)]
        case "globals":
            terms = [window, GlobalColumns(token), GlobalRows(token)]
        case "blocks":
            size = min(tokens, int(rng.integers(2, 6)))
            count = max(1, tokens // size)
            tokens = keys = count * size
            chosen = {
                (int(row), int(col)) for row, col in rng.integers(0, count, (2 * count, 2))
            }
            terms = [Blocks(size, sorted(chosen))]
        case "cross":
            keys = max(min(2, tokens), tokens // 2)
            terms = [Band(-tokens, keys, int(rng.integers(1, 4))), GlobalColumns([0])]
        case "scattered":
            mask = rng.random((tokens, keys)) < rng.choice([0.1, 0.3, 0.6])
            mask[int(rng.integers(0, tokens))] = False
            mask[0, 0] = True
            return from_boolean(mask)
    return Pattern(tokens, keys, terms, causal=kind == "causal")


def make_job(
    design: Design, rng: Rng, pattern: Pattern, kind: str, *, dk: int, dv: int,
    operands: tuple[str, ...] = ("gaussian",), shift: int | None = None,
) -> Job:
    """Return a job for a pattern; ``operands`` of each head, and the middle f if there is none."""
    engine = design.engine
    schedule = make_schedule(pattern, engine.shape, dk=dk, dv=dv)
    least, most = engine.shift_range
    program = Program.of(
        schedule, (least + most) // 2 if shift is None else shift, engine.numbers
    )
    heads = tuple(make_head(engine, rng, program, each) for each in operands)
    return Job(kind, schedule, program, heads)


def make_head(engine: Engine, rng: Rng, program: Program, kind: str) -> Head:
    """Return operands of a kind, and what the golden machine makes of them."""
    rows = _operands(engine, rng, program, kind)
    riders = _operands(engine, rng, program, kind) if engine.private else None
    expected = run(
        rows, engine.numbers, program.shift, [program.tiles.batch()], rider_operands=riders
    )
    return Head(kind, rows, riders, expected)


def spiked(
    engine: Engine, rng: Rng, program: Program, pairs: Sequence[tuple[int, int]]
) -> tuple[Head, ...]:
    """Return a head for each pair (query, key), whose score is extreme while all others are 0.

    Only the element that meets the pair can find the octave beyond its range: largest and least in
    turn.
    """
    fmt = engine.numbers
    heads = []
    for number, (query, key) in enumerate(pairs):
        rows, riders = (_operands(engine, rng, program, "zero") for _ in range(2))
        q, k = torch.zeros_like(rows.q), torch.zeros_like(rows.k)
        q[query], k[key] = fmt.q_max, fmt.kv_max * (-1) ** number
        operands = replace(rows, q=q, k=k)
        beside = replace(riders, q=q, k=k) if engine.private else None
        expected = run(
            operands, fmt, program.shift, [program.tiles.batch()], rider_operands=beside
        )
        heads.append(Head(SPIKE, operands, beside, expected))
    return tuple(heads)


def _operands(engine: Engine, rng: Rng, program: Program, kind: str) -> Operands:
    fmt = engine.numbers
    keys = program.tiles.key_count
    return Operands(
        _matrix(rng, kind, fmt.q_max, program.queries, program.dk),
        _matrix(rng, kind, fmt.kv_max, keys, program.dk, equal=kind == "equal keys"),
        _matrix(rng, "uniform" if kind == "equal keys" else kind, fmt.kv_max, keys, program.dv),
    )


def _matrix(
    rng: Rng, kind: str, most: int, count: int, size: int, *, equal: bool = False
) -> torch.Tensor:
    shape = (1 if equal else count, size)
    if kind == "gaussian":
        drawn = np.clip(np.rint(rng.normal(0, most / 3, shape)), -most, most).astype(np.int64)
    elif kind == "extreme":
        drawn = rng.choice(np.array([-most, most]), shape)
    elif kind == "zero":
        drawn = rng.integers(-1, 1, shape, endpoint=True) * (rng.random(shape) < 0.1)
    else:
        drawn = rng.integers(-most, most, shape, endpoint=True)
    return torch.from_numpy(np.array(np.broadcast_to(drawn, (count, size))))
