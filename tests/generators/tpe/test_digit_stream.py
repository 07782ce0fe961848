from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.tpe.digit_stream import digit_stream, load_stream
from gatewright.golden.tpe.arrays import DigitSerial, stretches
from gatewright.golden.tpe.cycles import lane_cycles
from gatewright.golden.tpe.encodings import Encoding, encode, operand_range
from gatewright.golden.tpe.walk import lane_program

WORK = DigitSerial(encoding="booth", width=8, signed=True)


def random(shape):
    values = np.random.default_rng(1).normal(0, 20, shape).round()
    return values.clip(-128, 127).astype(np.int64)


@st.composite
def streams(draw):
    work = DigitSerial(
        encoding=draw(st.sampled_from(Encoding)), width=draw(st.integers(2, 9)),
        signed=draw(st.booleans()), lanes=draw(st.integers(1, 4)),
        group=draw(st.none() | st.integers(1, 5)), barrier=draw(st.none() | st.integers(1, 6)),
    )  # fmt: skip
    low, high = operand_range(work.width, work.signed)
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 15))
    values = generator.integers(low, high, shape, endpoint=True)
    values *= generator.random(shape) < draw(st.sampled_from([0, 0.4, 1]))
    return values, work, draw(st.none() | st.integers(1, 9))


@settings(max_examples=200, deadline=None)
@given(streams())
def test_streams_are_the_programs_of_the_lanes(drawn):
    values, work, tile_k = drawn
    stream = digit_stream(values, work, tile_k)
    digits = encode(values, work.encoding, work.width, work.signed)
    entries = iter(stream.entries.tolist())
    bits = stream.digit_bits
    for m in range(len(values)):
        for tile, operands in enumerate(stretches(values.shape[1], tile_k)):
            part = digits[m, operands.start : operands.stop]
            for lane in range(work.lanes):
                count = 0
                for barrier in stretches(len(operands), work.barrier):
                    for phase in lane_program(part, barrier, lane, work):
                        for issue in phase:
                            place = issue.weight if work.group is None else issue.index
                            sign = int(issue.digit < 0) << bits - 1
                            wires = abs(issue.digit) | sign
                            expected = wires | issue.last << bits | place << bits + 1
                            assert next(entries) == expected
                            count += 1
                assert stream.counts[m, tile, lane] == count
    assert next(entries, None) is None
    assert max(stream.entries) < 1 << stream.entry_bits
    assert (stream.digits() == digits).all()
    assert (stream.values() == values).all()


def test_a_stream_is_as_long_as_the_cycles():
    values = random((6, 500))
    work = DigitSerial(encoding="naf", width=8, signed=True, lanes=4, group=8)
    nonzero = encode(values, "naf", 8, True) != 0
    expected = lane_cycles(nonzero, 4, 8, 1).sum(axis=1)
    assert digit_stream(values, work).counts[:, 0].tolist() == expected.tolist()


def test_packed_bits():
    """3 is -1 + 4: at weight 0 one, negative, last and index 1; at weight 1 one, last, index 1."""
    work = DigitSerial(encoding="naf", width=4, signed=True, group=2)
    stream = digit_stream(np.array([[0, 3]]), work)
    assert stream.entry_bits == 5
    assert stream.entries.tolist() == [0b11101, 0b11001]
    assert stream.packed() == bytes([0b001_11101, 0b11])


def test_files(tmp_path):
    values = random((7, 30))
    work = DigitSerial(encoding="ent", width=8, signed=True, lanes=2, group=4, barrier=12)
    stream = digit_stream(values, work, 16)
    stream.save(tmp_path / "out", "layer")
    again = load_stream(tmp_path / "out", "layer")
    assert (again.values() == values).all()
    assert again.work == work
    assert again.packed() == stream.packed() == (tmp_path / "out" / "layer.digits").read_bytes()
    assert (again.counts == stream.counts).all()


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("layer.digits", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "must have the checksum"),
        ("layer.json", lambda data: data[:40], "must be the table of a digit stream, not damaged"),
        ("layer.json", lambda data: data.replace(b'"version": 1', b'"version": 2'),
         "must be gatewright-digit-stream version 1"),
        ("layer.json", lambda data: data.replace(b'"lanes": 1', b'"lanes": 0'),
         "lanes must be at least 1, not 0"),
        ("layer.json", lambda data: data.replace(b'"tile_k": 5', b'"tile_k": "x"'),
         "must be the table of a digit stream, not damaged"),
        ("layer.counts.npy", None, "must be readable"),
    ],
)  # fmt: skip
def test_damaged_files(tmp_path, name, change, message):
    digit_stream(random((3, 5)), WORK).save(tmp_path, "layer")
    path = tmp_path / name
    if change is None:
        path.unlink()
    else:
        changed = change(path.read_bytes())
        assert changed != path.read_bytes()
        path.write_bytes(changed)
    with pytest.raises(InputError, match=message):
        load_stream(tmp_path, "layer")


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"^folder must be a writable folder: "):
        digit_stream(random((3, 5)), WORK).save(tmp_path / "file", "layer")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda a: digit_stream(a[0], WORK), "values must be a matrix of at least 1 x 1, not [2]"),
        (lambda a: digit_stream(a, WORK, 0), "tile_k must be at least 1, not 0"),
        (lambda a: digit_stream(a, DigitSerial(encoding="naf", width=8, signed=True, minimum=0)),
         "minimum must be 1 for a digit stream, not 0"),
        (lambda a: digit_stream(a, DigitSerial(encoding="naf", width=8, signed=True, horner=True)),
         "horner must be False for a digit stream, not True"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(InputError) as refused:
        call(np.full((2, 2), 2))
    assert str(refused.value) == message
