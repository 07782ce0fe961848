"""Packed codes: code k fills bits k*b..k*b+b-1 of a little-endian bit string.

Bit i of the string is bit `i mod 8` of byte `i // 8`, so two 4-bit codes share a byte, the first in
the low nibble. The last byte is filled with zero bits.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from .codec import check_codes

__all__ = ["pack_codes", "packed_size", "unpack_codes"]

_CODES_AT_ONCE = 1 << 20
"""A multiple of 8: every piece but the last ends on a byte."""


def packed_size(bits: int, count: int) -> int:
    """Bytes that `count` codes fill."""
    return -(-bits * count // 8)


def pack_codes(codes: Tensor, bits: int) -> bytes:
    """Return the codes, in row-major order, as a packed string of `packed_size` bytes.

    Raises
    ------
    InputError
        If a code is not an integer in 0..2^bits-1.
    """
    check_codes(codes, bits)
    flat = codes.flatten().to(torch.uint8).numpy()
    pieces = []
    for start in range(0, len(flat), _CODES_AT_ONCE):
        part = flat[start : start + _CODES_AT_ONCE]
        each = np.unpackbits(part[:, None], axis=1, count=bits, bitorder="little")
        pieces.append(np.packbits(each.ravel(), bitorder="little").tobytes())
    return b"".join(pieces)


def unpack_codes(data: bytes, bits: int, count: int) -> Tensor:
    """Return the first `count` codes of a packed string, uint8.

    Raises
    ------
    InputError
        If the string is not exactly `packed_size` bytes long.
    """
    if len(data) != packed_size(bits, count):
        raise InputError(
            f"packed codes must be {packed_size(bits, count)} bytes, not {len(data)} bytes"
        )
    codes = np.empty(count, dtype=np.uint8)
    octets = np.frombuffer(data, dtype=np.uint8)
    for start in range(0, count, _CODES_AT_ONCE):
        stop = min(start + _CODES_AT_ONCE, count)
        part = octets[start * bits // 8 : packed_size(bits, stop)]
        each = np.unpackbits(part, count=(stop - start) * bits, bitorder="little")
        padded = np.packbits(each.reshape(-1, bits), axis=1, bitorder="little")
        codes[start:stop] = padded[:, 0]
    return torch.from_numpy(codes)
