"""Row streams: every digit once, in its slot, in the cycles of the model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.tpe.row_stream import row_streams
from gatewright.golden.tpe.arrays import DigitSerial
from gatewright.golden.tpe.cycles import digit_serial_cost
from gatewright.golden.tpe.encodings import Encoding, digit_count, encode, operand_range

COUNT = st.integers(1, 4)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_digits_come_once_and_in_time(data):
    work = DigitSerial(
        encoding=data.draw(st.sampled_from(Encoding)), width=5, signed=data.draw(st.booleans()),
        lanes=data.draw(COUNT), group=data.draw(COUNT), minimum=data.draw(st.integers(0, 1)),
        horner=True,
    )  # fmt: skip
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    low, high = operand_range(work.width, work.signed)
    a = rng.integers(low, high + 1, (data.draw(COUNT), data.draw(st.integers(1, 12))))
    a *= rng.random(a.shape) < data.draw(st.sampled_from([0, 0.3, 1]))
    digits = encode(a, work.encoding, work.width, work.signed)
    weights = digit_count(work.encoding, work.width, work.signed)
    streams = row_streams(a, work)
    cost = digit_serial_cost(digits != 0, 1, work)
    assert [len(each.last) for each in streams] == cost.busy.tolist()
    for row, each in zip(digits, streams, strict=True):
        seen = np.zeros_like(row)
        weight = weights - 1
        for values, slots, last in zip(each.digits, each.slots, each.last, strict=True):
            for lane in np.flatnonzero(values):
                assert seen[slots[lane] * work.lanes + lane, weight] == 0
                seen[slots[lane] * work.lanes + lane, weight] = values[lane]
            weight -= int(last)
        assert weight == -1
        assert (seen == row).all()


@pytest.mark.parametrize("a, fields, message", [
    (np.zeros((1, 1), int), {"horner": False}, "horner must be True for row streams, not False"),
    (np.zeros(3, int), {}, r"a must be a matrix of at least 1 x 1, not \[3\]"),
    (np.zeros((0, 3), int), {}, r"a must be a matrix of at least 1 x 1, not \[0, 3\]"),
    (np.full((1, 1), 16), {}, r"values must be -16..15, not 16 at \[0, 0\]"),
])  # fmt: skip
def test_refusals(a, fields, message):
    work = DigitSerial(**{"encoding": "naf", "width": 5, "signed": True, "horner": True} | fields)
    with pytest.raises(InputError, match=message):
        row_streams(a, work)


@pytest.mark.parametrize("fields", [{"group": None}, {"barrier": 8}])
def test_horner_needs_groups_and_one_meeting(fields):
    message = "horner must be False without groups or with a barrier, not True"
    with pytest.raises(InputError, match=message):
        DigitSerial(encoding="naf", width=8, signed=True, horner=True, **fields)
