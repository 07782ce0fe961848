from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings

from gatewright.errors import InputError
from gatewright.generators.salo.certificate import certify
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.program import (
    HEADER_BYTES,
    Program,
    read_program,
    write_program,
)
from gatewright.generators.salo.program_words import SEGMENT, pack
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.generators.salo.terms import Band, Blocks, GlobalColumns, GlobalRows
from gatewright.golden.salo.formats import HW8, HW12

from .patterns import bigbird, longformer
from .test_schedule import problems

SHAPE = ArrayShape(4, 8, 2, 1, 1)
PATTERN = Pattern(24, 24, [Band(-5, 4), Blocks(4, [(3, 0)]), GlobalColumns([2]), GlobalRows([2])])
PROGRAM = Program.of(make_schedule(PATTERN, SHAPE, dk=6, dv=10), 5, HW12)
DATA = write_program(PROGRAM)


def same_tiles(one, other):
    one, other = one.batch(), other.batch()
    return all((getattr(one, name) == getattr(other, name)).all() for name in vars(one))


@settings(max_examples=100, deadline=None)
@given(problems())
def test_round_trip(problem):
    pattern, shape = problem
    program = Program.of(make_schedule(pattern, shape, dk=7, dv=9), 3)
    data = write_program(program)
    again = read_program(data, shape=shape, numbers=HW8, dk_max=7, dv_max=9)
    assert same_tiles(again.tiles, program.tiles)
    assert (again.dk, again.dv, again.queries, again.shift) == (7, 9, pattern.queries, 3)
    assert write_program(again) == data
    certify(again.tiles, pattern)


@pytest.mark.parametrize("make, most", [(longformer, 110_000), (bigbird, 420_000)])
def test_large_programs(make, most):
    program = Program.of(make_schedule(make(), ArrayShape(32, 32, 2, 1, 1)), 6)
    data = write_program(program)
    assert len(data) < most
    again = read_program(data)
    assert same_tiles(again.tiles, program.tiles)
    assert write_program(again) == data


