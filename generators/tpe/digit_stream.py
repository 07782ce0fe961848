"""Digit streams: the digits of a constant operand, encoded and sorted out before they are needed.

Rows of weights that stay the same need neither encoders nor the search for digits that are not 0:
a stream tells a lane what to do in each cycle. There is a stream for each row m, stretch of
`tile_k` operands and lane, in this order (m slowest). An entry is one cycle of a lane, in the order
of `golden.tpe.arrays.DigitSerial`:

====================  ==========================================================================
bits, lowest first    field
====================  ==========================================================================
3 (radix 4)           `one`, `two`, `negative`: the wires of the digit encoder; all 0 in the cycle
2 (radix 2)           of a group (an operand) without a digit: then `one`, `negative`
1                     `last`: the last cycle of the group (of the operand)
ceil(log2 group)      with groups: `index`, the place of the operand in its group
ceil(log2 digits)     without groups: `weight`, the place of the digit in its operand
====================  ==========================================================================

Entry i of a stream fills bits `i * entry_bits ..` of a little-endian bit string; bit j of the
string is bit `j mod 8` of byte `j // 8`. Streams follow each other without a gap. Which group an
entry belongs to is the number of `last` before it in its stream.

A folder has `<name>.digits`, that string; `<name>.counts.npy`, the entries of each stream, `<u4`
[M, tiles, lanes]; and, written last, `<name>.json`.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...golden.tpe.arrays import DigitSerial, stretches
from ...golden.tpe.encodings import check_operand, decode, digit_count, encode, parse_encoding
from ..artifacts import write_bytes, write_json

__all__ = ["DigitStream", "digit_stream", "load_stream"]

FORMAT, VERSION = "gatewright-digit-stream", 1

_ENTRIES_AT_ONCE = 1 << 20
"""A multiple of 8: every piece but the last ends on a byte."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DigitStream:
    """The streams of a matrix.

    Attributes
    ----------
    work
        How a row goes through its digits.
    shape
        M and K.
    tile_k
        Operands of one stream (over all lanes).
    entries
        int64 [cycles of all streams]: the entries, in the order of the streams.
    counts
        int64 [M, tiles, lanes]: entries of each stream.
    """

    work: DigitSerial
    shape: tuple[int, int]
    tile_k: int
    entries: Integers
    counts: Integers

    @property
    def digit_bits(self) -> int:
        """Bits of the digit of an entry."""
        return 3 if parse_encoding(self.work.encoding).radix == 4 else 2

    @property
    def entry_bits(self) -> int:
        """Bits of an entry."""
        return self.digit_bits + 1 + _place_bits(self.work)

    def packed(self) -> bytes:
        """Return the bit string."""
        pieces = []
        for start in range(0, len(self.entries), _ENTRIES_AT_ONCE):
            part = self.entries[start : start + _ENTRIES_AT_ONCE, None]
            bits = (part >> np.arange(self.entry_bits) & 1).astype(np.uint8)
            pieces.append(np.packbits(bits.ravel(), bitorder="little").tobytes())
        return b"".join(pieces)

    def digits(self) -> NDArray[np.int8]:
        """Return the digits that the streams stand for, int8 [M, K, D], from the entries alone."""
        rows, depth = self.shape
        work = self.work
        last_bit = self.digit_bits
        negative = self.entries >> last_bit - 1 & 1
        magnitude = self.entries & (3 if last_bit == 3 else 1)
        last = self.entries >> last_bit & 1
        place = self.entries >> last_bit + 1
        stream = np.repeat(np.arange(self.counts.size), self.counts.ravel())
        row, tile, lane = np.unravel_index(stream, self.counts.shape)
        ends = np.cumsum(last)
        # The lasts before an entry, less those before its stream began.
        begin = np.concatenate([[0], np.cumsum(self.counts.ravel())])[:-1]
        before = np.concatenate([[0], ends])
        group = before[:-1] - before[begin][stream]
        result = np.zeros((rows, depth, digit_count(work.encoding, work.width, work.signed)), "i1")
        for number, operands in enumerate(stretches(depth, self.tile_k)):
            for which in range(work.lanes):
                chosen = (tile == number) & (lane == which)
                order = np.array(_groups(work, operands, which), np.int64).reshape(-1, 2)
                first, weight = order[group[chosen]].T
                if work.group is None:
                    operand, weight = first, place[chosen]
                else:
                    operand = first + place[chosen] * work.lanes
                value = (magnitude * (1 - 2 * negative))[chosen]
                result[row[chosen], operand, weight] += value.astype(np.int8)
        return result

    def values(self) -> Integers:
        """Return the matrix that the streams stand for."""
        return decode(self.digits(), self.work.encoding)

    def save(self, folder: Path, name: str) -> None:
        """Write the files described above; files of the same names are replaced.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        counts = io.BytesIO()
        np.lib.format.write_array(counts, self.counts.astype("<u4"), version=(1, 0))
        table: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "shape": list(self.shape),
            "tile_k": self.tile_k,
            "entry_bits": self.entry_bits,
            "entries": len(self.entries),
            "work": asdict(self.work),
        }
        try:
            (folder / f"{name}.json").unlink(missing_ok=True)
            for suffix, data in (("digits", self.packed()), ("counts.npy", counts.getvalue())):
                write_bytes(folder / f"{name}.{suffix}", data)
                table[suffix] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            write_json(folder / f"{name}.json", table)
        except OSError as error:
            raise InputError(
                f"folder must be a writable folder: {error.strerror or error}"
            ) from error


def digit_stream(
    values: NDArray[Any], work: DigitSerial, tile_k: int | None = None
) -> DigitStream:
    """Return the streams of `values [M, K]`.

    Parameters
    ----------
    values
        Integers of the format of `work`. For an operand B they are the rows of its transpose.
    work
        How a row goes through its digits; its minimum must be 1.
    tile_k
        Operands of one stream, over all lanes; all if None.

    Raises
    ------
    InputError
        If the matrix or an option is unusable.
    """
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"values must be a matrix of at least 1 x 1, not {list(values.shape)}")
    if work.minimum != 1:
        # An empty group without an entry of its own could not be told from no group.
        raise InputError(f"minimum must be 1 for a digit stream, not {work.minimum}")
    if work.horner:
        # Those start with the highest weight: see row_stream.
        raise InputError(f"horner must be False for a digit stream, not {work.horner}")
    if tile_k is not None and tile_k < 1:
        raise InputError(f"tile_k must be at least 1, not {tile_k}")
    depth = values.shape[1]
    size = depth if tile_k is None else min(tile_k, depth)
    numbers = check_operand("values", values, work.width, work.signed)
    tiles = stretches(depth, size)
    keys, entries = [], []
    for number, tile in enumerate(tiles):
        part = encode(numbers[:, tile.start : tile.stop], work.encoding, work.width, work.signed)
        for operands in stretches(len(tile), work.barrier):
            row, lane, entry = _entries(part[:, operands.start : operands.stop], work)
            keys.append((row * len(tiles) + number) * work.lanes + lane)
            entries.append(entry)
    key = np.concatenate(keys)
    count = values.shape[0] * len(tiles) * work.lanes
    shape = values.shape[0], len(tiles), work.lanes
    return DigitStream(
        work,
        (values.shape[0], depth),
        size,
        # Stable: entries of a stream stay in the order of its stretches.
        np.concatenate(entries)[np.argsort(key, kind="stable")],
        np.bincount(key, minlength=count).reshape(shape),
    )


def load_stream(folder: Path, name: str) -> DigitStream:
    """Return the streams that `DigitStream.save` wrote.

    Raises
    ------
    InputError
        If a file is missing, damaged, or not as the table says.
    """
    path = folder / f"{name}.json"
    try:
        table = json.loads(path.read_bytes())
        if (table["format"], table["version"]) != (FORMAT, VERSION):
            raise InputError(f"{path} must be {FORMAT} version {VERSION}")
        data = {}
        for suffix in ("digits", "counts.npy"):
            data[suffix] = (folder / f"{name}.{suffix}").read_bytes()
            if hashlib.sha256(data[suffix]).hexdigest() != table[suffix]["sha256"]:
                raise InputError(
                    f"{folder / f'{name}.{suffix}'} must have the checksum of {path.name}, "
                    "not another"
                )
        work = DigitSerial(**table["work"])
        counts = np.lib.format.read_array(io.BytesIO(data["counts.npy"]), allow_pickle=False)
        shape = int(table["shape"][0]), int(table["shape"][1])
        bits, total = int(table["entry_bits"]), int(table["entries"])
        octets = np.frombuffer(data["digits"], np.uint8)
        each = np.unpackbits(octets, count=bits * total, bitorder="little").reshape(total, bits)
        entries = each.astype(np.int64) @ (1 << np.arange(bits))
        return DigitStream(work, shape, int(table["tile_k"]), entries, counts.astype(np.int64))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{error.filename} must be readable: {error.strerror}") from error
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path} must be the table of a digit stream, not damaged") from error


def _place_bits(work: DigitSerial) -> int:
    if work.group is not None:
        return (work.group - 1).bit_length()
    return (digit_count(work.encoding, work.width, work.signed) - 1).bit_length()


def _groups(work: DigitSerial, operands: range, lane: int) -> list[tuple[int, int]]:
    """First operand and weight of each group of a lane's stream, in order."""
    size, weights = 1, range(1)
    if work.group is not None:
        size, weights = work.group, range(digit_count(work.encoding, work.width, work.signed))
    groups = []
    for stretch in stretches(len(operands), work.barrier):
        own = operands[stretch.start + lane : stretch.stop : work.lanes]
        groups += [(first, weight) for weight in weights for first in own[::size]]
    return groups


