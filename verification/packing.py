"""Integers to payload bits and back, whole arrays at a time.

A beat is a row of 32-bit words, low word first; a batch of beats is a ``uint32`` array
``[n, words]``. A field of ``width`` bits at ``offset`` holds ``value mod 2^width``; reading a
signed field gives the number of its two's complement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..generators.artifacts import Field

__all__ = [
    "field_texts",
    "from_ints",
    "pack",
    "pack_array",
    "to_ints",
    "unpack",
    "unpack_array",
    "words_of",
]

Words = NDArray[np.uint32]
Values = NDArray[np.int64] | NDArray[np.uint64]


def words_of(width: int) -> int:
    """32-bit words of a payload or port of ``width`` bits (one at least)."""
    return max(1, -(-width // 32))


def pack(fields: Sequence[Field], width: int, values: Mapping[str, ArrayLike]) -> Words:
    """Beats ``[n, words]`` from one array ``[n]`` per field name; a field left out is zero.

    Raises
    ------
    InputError
        If a name is unknown, a value does not fit its field, or lengths differ.
    """
    by_name = {field.name: field for field in fields}
    unknown = [name for name in values if name not in by_name]
    if unknown:
        raise InputError(f"field must be one of {', '.join(by_name)}, not {unknown[0]!r}")
    arrays = {name: _integers(name, value) for name, value in values.items()}
    lengths = {array.shape[0] for array in arrays.values()}
    if len(lengths) > 1:
        raise InputError(f"fields must have equal numbers of values, not {sorted(lengths)}")
    packed = _blank(lengths.pop() if lengths else 0, width)
    for name, array in arrays.items():
        _deposit(packed, by_name[name], array)
    return _words(packed, width)


def pack_array(fields: Sequence[Field], width: int, values: ArrayLike) -> Words:
    """Beats ``[n, words]`` from one array ``[n, len(fields)]``, in the order of the fields."""
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] != len(fields):
        raise InputError(f"values must be of shape [n, {len(fields)}], not {list(array.shape)}")
    packed = _blank(array.shape[0], width)
    for column, field in enumerate(fields):
        _deposit(packed, field, _integers(field.name, array[:, column]))
    return _words(packed, width)


def unpack(fields: Sequence[Field], words: Words) -> dict[str, Values]:
    """One array ``[n]`` per field: ``int64``, or ``uint64`` for an unsigned field of 64 bits."""
    packed = _double_words(words)
    return {field.name: _extract(packed, field) for field in fields}


def unpack_array(fields: Sequence[Field], words: Words) -> NDArray[np.int64]:
    """One ``int64`` array ``[n, len(fields)]``, in the order of the fields."""
    packed = _double_words(words)
    columns = np.empty((words.shape[0], len(fields)), dtype=np.int64)
    for column, field in enumerate(fields):
        columns[:, column] = _extract(packed, field).astype(np.int64)
    return columns


def to_ints(words: Words) -> list[int]:
    """Each beat as one Python integer."""
    rows = np.ascontiguousarray(words, dtype="<u4")
    size = rows.shape[1] * 4
    raw = rows.tobytes()
    return [int.from_bytes(raw[at : at + size], "little") for at in range(0, len(raw), size)]


def from_ints(beats: Iterable[int], width: int) -> Words:
    """Beats ``[n, words]`` from one Python integer each."""
    size = words_of(width) * 4
    raw = b"".join(beat.to_bytes(size, "little") for beat in beats)
    return np.frombuffer(raw, dtype="<u4").reshape(-1, size // 4).astype(np.uint32)


def field_texts(fields: Sequence[Field], beat: int) -> dict[str, str]:
    """Each field of one beat in words: its number, or ``NAME`` where it is an enum's."""
    texts = {}
    for field in fields:
        value = (beat >> field.offset) & ((1 << field.width) - 1)
        name = field.enum.get(str(value)) if field.enum else None
        if field.signed and value >> (field.width - 1):
            value -= 1 << field.width
        texts[field.name] = str(value) if name is None else name
    return texts


def _integers(name: str, values: ArrayLike) -> Values:
    array = np.asarray(values)
    if array.dtype.kind not in "iub":
        raise InputError(f"field {name} must hold integers, not {array.dtype}")
    if array.ndim != 1:
        raise InputError(f"field {name} must be one row of values, not {array.ndim} dimensions")
    return array if array.dtype == np.uint64 else array.astype(np.int64)


def _blank(beats: int, width: int) -> NDArray[np.uint64]:
    # One word to spare, so that a field that ends in the last word may spill into it.
    return np.zeros((beats, -(-width // 64) + 1), dtype=np.uint64)


def _deposit(packed: NDArray[np.uint64], field: Field, values: Values) -> None:
    _check_width(field)
    if values.size:
        bits = field.width - field.signed
        least, most = (-(1 << bits) if field.signed else 0), (1 << bits) - 1
        low, high = int(values.min()), int(values.max())
        if low < least or high > most:
            raise InputError(
                f"field {field.name} must be in {least}..{most}, not {low if low < least else high}"
            )
    mask = np.uint64((1 << field.width) - 1)
    raw = values.astype(np.uint64) & mask
    word, shift = divmod(field.offset, 64)
    packed[:, word] |= raw << np.uint64(shift)
    if shift + field.width > 64:
        packed[:, word + 1] |= raw >> np.uint64(64 - shift)


def _extract(packed: NDArray[np.uint64], field: Field) -> Values:
    _check_width(field)
    word, shift = divmod(field.offset, 64)
    raw = packed[:, word] >> np.uint64(shift)
    if shift + field.width > 64:
        raw |= packed[:, word + 1] << np.uint64(64 - shift)
    spare = np.uint64(64 - field.width)
    raw <<= spare
    if field.signed:
        return raw.view(np.int64) >> spare.astype(np.int64)
    raw >>= spare
    return raw if field.width == 64 else raw.view(np.int64)


def _check_width(field: Field) -> None:
    if not 1 <= field.width <= 64:
        raise InputError(f"field {field.name} must be of 1..64 bits, not {field.width}")


def _words(packed: NDArray[np.uint64], width: int) -> Words:
    narrow = packed.astype("<u8", copy=False).view("<u4").astype(np.uint32, copy=False)
    return np.ascontiguousarray(narrow[:, : words_of(width)])


def _double_words(words: Words) -> NDArray[np.uint64]:
    if words.ndim != 2:
        raise InputError(f"beats must be of shape [n, words], not {list(words.shape)}")
    padded = np.zeros((words.shape[0], (words.shape[1] + 1) // 2 * 2), dtype="<u4")
    padded[:, : words.shape[1]] = words
    return padded.view("<u8").astype(np.uint64, copy=False)
