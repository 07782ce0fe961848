"""Whole engines on images made by hand: results, faults, and resets from any of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.gnn.engine_run import EngineModel, EngineRun, MemoryTiming
from gatewright.generators.gnn.assembly import Slot
from gatewright.hw.gnn.faults import NO_THREAD, Fault
from gatewright.hw.gnn.instruction import FLAG_ONE, ElementType, Space
from gatewright.hw.gnn.records import Phase, Section
from gatewright.tests.hw.gnn.engine_bench import BASE, DIGEST, TINY, HandImage, new_engine, tensor

_I8, _I16, _I32 = ElementType
_LOCAL, _ACC, _EDGE = Space.LOCAL, Space.ACCUMULATOR, Space.EDGE
SLOTS = {
    "x": Slot(_LOCAL, _I8, 0, 8), "y": Slot(_LOCAL, _I8, 2, 8), "sum": Slot(_ACC, _I32, 0, 8),
    "e": Slot(_EDGE, _I16, 0, 2),
}  # fmt: skip
DOUBLE = HandImage(
    {Phase.APPLY1: "LDV d=x c=0\nADD d=y a=x b=x\nSTV a=y c=1\nEND"}, SLOTS, (20, 24, 3),
    ((), (), ()),
)  # fmt: skip
_PROPAGATE = {
    Phase.SCATTER: "FILL d=sum\nEND",
    Phase.GATHER0: "LDV d=x c=0\nSPSUM d=sum a=x b=SCALAR\nEND",
    Phase.APPLY0: "RQ d=y a=sum k=0\nSTV a=y c=1\nEND",
}
_SHARDS = (
    (([1, 5, 9], [(0, 0), (0, 1), (3, 2), (19, 0)]), ([2], [(3, 0), (4, 0)])), (),
    (([40, 41], [(0, 0), (1, 1), (2, 0), (2, 1)]),),
)  # fmt: skip
SUMS = HandImage(_PROPAGATE, SLOTS, (20, 24, 3), _SHARDS)


def run(engine: EngineModel, image: HandImage, *, seed: int = 1, limit: int = 100_000,
        timing: MemoryTiming | None = None) -> EngineRun:  # fmt: skip
    memory = image.build(np.random.default_rng(seed))
    return engine.run(memory, address=BASE, pass_block=0, passes=1, digest=DIGEST, timing=timing,
                      limit=limit)  # fmt: skip


def doubled(found: EngineRun) -> bool:
    x = tensor(found.memory, 0).astype(int)
    due = np.clip(2 * x, -128, 127)
    due[47:] = 0
    return bool((tensor(found.memory, 1) == due).all())


def test_a_chunk_goes_through() -> None:
    found = run(new_engine(), DOUBLE)
    assert not found.failed and doubled(found)
    told = found.registers
    # 47 rows of 2 beats; 3 + 3 + 1 chunks.
    assert (told["READ_BEATS"], told["WRITE_BEATS"], told["TASKS"]) == (94, 94, 7)
    assert (told["VECTOR_JOBS"], told["READ_JOBS"], told["WRITE_JOBS"]) == (7, 7, 7)
    assert told["PASSES_ENDED"] == 1 and told["VECTOR_BUSY"] == 47 * 2 * 2


@pytest.mark.parametrize("halves", [1, 2])
@pytest.mark.parametrize(
    "timing", [MemoryTiming(1, 1), MemoryTiming(20, 90), MemoryTiming(1, 30, 0.6, seed=3)]
)
def test_edges_are_summed(halves: int, timing: MemoryTiming) -> None:
    image = replace(SUMS, fields={"halves": halves})
    found = run(new_engine(seed=4), image, timing=timing)
    x = tensor(found.memory, 0).astype(int)
    due = np.zeros((64, 8), int)
    first = 0
    for rows, shards in zip(SUMS.rows, _SHARDS, strict=True):
        for sources, edges in shards:
            for dst, src in edges:
                due[first + dst] += (sources[src] % 7 - 3) * x[sources[src]]
        first += rows
    assert not found.failed
    assert (tensor(found.memory, 1) == np.clip(due, -128, 127)).all()


def test_a_row_for_all() -> None:
    text = f"LDV d=x c=0\nLDV d=y c=0 flags={FLAG_ONE}\nADD d=x a=x b=y flags={FLAG_ONE}\n"
    found = run(new_engine(), replace(DOUBLE, code={Phase.APPLY0: f"{text}STV a=x c=1\nEND"}))
    x = tensor(found.memory, 0).astype(int)
    due = np.clip(x + x[0], -128, 127)
    due[47:] = 0
    assert not found.failed and (tensor(found.memory, 1) == due).all()


def _chunk(text: str, **slots: Slot) -> HandImage:
    return replace(DOUBLE, code={Phase.APPLY1: f"FILL d=x\n{text}\nEND"}, slots={**SLOTS, **slots})


def _shard(text: str, **slots: Slot) -> HandImage:
    return replace(SUMS, code={Phase.GATHER0: f"LDV d=x c=0\n{text}\nEND"},
                   slots={**SLOTS, **slots})  # fmt: skip


_UNKNOWN = bytes(7) + bytes([63 << 2])
FAULTS = {
    "no half": (replace(DOUBLE, fields={"halves": 0}), Fault.RECORD, None),
    "three halves": (replace(DOUBLE, fields={"halves": 3}), Fault.RECORD, None),
    "chunks of nothing": (replace(DOUBLE, fields={"chunk_rows": 0}), Fault.RECORD, None),
    "too many sources": (
        replace(SUMS, shards=((([0] * 65, []),), (), ())), Fault.RECORD, 2,
    ),
    "too many edges": (
        replace(SUMS, shards=((([0], [(0, 0)] * 129),), (), ())), Fault.RECORD, 2,
    ),
    "a phase behind the code": (
        replace(DOUBLE, lengths={Section.CODE: 0}), Fault.RECORD, None,
    ),
    "long code": (replace(DOUBLE, lengths={Section.CODE: 8 * 65}), Fault.SECTION, None),
    "half an instruction": (replace(DOUBLE, lengths={Section.CODE: 4}), Fault.SECTION, None),
    "long table": (replace(DOUBLE, lengths={Section.TABLES: 516}), Fault.SECTION, None),
    "no end": (
        replace(DOUBLE, code={Phase.APPLY1: "FILL d=x"}), Fault.PROGRAM_COUNTER, 1,
    ),
    "no operation": (
        replace(DOUBLE, sections={Section.CODE: _UNKNOWN}), Fault.INSTRUCTION, 0,
    ),
    "writing in a shard": (_shard("STV a=x c=1"), Fault.OPERAND, 1),
    "edges in a chunk": (_chunk("SPMAX d=sum a=x"), Fault.OPERAND, 1),
    "loading accumulators": (_chunk("LDV d=sum c=0"), Fault.OPERAND, 1),
    "no such tensor": (_chunk("LDV d=x c=2"), Fault.OPERAND, 1),
    "scores in a chunk": (_chunk("FILL d=e"), Fault.OPERAND, 1),
    "accumulators of a shard": (_shard("FILL d=sum"), Fault.OPERAND, 1),
    "no such slot": (_chunk("FILL d=4"), Fault.SLOT, 1),
    "beyond local memory": (
        _chunk("FILL d=far", far=Slot(_LOCAL, _I8, 256 - 7 * 4 - 1, 8)), Fault.SLOT, 1,
    ),
    "beyond the accumulators": (
        # Of the first half: 128 words, less those of the last chunk.
        _chunk("FILL d=far", far=Slot(_ACC, _I32, 128 - 19 * 2 - 1, 8)), Fault.SLOT, 1,
    ),
    "beyond the scores": (
        _shard("FILL d=far", far=Slot(_EDGE, _I16, 128 - 3 * 2, 3)), Fault.SLOT, 1,
    ),
    "beyond the weights": (
        _chunk("MM d=y a=x b=far", far=Slot(Space.WEIGHT, _I8, 64 - 15, 8, 8)), Fault.SLOT, 1,
    ),
    "beyond the bias": (
        _chunk("MM d=y a=x b=w imm=15", w=Slot(Space.WEIGHT, _I8, 0, 8, 8)), Fault.SLOT, 1,
    ),
    "narrow accumulators": (_chunk("FILL d=n", n=Slot(_ACC, _I16, 0, 8)), Fault.SLOT, 1),
    "nothing": (_chunk("FILL d=n", n=Slot(_LOCAL, _I8, 0, 0)), Fault.SLOT, 1),
}  # fmt: skip


def _error(found: EngineRun) -> tuple[Fault, int, int]:
    told = found.registers
    return Fault(told["ERROR"] & 15), told["ERROR"] >> 8 & 31, told["ERROR_PC"]


@pytest.mark.parametrize("name", FAULTS)
def test_faults_stop_the_engine_and_a_reset_recovers_it(name: str) -> None:
    image, due, pc = FAULTS[name]
    engine = new_engine()
    found = run(engine, image)
    code, thread, place = _error(found)
    assert found.failed and code is due
    assert (thread, place) == (NO_THREAD, 0) if pc is None else thread < TINY.threads
    assert pc is None or place == pc
    engine.write("CONTROL", 1)
    assert engine.read("STATUS") == 4, "an engine in error does not start"
    engine.reset()
    assert engine.read("ERROR") == 0
    again = run(engine, DOUBLE)
    assert not again.failed and doubled(again)


def test_slots_may_end_where_their_space_ends() -> None:
    image = _chunk(
        "FILL d=a\nFILL d=b\nMM d=y a=x b=w imm=14",
        a=Slot(_LOCAL, _I8, 256 - 7 * 4 - 2, 8), b=Slot(_ACC, _I32, 128 - 23 * 2 - 2, 8),
        w=Slot(Space.WEIGHT, _I8, 64 - 16, 8, 8),
    )  # fmt: skip
    assert not run(new_engine(), image).failed


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("response", [2, 3])
def test_memory_errors_are_told(writes: bool, response: int) -> None:
    engine = new_engine()
    # Row 30 of the tensor that is read, or written: the second beat.
    address = BASE + 128 + writes * 512 + 30 * 8 + 4
    timing = MemoryTiming(10, 30, 0.3, 1, address, response, writes)
    found = run(engine, DOUBLE, timing=timing)
    code, thread, pc = _error(found)
    told = found.registers["ERROR_ADDRESS_LOW"] | found.registers["ERROR_ADDRESS_HIGH"] << 32
    kinds = {(False, 2): Fault.READ_SLAVE, (False, 3): Fault.READ_DECODE,
             (True, 2): Fault.WRITE_SLAVE, (True, 3): Fault.WRITE_DECODE}  # fmt: skip
    assert found.failed and code is kinds[writes, response] and thread < TINY.threads
    assert pc == (2 if writes else 0)
    # A write is answered as a whole: its burst's address is told.
    assert 0 <= address - told < 64 if writes else told == address
    engine.reset()
    assert doubled(run(engine, DOUBLE))


@pytest.mark.parametrize("after", [1, 40, 150, 300, 301, 302, 303, 420, 533, 700, 900])
def test_a_reset_in_the_middle(after: int) -> None:
    engine = new_engine()
    with pytest.raises(CheckFailed, match="engine must end within"):
        run(engine, SUMS, timing=MemoryTiming(5, 60, 0.3, seed=after), limit=after)
    engine.reset()
    found = run(engine, DOUBLE)
    assert not found.failed and doubled(found)


def test_runs_follow_each_other_and_counters_restart() -> None:
    engine = new_engine()
    first, second = run(engine, DOUBLE), run(engine, DOUBLE)
    assert dict(first.registers) == dict(second.registers)


def test_an_image_for_another_engine_is_refused() -> None:
    memory = DOUBLE.build(np.random.default_rng(1))
    with pytest.raises(InputError, match="image must be for the engine with parameters 0x0000600d"):
        new_engine().run(memory, pass_block=0, passes=1, digest=DIGEST + 1)


def test_no_pass_is_done_at_once() -> None:
    engine = new_engine()
    memory = DOUBLE.build(np.random.default_rng(1))
    found = engine.run(memory, pass_block=0, passes=0, digest=DIGEST, limit=100)
    assert not found.failed and found.registers["CONTROL_BEATS"] == 0


def test_a_pass_outside_of_memory() -> None:
    engine = new_engine()
    memory = DOUBLE.build(np.random.default_rng(1))
    found = engine.run(memory, pass_block=1 << 20, passes=1, digest=DIGEST)
    assert _error(found) == (Fault.READ_DECODE, NO_THREAD, 0)
    engine.reset()
    assert doubled(run(engine, DOUBLE))


def test_a_run_is_written(tmp_path: Path) -> None:
    found = run(new_engine(), DOUBLE)
    found.write(tmp_path / "memory.bin", tmp_path / "registers.json")
    assert (tmp_path / "memory.bin").read_bytes() == found.memory.tobytes()
    told = json.loads((tmp_path / "registers.json").read_text())
    assert told["cycles"] == found.cycles and told["TASKS"] == 7


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"least": 9, "most": 3}, "latency must be 0 <= least <= most, not 9 and 3"),
        ({"stall": 1.0}, "stall must be in 0..1 without 1, not 1.0"),
        ({"error_response": 1}, "error_response must be 0, 2 or 3, not 1"),
    ],
)
def test_timings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        MemoryTiming(**wrong)