def _entries(
    digits: NDArray[np.int8], work: DigitSerial
) -> tuple[Integers, Integers, Integers]:
    """Row, lane and entry of each cycle between two meetings; a lane's are in its order."""
    rows, depth, weights = digits.shape
    size = 1 if work.group is None else work.group
    count = -(-depth // (size * work.lanes))
    pad = [(0, 0), (0, count * size * work.lanes - depth), (0, 0)]
    # Operand k = (q size + g) lanes + l.
    grouped = np.pad(digits, pad).reshape(rows, count, size, work.lanes, weights)
    if work.group is None:
        ordered = grouped[:, :, 0].transpose(0, 2, 1, 3)[:, :, None]  # row, lane, -, q, weight
    else:
        ordered = grouped.transpose(0, 3, 4, 1, 2)  # row, lane, weight, q, g
    first = np.arange(count) * size * work.lanes + np.arange(work.lanes)[:, None]
    empty = ~ordered.any(axis=-1) & (first < depth)[None, :, None]
    # A place more in each group, for the cycle of one without a digit.
    slots = np.concatenate([ordered != 0, empty[..., None]], axis=-1)
    row, lane, phase, group, place = np.nonzero(slots)
    idle = place == slots.shape[-1] - 1
    place[idle] = 0
    value = np.where(idle, 0, ordered[row, lane, phase, group, place]).astype(np.int64)
    following = np.flatnonzero(
        (np.diff(group) != 0) | (np.diff(phase) != 0) | (np.diff(lane) != 0) | (np.diff(row) != 0)
    )
    last = np.zeros(len(value), np.int64)
    last[following] = 1
    last[-1:] = 1
    radix_4 = parse_encoding(work.encoding).radix == 4
    bits = 3 if radix_4 else 2
    code = np.abs(value) | (value < 0).astype(np.int64) << bits - 1
    return row, lane, code | last << bits | place << bits + 1
