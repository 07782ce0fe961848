"""Programs for an engine, its beats, and what it refuses to run."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gatewright.errors import InputError
from gatewright.generators.config import load_config
from gatewright.generators.salo.config import SaloConfig
from gatewright.generators.salo.design import Engine
from gatewright.generators.salo.importers.boolean import from_boolean
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.program import Program, read_program, write_program
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.terms import Band, GlobalColumns, GlobalRows
from gatewright.generators.salo.workload import (
    outputs,
    program_beats,
    result_beats,
    token_beats,
)
from gatewright.golden.salo.formats import HW12
from gatewright.golden.salo.machine import Operands

SMALL = "rows=4 cols=4 dk_max=16 dv_max=16 max_tokens=32"
PRIVATE = f"{SMALL} global_rows=2 global_row_kv=private lanes=2"
PATTERN = Pattern(21, 21, [Band(-3, 3), GlobalColumns([5]), GlobalRows([5, 20])])


def engine(overrides: str = SMALL) -> Engine:
    return Engine.made_of(load_config(SaloConfig, None, overrides.split()))


def program(made_for: Engine, pattern: Pattern = PATTERN, dk: int = 12, dv: int = 9) -> Program:
    schedule = make_schedule(pattern, made_for.shape, dk=dk, dv=dv)
    return Program.of(schedule, sum(made_for.shift_range) // 2, made_for.numbers)


def test_a_program_that_fits_is_taken() -> None:
    for overrides in (SMALL, PRIVATE):
        engine(overrides).check(program(engine(overrides)))


@pytest.mark.parametrize(("change", "line"), [
    ({"dk": 5}, "dk must be in 6 to 16 for this engine, not 5"),
    ({"dk": 17}, "dk must be in 6 to 16 for this engine, not 17"),
    ({"dv": 5}, "dv must be in 6 to 16 for this engine, not 5"),
    ({"dv": 300}, "dv must be in 6 to 16 for this engine, not 300"),
    ({"shift": 2}, "shift must be in 3 to 18 for this engine, not 2"),
    ({"shift": 19}, "shift must be in 3 to 18 for this engine, not 19"),
    ({"queries": 33}, "queries must be in 1 to 32 for this engine, not 33"),
    ({"numbers": HW12}, r"program must be for Format(...mantissa_bits=8, ...), not Format(...)"),
])  # fmt: skip
def test_refused_in_one_line(change: dict[str, Any], line: str) -> None:
    made = engine()
    with pytest.raises(InputError, match=f"^{re.escape(line).replace('...', '.*')}$".replace(
        r"\.\.\.", ".*"
    )):  # fmt: skip
        made.check(replace(program(made), **change))


def test_sizes_that_do_not_fit_are_refused() -> None:
    made = program(engine())
    for overrides, line in (
        (f"{SMALL} segments=2", r"program must be for ArrayShape\(.*segments=2.*\), not .*"),
        ("rows=4 cols=4 dk_max=16 dv_max=16 max_tokens=20",
         r"queries must be in 1 to 20 for this engine, not 21"),
        (f"{SMALL} program_words=16",
         rf"program_words must be at least {len(write_program(made)) // 8} for this .*, not 16"),
        (f"{SMALL} block_keys=20", r"block_keys must be at least 21, the most keys of a .* not 20"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"^{line}$"):
            engine(overrides).check(made)
    cross = program(engine(), Pattern(4, 33, [Band(0, 3)]))
    with pytest.raises(InputError, match=r"^keys must be in 1 to 32 for this engine, not 33$"):
        engine().check(cross)
    long = engine("rows=2 cols=32 dk_max=40 dv_max=40 reads=16 max_tokens=32")
    with pytest.raises(InputError, match=r"^dk \+ dv \+ 2 must be in 33 to \d+ .*, not 22$"):
        long.check(program(long, dk=10, dv=10))


def test_keys_of_riders_count() -> None:
    """Only a rider attends to more keys than sums have bits for."""
    made = engine(f"{SMALL} block_keys=10")
    pattern = Pattern(24, 24, [Band(-1, 1), GlobalRows([3])])
    ridden = program(made, pattern)
    assert (ridden.tiles.rider_queries == 3).any()
    with pytest.raises(InputError, match=r"^block_keys must be at least 24, .*, not 10$"):
        made.check(ridden)


def test_program_beats_are_its_bytes() -> None:
    data = write_program(program(engine()))
    beats = program_beats(data)
    assert beats["word"].astype("<u8").tobytes() == data
    assert beats["last"].tolist() == [False] * (len(data) // 8 - 1) + [True]
    assert read_program(data).shift == program(engine()).shift


@pytest.mark.parametrize("overrides", [SMALL, PRIVATE])
def test_token_beats_hold_all_vectors(overrides: str) -> None:
    made = engine(overrides)
    random = np.random.default_rng(0)

    def operands() -> Operands:
        shapes = ((21, 12), (21, 12), (21, 9))
        return Operands(*(torch.from_numpy(random.integers(-127, 128, each)) for each in shapes))

    sides = (operands(), operands()) if made.private else (operands(),)
    beats = token_beats(made, *sides)
    assert beats["last"].nonzero()[0].tolist() == [63 * len(sides) - 1]
    vectors = np.stack([beats[f"vector.{c}"] for c in range(16)], axis=1)
    for rider, side in enumerate(sides):
        for operand, matrix in enumerate((side.q, side.k, side.v)):
            mine = beats["operand"] == operand
            if made.private:
                mine &= beats["rider"] == rider
            length = matrix.shape[1]
            assert (vectors[mine][:, :length] == matrix.numpy()).all()
            assert not vectors[mine][:, length:].any()
            assert beats["token"][mine].tolist() == list(range(21))


@pytest.mark.parametrize("overrides", [SMALL, PRIVATE, f"{SMALL} lanes=1 global_rows=0"])
def test_outputs_undo_result_beats(overrides: str) -> None:
    made = engine(overrides)
    random = np.random.default_rng(1)
    mask = random.random((21, 21)) < 0.3
    mask[[4, 11]] = False
    for pattern in (PATTERN, from_boolean(mask)):
        work = program(made, pattern)
        results = random.integers(-(1 << 15), 1 << 15, (21, 9))
        beats = result_beats(made, work, results)
        found = outputs(made, work, beats)
        assert (found == results).all()
        assert beats["last"].nonzero()[0].tolist() == [len(beats["last"]) - 1]
        there = np.stack([beats[f"rows.{n}.there"] for n in range(made.p.lanes)])
        queries = np.stack([beats[f"rows.{n}.query"] for n in range(made.p.lanes)])
        values = np.stack([beats[f"rows.{n}.value"] for n in range(made.p.lanes)])
        assert not values[~there].any() and not queries[~there].any()
        assert there.sum() == 21 * 9, "each query leaves once"
        assert len(beats["element"]) % 9 == 0
        assert (beats["element"].reshape(-1, 9) == np.arange(9)).all()