def test_header():
    fields = struct.unpack_from("<4sHHII16B4I3II", DATA)
    lists, masks, rider_masks = fields[25:28]
    tiles = len(PROGRAM.tiles)
    assert fields[:3] == (b"SALO", 1, 64)
    assert fields[3] == zlib.crc32(DATA[:8] + bytes(4) + DATA[12:])
    assert fields[4:11] == (tiles, 4, 8, 2, 1, 1, 0)
    assert fields[11:19] == (8, 8, 13, 13, HW12.guard_bits, HW12.exp_bits,
                             HW12.out_fraction_bits, 16)  # fmt: skip
    assert fields[19:25] == (5, 0, 6, 10, 24, 24)
    assert len(DATA) == 64 + 8 * 5 * tiles + 8 * -(-lists // 2) + 8 * masks + 8 * rider_masks


def sequencer(data):
    """Read a program bit by bit, as its docstring has it; return queries and tokens of tiles.

    Written from the documentation alone: it shares no code with writer or reader.
    """
    tiles, rows, cols, segments, gather, riders = struct.unpack_from("<I5B", data, 12)
    private = data[21]
    keys, lists, masks = struct.unpack_from("<III", data, 44)
    width = cols // segments
    count = 1 + gather + segments + riders
    words = struct.unpack_from(f"<{tiles * count}Q", data, 64)
    start = 64 + 8 * tiles * count
    entry = struct.unpack_from(f"<{lists}I", data, start)
    start += 4 * (lists + lists % 2)
    mask_size = -(-rows * width // 64) * 8
    rider_start, rider_size = start + masks * mask_size, -(-cols // 64) * 8

    def bit(place, number):
        return data[place + number // 8] >> number % 8 & 1

    def field(word, low, high, signed=False):
        value = word >> low & (1 << high - low + 1) - 1
        return value - (1 << high - low + 1) if signed and value >> high - low else value

    def listed(place):
        return -1 if entry[place] == 1 << 31 else entry[place]

    for tile in range(tiles):
        block, *others = words[tile * count : (tile + 1) * count]
        queries = [-1] * rows
        for i in range(rows):
            if field(block, 2, 2):
                queries[i] = listed(field(block, 16, 39) + i)
            elif i < field(block, 8, 15):
                queries[i] = field(block, 16, 39) + field(block, 40, 55) * i
        tokens = [[-1] * (cols + gather) for _ in range(rows)]
        for x, word in enumerate(others[:gather]):
            for i in range(rows):
                if field(word, 0, 1) == 1 and field(word, 2, 9) <= i < field(word, 10, 17):
                    tokens[i][cols + x] = field(word, 18, 41, True) + field(word, 42, 58) * i
                elif field(word, 0, 1) == 2:
                    tokens[i][cols + x] = listed(field(word, 18, 41) + i)
        last_row = [-1] * cols
        for s, word in enumerate(others[gather : gather + segments]):
            kind, mask, base, step = (field(word, *bits) for bits in (
                (0, 1), (2, 3), (4, 27, True), (28, 43)))  # fmt: skip
            for i in range(rows):
                for j in range(width):
                    p = i - j + width - 1
                    token = -1
                    if kind == 1 and 0 <= base + step * p < keys:
                        token = base + step * p
                    elif kind == 2 and p % width < step:
                        token = listed(base + p % width)
                    if i == rows - 1:
                        last_row[s * width + j] = token
                    works = queries[i] >= 0
                    if mask == 1:
                        works &= field(word, 44, 51) <= j < field(word, 52, 59)
                    elif mask == 2:
                        place = start + field(word, 44, 63) * mask_size
                        works &= bit(place, i * width + j)
                    tokens[i][s * width + j] = token if works else -1
        rider_queries, rider_tokens = [-1] * riders, [[-1] * cols for _ in range(riders)]
        flags = [(0, 0)] * riders
        for g, word in enumerate(others[gather + segments :]):
            flags[g] = field(word, 1, 1), field(word, 2, 2)
            if field(word, 0, 0):
                rider_queries[g] = field(word, 5, 20)
            mask = field(word, 3, 4)
            for c in range(cols):
                token = last_row[c]
                if private:
                    token = field(word, 41, 60) + c
                    token = token if token < keys else -1
                works = mask > 0
                if mask == 2:
                    works = field(word, 21, 28) <= c < field(word, 29, 36)
                elif mask == 3:
                    works = bit(rider_start + field(word, 21, 40) * rider_size, c)
                rider_tokens[g][c] = token if works else -1
        yield queries, tokens, block & 1, block >> 1 & 1, rider_queries, rider_tokens, flags


@settings(max_examples=40, deadline=None)
@given(problems())
def test_the_layout_is_as_documented(problem):
    pattern, shape = problem
    schedule = make_schedule(pattern, shape, dk=4)
    batch = schedule.tiles.batch()
    executed = list(sequencer(write_program(Program.of(schedule, 0))))
    assert len(executed) == len(batch)
    for tile, (queries, tokens, first, last, riders, seen, flags) in enumerate(executed):
        assert queries == batch.queries[tile].tolist()
        assert tokens == batch.tokens[tile].tolist()
        assert (first, last) == (batch.first[tile], batch.last[tile])
        assert riders == batch.rider_queries[tile].tolist()
        assert seen == batch.rider_tokens[tile].tolist()
        edges = zip(batch.rider_first[tile], batch.rider_last[tile], strict=True)
        assert flags == [(first, last) for first, last in edges]


def sealed(data):
    """The bytes with their checksum."""
    blank = data[:8] + bytes(4) + data[12:]
    return data[:8] + struct.pack("<I", zlib.crc32(blank)) + data[12:]


def with_word(data, number, word):
    place = HEADER_BYTES + 8 * number
    return sealed(data[:place] + struct.pack("<Q", word) + data[place + 8 :])


@pytest.mark.parametrize(
    "data, options, message",
    [
        (b"", {}, "program must start with SALO, not b''"),
        (b"SOLA" + DATA[4:], {}, "program must start with SALO, not b'SOLA'"),
        (DATA[:4] + b"\2\0" + DATA[6:], {}, "version of the program must be 1, not 2"),
        (DATA[:-1] + bytes([DATA[-1] ^ 1]), {}, "checksum of the program must be "),
        (DATA[:70] + bytes([DATA[70] ^ 16]) + DATA[71:], {}, "checksum of the program must be "),
        (sealed(DATA[:-8]), {}, f"program must have {len(DATA)} bytes, not {len(DATA) - 8}"),
        (sealed(DATA + bytes(8)), {}, f"program must have {len(DATA)} bytes, not {len(DATA) + 8}"),
        (DATA, {"shape": ArrayShape(8, 8, 2, 1, 1)},
         "rows of the program must be 8 for this array, not 4"),
        (DATA, {"shape": ArrayShape(4, 8, 1, 1, 1)},
         "segments of the program must be 1 for this array, not 2"),
        (DATA, {"shape": ArrayShape(4, 8, 2, 1, 1, "private")},
         "global_row_kv of the program must be private for this array, not shared"),
        (DATA, {"numbers": HW8}, "mantissa_bits of the program must be 8 for this array, not 13"),
        (DATA, {"dk_max": 5}, "dk of the program must be a whole number from 1 to 5, not 6"),
        (DATA, {"dv_max": 8}, "dv of the program must be a whole number from 1 to 8, not 10"),
        (with_word(DATA, 0, 4 | 0xFFFFFF << 16), {},
         "program must have the list at 16777215 that a block word points to"),
        (with_word(DATA, 2, 2 | 0x7FFFFF << 4 | 1 << 28), {},
         "program must have the list at 8388607 that a segment word points to"),
        (with_word(DATA, 2, 1 | 2 << 2 | 0xFFFFF << 44), {}, "program must have mask 1048575"),
        (with_word(DATA, 4, 1 | 3 << 3 | 0xFFFFF << 21), {},
         "program must have rider mask 1048575"),
    ],
)  # fmt: skip
def test_what_a_reader_refuses(data, options, message):
    with pytest.raises(InputError) as refused:
        read_program(data, **options)
    assert str(refused.value).startswith(message)


def test_values_that_do_not_fit():
    with pytest.raises(InputError) as refused:
        pack(SEGMENT, {"base": np.array([5, 1 << 23])})
    assert str(refused.value) == (
        "base of a descriptor must be -8388608 to 8388607, not 8388608"
    )
    with pytest.raises(InputError, match=r"^shift must be a whole number from 0 to 31, not 32$"):
        Program.of(make_schedule(PATTERN, SHAPE, dk=6), 32)
