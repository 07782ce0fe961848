"""Random programs: any operations on any slots, which models that are compiled may never use.

Code, graph, sizes and what is in memory are drawn; a quarter of the numbers are extremes. What a
program stores is told by the machine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from ...generators.gnn.cost import estimate
from ...generators.gnn.formats import ElementType, GnnParameters, Phase, Section
from ...generators.gnn.graph import Graph
from ...generators.gnn.image import Image, build_image
from ...generators.gnn.limits import Limits
from ...generators.gnn.partition import partition
from ...generators.gnn.program import Pass, Program, Tensor
from ...golden.gnn.fixed import Multiplier
from .machine import Machine
from .random_code import HIGH_HALF, SLOTS, TENSORS, Form, RandomCode
from .records import Records
from .workloads import RANDOM, Workload

__all__ = ["PROGRAMS", "make_random"]

PROGRAMS = (
    ("fast", Form.LONG), ("pausing", Form.ANY), ("crawling", Form.STORES), ("slow", Form.LONG),
    ("fast", Form.ANY), ("pausing", Form.ANY), ("slow", Form.STORES), ("crawling", Form.ANY),
    ("fast", Form.RECIPROCALS), ("fast", Form.ANY), ("crawling", Form.ANY), ("fast", Form.ANY),
    ("pausing", Form.ANY), ("slow", Form.ANY), ("pausing", Form.RECIPROCALS),
    ("patient", Form.STORES), ("patient", Form.ANY), *(("fast", Form.SUMS),) * 4,
)  # fmt: skip
"""Memories and forms of the testbench's random programs."""

_Value = TypeVar("_Value")
_FEW_ROWS, _MANY_ROWS = 12, 80
"""Of an interval, at most; and of a graph, where an interval may have all."""
_MORE = 64
"""More elements than those of a row that are in memory, at most."""
_FAR, _SELDOM = 60_000, 6
"""Elements of a row in memory, at most, of one tensor in some, if it has few rows."""
_PHASES = (
    (Phase.SCATTER, Phase.GATHER0, Phase.APPLY0), (Phase.SCATTER, Phase.GATHER1, Phase.APPLY1),
)  # fmt: skip


def _program(p: GnnParameters, rng: np.random.Generator, form: Form) -> Program:
    """Return a program on a graph, whose tensors have random contents."""
    code = RandomCode(p, rng, form)
    round_ = code.below(2)
    most = {
        Form.ANY: code.one_of(_FEW_ROWS, _MANY_ROWS), Form.RECIPROCALS: _MANY_ROWS
    }.get(form, _FEW_ROWS)  # fmt: skip
    rows = 1 if form is Form.STORES else most
    interval = min(most, code.accumulator_rows)
    vertices = 1 + code.below(min(3 * interval, _MANY_ROWS))
    shards = partition(
        Graph.of(vertices, *rng.integers(0, vertices, (2, 2 * vertices))),
        Limits(
            interval=interval, source_bytes=code.local_stride * p.lanes,
            capacity=code.local_rows * code.local_stride * p.lanes,
            # Few for many shards.
            max_sources=min(p.max_sources, code.one_of(2, 5, p.max_sources)),
            max_edges=min(code.edge_rows, code.one_of(3, 8, p.max_edges)),
        ),
    )  # fmt: skip
    scalars = code.array(16, vertices).astype(np.int16)

    def there(value: _Value, absent: _Value) -> tuple[_Value, _Value]:
        """Something of one round, and of the other none."""
        return (absent, value) if round_ else (value, absent)

    phases = (tuple(code.beginning()), tuple(code.shard()), tuple(code.end()))
    named = {number: name for name, number in code.numbers.items()}
    # Those that nobody names are there, too.
    names = tuple(named.get(number, "row") for number in range(SLOTS))
    factors = code.factors(HIGH_HALF)
    weights = code.array(8, code.weight_rows, p.columns)
    one = Pass(
        phases=dict(zip(_PHASES[round_], phases, strict=True)),
        slots=tuple(code.slots[name] for name in names), slot_names=names,
        constants=(
            *(Multiplier(int(each) & 0xFFFF, int(each) >> 16) for each in factors),
            Multiplier(1, 16),
        ),
        tensors=tuple(TENSORS), weights=weights.astype(np.int8).view(np.uint8),
        bias=code.array(32, code.biases, p.columns).astype(np.int32),
        tables=code.array(8, p.tables, 256).astype(np.int8).view(np.uint8),
        exp_bits=1 + code.below(14), interval=interval,
        chunk_rows=min(code.local_rows, code.one_of(1 + code.below(interval), interval), rows),
        accumulator_stride=code.accumulator_stride, chunk_stride=code.local_stride,
        source_stride=there(code.local_stride, 0), edge_stride=there(code.edge_stride, 0),
        halves=code.halves, partitions=there(shards, None), scalars=there(scalars, None),
    )  # fmt: skip
    width = code.slots["row"].elements
    tensors = {}
    for name in TENSORS:
        # Rows may be longer than what is loaded or stored of them.
        wide = width + code.one_of(0, code.below(_MORE))
        if vertices <= _FEW_ROWS and code.below(_SELDOM) == 0:
            wide = code.below(_FAR - width) + width
        tensors[name] = Tensor(vertices, wide, ElementType.I8, code.array(8, vertices, wide))
    tensors["factor"] = Tensor(vertices, 1, ElementType.I32, code.factors(vertices, 1))
    return Program(
        parameters=p, vertices=vertices, order=None, passes=(one,), tensors=tensors, input="x",
        output="y0", input_features=tensors["x"].elements,
        output_columns=tuple(range(tensors["y0"].elements)),
    )  # fmt: skip


def make_random(
    p: GnnParameters, rng: np.random.Generator, *, form: Form = Form.ANY
) -> tuple[Workload, Image]:  # fmt: skip
    """Return a random program, and its image as a machine leaves it."""
    program = _program(p, rng, form)
    # Any table will do for EXP2N.
    records = Records(build_image(program))
    table = records.section(0, Section.EXPONENTIALS, "<u2")
    table[:] = rng.integers(0, 1 << 16, len(table))
    image = records.image
    after = replace(image, memory=image.memory.copy())
    Machine(p, seed=int(rng.integers(1 << 32))).run(after)
    return Workload((RANDOM, RANDOM), program, image, after.read("y0"), estimate(program)), after
