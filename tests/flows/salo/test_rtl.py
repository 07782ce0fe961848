"""Attention on the Verilog: outputs of the model, cycles of the schedule, and waiting foretold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.salo.rtl import RtlRuns
from gatewright.flows.simulation.batched import BatchedModel
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.salo import generator
from gatewright.generators.salo.config import SaloConfig
from gatewright.generators.salo.importers.boolean import from_boolean
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band, GlobalColumns, GlobalRows
from gatewright.generators.salo.workload import token_beats
from gatewright.golden.salo.machine import Operands, run
from gatewright.tests.generators.salo import patterns
from gatewright.verification.packing import pack
from gatewright.verification.salo.stimulus import KINDS, Design, Job, make_job, random_pattern

WINDOW = Pattern(24, 24, [Band(-3, 3), GlobalColumns([5]), GlobalRows([5])])
NARROW = Pattern(24, 24, [Band(0, 1)])
"""Blocks of one tile."""

SMALL = "rows=4 cols=4 dk_max=16 dv_max=16 max_tokens=32 reads=4"
SLOW = f"{SMALL} lanes=1 result_blocks=2 gather=2 global_row_kv=private"
EIGHT = "rows=8 cols=8 dk_max=20 dv_max=20 max_tokens=160 reads=2"
ONE_BLOCK = "rows=2 cols=2 dk_max=24 dv_max=8 max_tokens=32 result_blocks=1 global_rows=0"

Engines = Callable[[str], Build]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    built: dict[str, Build] = {}

    def engine(overrides: str) -> Build:
        if overrides not in built:
            config = load_config(SaloConfig, None, overrides.split())
            folder = tmp_path_factory.mktemp("engine")
            built[overrides] = build_design(generator, config, folder)
        return built[overrides]

    return engine


def job(build: Build, pattern: Pattern, dk: int, dv: int, heads: int = 1, seed: int = 0) -> Job:
    design = Design.of(build.manifest)
    random = np.random.default_rng(seed)
    return make_job(design, random, pattern, "", dk=dk, dv=dv, operands=("gaussian",) * heads)


def ran(build: Build, work: Job, stall: float = 0.0) -> RtlRuns:
    """Run all heads, each checked against the model."""
    runs = RtlRuns(build, work.program, stall=stall)
    for head in work.heads:
        runs.run(head.rows, head.riders, head.expected)
    return runs


@pytest.mark.one_in(2)
@pytest.mark.parametrize("overrides", [SMALL, SLOW])
def test_heads_one_after_another(overrides: str, engines: Engines) -> None:
    runs = ran(engines(overrides), job(engines(overrides), WINDOW, 16, 15, heads=3))
    assert runs.heads == 3 and runs.outputs == 3 * 24 * 15
    assert runs.figures["outputs"] == runs.outputs and runs.rate > 0
    if overrides == SMALL:
        assert runs.reason_to_wait is None and runs.cycles == runs.due


@pytest.mark.thorough
@pytest.mark.parametrize("kind", patterns.SMALL)
def test_every_kind_of_pattern(kind: str, engines: Engines) -> None:
    """On 8 x 8, with a head long enough never to wait."""
    build = engines(EIGHT)
    mask = patterns.SMALL[kind]()
    work = job(build, mask, 20, 20)
    runs = ran(build, work)
    assert runs.outputs == mask.queries * 20
    assert runs.reason_to_wait is None and runs.cycles == runs.due


@pytest.mark.thorough
def test_stalls_change_no_output(engines: Engines) -> None:
    work = job(engines(SLOW), WINDOW, 9, 12, heads=2)
    runs = ran(engines(SLOW), work, stall=0.7)
    assert runs.cycles > runs.due


@pytest.mark.one_in(2)
@pytest.mark.parametrize("overrides", [SMALL, SLOW, ONE_BLOCK])
def test_cycles_are_those_foretold(overrides: str, engines: Engines) -> None:
    """Where there is no reason to wait they are exact, which a run checks; else not fewer."""
    build = engines(overrides)
    engine = Design.of(build.manifest).engine
    random = np.random.default_rng(7)
    waits = []
    for number in range(30):
        pattern = random_pattern(random, KINDS[number % len(KINDS)], int(random.integers(6, 30)))
        dk, dv = (int(random.integers(*limits, endpoint=True))
                  for limits in (engine.dk_range, engine.dv_range))  # fmt: skip
        waits.append(ran(build, job(build, pattern, dk, dv)).reason_to_wait)
    assert None in waits and any(waits)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("overrides", "pattern", "dk", "dv", "reason"), [
    (SMALL, from_boolean(np.random.default_rng(0).random((24, 24)) < 0.4), 4, 3,
     r"a descriptor with all lists and masks takes 20 cycles, a tile 9"),
    (SLOW, NARROW, 16, 16, r"the normaliser takes \d+ cycles for a block, and tile 1 ends one 34 "
     r"cycles after another"),
    (ONE_BLOCK, NARROW, 24, 8, r"results of tile 1 have no room: result_blocks = 1"),
])  # fmt: skip
def test_reasons_to_wait(
    overrides: str, pattern: Pattern, dk: int, dv: int, reason: str, engines: Engines
) -> None:
    runs = ran(engines(overrides), job(engines(overrides), pattern, dk, dv))
    assert runs.reason_to_wait is not None and re.fullmatch(reason, runs.reason_to_wait)
    assert runs.cycles > runs.due


def test_what_differs_is_told_in_a_line(engines: Engines) -> None:
    work = job(engines(SMALL), WINDOW, 16, 16)
    (head,) = work.heads
    outputs = head.expected.outputs.clone()
    outputs[7, 3] += 1
    right = int(head.expected.outputs[7, 3])

    def told(expected: object, due: int = 0) -> str:
        runs = RtlRuns(engines(SMALL), work.program)
        runs.due += due
        with pytest.raises(CheckFailed) as caught:
            runs.run(head.rows, head.riders, expected)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert told(replace(head.expected, outputs=outputs)) == (
        f"output of head 0, query 7, element 3 must be {right + 1}, not {right} (1 of 384 differ)"
    )
    assert told(replace(head.expected, exponent_saturated=True)) == (
        "exponent_saturated must be True in head 0, not False"
    )
    for wrong in (-1, 1):
        due = RtlRuns(engines(SMALL), work.program).due
        assert told(head.expected, wrong) == (
            f"cycles of head 0 must be {due + wrong}, not {due}"
        )


def test_a_program_for_another_engine_is_refused(engines: Engines) -> None:
    work = job(engines(SLOW), WINDOW, 16, 16)
    with pytest.raises(InputError, match=r"^program must be for ArrayShape\(rows=4, .*, not "):
        RtlRuns(engines(SMALL), work.program)
    manifest = engines(SMALL).manifest
    with pytest.raises(InputError, match=r"^manifest must be that of a salo design, not of flint"):
        RtlRuns(Build(Path(), replace(manifest, generator="flint")), work.program)


@pytest.mark.thorough
def test_what_is_loaded_stays(engines: Engines) -> None:
    """A second run with other queries only, in any order; the program and the keys are there."""
    build = engines(SLOW)
    design = Design.of(build.manifest)
    work = job(build, WINDOW, 16, 12)
    (head,) = work.heads
    rows = Operands(head.rows.q.flip(0), head.rows.k, head.rows.v)
    expected = run(
        rows, design.engine.numbers, work.program.shift, [work.program.tiles.batch()],
        rider_operands=head.riders,
    )  # fmt: skip
    other = replace(head, rows=rows, expected=expected)
    beats = token_beats(design.engine, rows, head.riders)
    new = np.random.default_rng(0).permutation(
        np.flatnonzero((beats["operand"] == 0) & (beats["rider"] == 0))
    )
    queries = {name: values[new] for name, values in beats.items()}
    queries["last"] = np.arange(len(new)) == len(new) - 1
    stream = build.manifest.stream("load")
    model = BatchedModel(build)
    for number, (loaded, each) in enumerate((
        ({"program": design.program(work.program), "load": design.tokens(head)}, head),
        ({"load": pack(stream.fields, stream.width, queries)}, other),
    )):  # fmt: skip
        due = design.results(work.program, each)
        done = model.run_streams(loaded, {"results": len(due)}, reset=number == 0)
        assert (done.outputs["results"] == due).all()
