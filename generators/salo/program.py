"""Programs: schedules as bytes that a sequencer executes.

A program is, without gaps:

====================  ==========================================================================
64 bytes              header
8 D bytes a tile      descriptors, in order; `D = 1 + gather + segments + global_rows` words each,
                      as :mod:`.program_words` says
4 bytes an entry      index lists: queries or keys, bit 31 alone set for none; then 4 bytes of 0 if
                      their number is odd
8 ceil(R Cs / 64)     element masks, bit `i * Cs + j` of element (i, j) of a segment; bit b of the
bytes a mask          string is bit `b mod 8` of byte `b // 8`
8 ceil(C / 64)        rider masks, bit c of column c
bytes a mask
====================  ==========================================================================

The header, little-endian:

======  =====  ====================================================================================
offset  bytes  field
======  =====  ====================================================================================
0       4      "SALO"
4       2      version, 1
6       2      bytes of the header, 64
8       4      CRC-32 (of zlib) of the whole program with 0 in this place
12      4      tiles
16      8 * 1  rows, cols, segments, gather, global_rows, 1 if global_row_kv is private, q_bits,
               kv_bits
24      8 * 1  mantissa_bits, fraction_bits, guard_bits, exp_bits, out_fraction_bits, exp_segments,
               shift (f: the base-2 logit is the score over 2^f), 0
32      4 * 4  dk, dv, queries, keys
48      3 * 4  entries of the index lists, element masks, rider masks
60      4      0
======  =====  ====================================================================================

A reader refuses what it does not know, and a program for another array.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...golden.salo.formats import HW8, MAX_SHIFT, Format
from ..checks import check_range
from .descriptors import Descriptors, decode, encode, words_per_tile
from .schedule import Schedule
from .shape import MAX_HEAD, ArrayShape
from .tiles import Tiles

__all__ = ["HEADER_BYTES", "MAGIC", "VERSION", "Program", "read_program", "write_program"]

MAGIC, VERSION, HEADER_BYTES = b"SALO", 1, 64

_HEADER = struct.Struct("<4sHHII16B4I3II")
_NONE = np.uint32(1 << 31)
_CHECKSUM = slice(8, 12)
_FORMAT_FIELDS = (
    "q_bits", "kv_bits", "mantissa_bits", "fraction_bits", "guard_bits", "exp_bits",
    "out_fraction_bits", "exp_segments",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Program:
    """What a sequencer needs to know.

    Attributes
    ----------
    tiles
        The tiles; their shape is that of the array.
    dk, dv
        Elements of a query or key, and of a value.
    queries
        Queries of the sequence; its keys are `tiles.key_count`.
    shift
        The base-2 logit is the score over `2^shift`.
    numbers
        Formats of numbers.
    """

    tiles: Tiles
    dk: int
    dv: int
    queries: int
    shift: int
    numbers: Format = HW8

    @classmethod
    def of(cls, schedule: Schedule, shift: int, numbers: Format = HW8) -> Program:
        """Return the program of a schedule."""
        check_range("shift", shift, 0, MAX_SHIFT)
        return cls(
            schedule.tiles, schedule.dk, schedule.dv, schedule.pattern.queries, shift, numbers
        )


def write_program(program: Program) -> bytes:
    """Return the bytes of a program.

    Raises
    ------
    InputError
        If it is too large for the format.
    """
    parts = encode(program.tiles)
    shape = program.tiles.shape
    formats = [getattr(program.numbers, name) for name in _FORMAT_FIELDS]
    header = _HEADER.pack(
        MAGIC, VERSION, HEADER_BYTES, 0, len(program.tiles),
        shape.rows, shape.cols, shape.segments, shape.gather, shape.global_rows,
        int(shape.global_row_kv == "private"), *formats, program.shift, 0,
        program.dk, program.dv, program.queries, program.tiles.key_count,
        len(parts.lists), len(parts.masks), len(parts.rider_masks), 0,
    )  # fmt: skip
    lists = np.where(parts.lists < 0, _NONE, parts.lists.astype(np.uint32)).astype("<u4")
    data = bytearray(header)
    data += parts.words.astype("<u8").tobytes()
    data += lists.tobytes() + bytes(4 * (len(lists) % 2))
    for bits in (parts.masks, parts.rider_masks):
        data += _packed(bits)
    data[_CHECKSUM] = struct.pack("<I", zlib.crc32(data))
    return bytes(data)


def read_program(
    data: bytes,
    *,
    shape: ArrayShape | None = None,
    numbers: Format | None = None,
    dk_max: int | None = None,
    dv_max: int | None = None,
) -> Program:
    """Return the program that bytes hold.

    Parameters
    ----------
    data
        As `write_program` made them.
    shape, numbers, dk_max, dv_max
        The array that is to run it; what is left out is not compared.

    Raises
    ------
    InputError
        If it is no program, of another version, damaged, or for another array.
    """
    if len(data) < HEADER_BYTES or data[:4] != MAGIC:
        raise InputError(f"program must start with {MAGIC.decode()}, not {bytes(data[:4])!r}")
    fields = _HEADER.unpack_from(data)
    if fields[1:3] != (VERSION, HEADER_BYTES):
        raise InputError(f"version of the program must be {VERSION}, not {fields[1]}")
    blank = bytearray(data)
    blank[_CHECKSUM] = bytes(4)
    if zlib.crc32(blank) != fields[3]:
        raise InputError(f"checksum of the program must be {zlib.crc32(blank):08x}, not "
                         f"{fields[3]:08x}")  # fmt: skip
    tiles, (rows, cols, segments, gather, global_rows, private) = fields[4], fields[5:11]
    own = ArrayShape(
        rows, cols, segments, gather, global_rows, "private" if private else "shared"
    )
    own_numbers = Format(**dict(zip(_FORMAT_FIELDS, fields[11:19], strict=True)))
    shift, (dk, dv, queries, keys) = fields[19], fields[21:25]
    if shape is not None:
        _compare(own, shape, vars(shape))
    if numbers is not None:
        _compare(own_numbers, numbers, vars(numbers))
    for name, value, most in (("dk", dk, dk_max), ("dv", dv, dv_max)):
        check_range(f"{name} of the program", value, 1, most or MAX_HEAD)
    parts = _parts(data, own, tiles, fields[25:28])
    return Program(decode(own, keys, parts), dk, dv, queries, shift, own_numbers)


def _compare(own: object, expected: object, names: Iterable[str]) -> None:
    for name in names:
        value, wanted = getattr(own, name), getattr(expected, name)
        if value != wanted:
            raise InputError(f"{name} of the program must be {wanted} for this array, not {value}")


def _parts(
    data: bytes, shape: ArrayShape, tiles: int, counts: tuple[int, int, int]
) -> Descriptors:
    entries, masks, rider_masks = counts
    words = words_per_tile(shape)
    element_bits, rider_bits = shape.rows * shape.segment_cols, shape.cols
    sizes = [
        8 * words * tiles, 4 * (entries + entries % 2), _mask_bytes(element_bits) * masks,
        _mask_bytes(rider_bits) * rider_masks,
    ]  # fmt: skip
    place = np.cumsum([HEADER_BYTES, *sizes]).tolist()
    if place[-1] != len(data):
        raise InputError(f"program must have {place[-1]} bytes, not {len(data)}")
    raw = np.frombuffer(data, "<u4", entries, place[1])
    return Descriptors(
        np.frombuffer(data, "<u8", words * tiles, place[0]).reshape(tiles, words).astype(np.uint64),
        np.where(raw == _NONE, -1, raw.astype(np.int64)).astype(np.int32),
        _unpacked(data[place[2] : place[3]], masks, element_bits),
        _unpacked(data[place[3] : place[4]], rider_masks, rider_bits),
    )


def _mask_bytes(bits: int) -> int:
    return -(-bits // 64) * 8


def _packed(bits: NDArray[np.bool_]) -> bytes:
    packed = np.packbits(bits, axis=1, bitorder="little")
    width = _mask_bytes(bits.shape[1])
    return np.pad(packed, ((0, 0), (0, width - packed.shape[1]))).tobytes()


def _unpacked(data: bytes, count: int, bits: int) -> NDArray[np.bool_]:
    octets = np.frombuffer(data, np.uint8).reshape(count, _mask_bytes(bits))
    return np.unpackbits(octets, axis=1, count=bits, bitorder="little").astype(np.bool_)
