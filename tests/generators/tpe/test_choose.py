from __future__ import annotations

import json

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.generators.tpe.choose import RADIX_4, choose, encoded_rows
from gatewright.golden.tpe.arrays import ArrayDescription, Dataflow, DigitSerial
from gatewright.golden.tpe.encodings import Encoding
from gatewright.golden.tpe.walk import walk


def grid(rows=4, cols=4, **work):
    serial = DigitSerial(**{"encoding": "booth", "width": 8, "signed": True, **work})
    return ArrayDescription(dataflow=Dataflow.DIGIT_SERIAL, rows=rows, cols=cols, work=serial)


def random(shape, seed=1, deviation=20.0):
    values = np.random.default_rng(seed).normal(0, deviation, shape).round()
    return values.clip(-128, 127).astype(np.int64)


def test_the_sparse_operand_is_encoded():
    a, b = random((16, 64)), random((64, 16), 2, 1.0)
    best = choose(a, b, grid()).best
    assert best.operand == "b"
    best = choose(b.T, a.T, grid()).best
    assert best.operand == "a"


def test_naf_wins_on_rows_that_are_even():
    """Rows all alike: no barrier, so the encoding with the fewest digits takes the least time."""
    a, b = np.tile(random((1, 4096)), (4, 1)), random((4096, 4))
    choice = choose(a, b, grid(), operands=("a",))
    assert [each.encoding for each in choice.candidates] == ["naf", "ent", "booth"]
    cycles = [each.cycles for each in choice.candidates]
    assert cycles == sorted(cycles) and len(set(cycles)) == 3


def test_the_smaller_encoder_wins_a_draw():
    zeros = np.zeros((8, 8), np.int64)
    assert choose(zeros, zeros, grid()).best.encoding == Encoding.BOOTH
    assert choose(zeros, zeros, grid(), encodings=("ent", "booth")).best.encoding == Encoding.ENT


def test_shapes_count_too():
    """One row of A leaves three of four rows of the array idle; B^T fills them."""
    a, b = random((1, 64)), random((64, 64))
    assert choose(a, b, grid(rows=16, cols=1)).best.operand == "b"
    assert choose(b.T, a.T, grid(rows=16, cols=1)).best.operand == "a"


@pytest.mark.parametrize("operand", ["a", "b"])
def test_what_was_chosen_is_what_the_walk_takes(operand):
    a, b = random((5, 9)), random((9, 6), 2).clip(0, None)
    choice = choose(
        a, b, grid(rows=3, cols=2, group=2), b_format=(7, False), operands=(operand,)
    )
    for candidate in choice.candidates:
        rows, others = encoded_rows(a, b, operand)
        walked = walk(rows, others, candidate.schedule.array)
        assert candidate.cycles == walked.last_result[-1] + 1
        product = walked.product if operand == "a" else walked.product.T
        assert (product == a @ b).all()


def test_table_is_for_a_report():
    choice = choose(random((8, 40)), random((40, 8)), grid(), encodings=list(Encoding)[:3])
    rows = json.loads(json.dumps(choice.table()))
    assert len(rows) == 6
    assert rows[0]["cycles"] == choice.best.cycles
    assert {(row["operand"], row["encoding"]) for row in rows} == {
        (operand, encoding.value) for operand in "ab" for encoding in RADIX_4
    }
    # A barrier at the end of a tile alone: what rows of independent numbers take is close.
    for row in rows:
        assert row["cycles"] >= 2 * 2 * 40 * row["cycles_per_operand"] * 0.9
        assert 0 < row["utilisation"] < 1


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda a: choose(a, a, ArrayDescription(dataflow=Dataflow.MATRIX)),
         "dataflow must be digit_serial to choose an encoding, not matrix"),
        (lambda a: choose(a, a, grid(), operands=("c",)), "operands must be out of a, b, not 'c'"),
        (lambda a: choose(a, a, grid(), operands=()), "operands must name at least one, not none"),
        (lambda a: choose(a, a, grid(), encodings=()),
         "encodings must name at least one, not none"),
        (lambda a: choose(a * 99, a, grid()), "values must be -128..127, not 198 at [0, 0]"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(InputError) as refused:
        call(np.full((2, 2), 2))
    assert str(refused.value) == message
