"""Images that mean the same: other bits where nothing counts, other numbers, sections left out."""

from __future__ import annotations

import numpy as np

from ...generators.gnn.formats import BLOCK_BYTES, NO_CODE, Opcode, Phase, Section
from ...generators.gnn.image import LAST, Image
from .isa import FLAGS, OPERANDS, TENSORS, USES_IMM, USES_K, WIDTHS
from .records import TENSOR_TYPE, Records

__all__ = ["fill_ignored", "keep_sections", "move_numbers"]

_OPCODES = {op.value: op for op in Opcode}
_EDGE_RESERVED = 0b11 << 16
_SLOT_RESERVED = 0xFFF << 4
_SLOT_COLUMNS = 0xFFFF << 48
_WEIGHTS = 3
_GATHERS = (Phase.GATHER0, Phase.GATHER1)
_CONSTANT_BITS = 22


def _ignored(word: int) -> int:
    """Return the bits of an instruction that mean nothing."""
    op = _OPCODES[word >> 58]
    flags = FLAGS.get(op, 0)
    meant = {
        "imm": op in USES_IMM, "k": op in USES_K, "op": True,
        "c": op in TENSORS or "c" in OPERANDS[op], **{name: name in OPERANDS[op] for name in "bad"},
    }  # fmt: skip
    at = bits = 0
    for name, width in WIDTHS.items():
        free = ~flags if name == "flags" else 0 if meant[name] else -1
        bits |= (free & (1 << width) - 1) << at
        at += width
    return bits | (_EDGE_RESERVED if op is Opcode.EDGE else 0)


def fill_ignored(image: Image, rng: np.random.Generator) -> Image:
    """Return the image with any bits in all fields that mean nothing."""
    records = Records(image)
    done: set[tuple[str, int]] = set()
    # Rounds that some pass has code for, by the records of intervals, which passes may share.
    gathered = {
        (int(each["interval_block"]), phase)
        for each in records.passes for phase in _GATHERS if each["pc"][phase.value] != NO_CODE
    }  # fmt: skip
    for number, each in enumerate(records.passes):
        for name in ("reserved0", "reserved1"):
            each[name] = rng.integers(0, 256, each[name].shape)
        for round_, phase in enumerate(_GATHERS):
            if each["pc"][phase.value] == NO_CODE:
                for name in ("source_stride", "edge_stride"):
                    each[name][round_] = rng.integers(0, 1 << 16)
        masks = {}
        for section in (Section.CODE, Section.SLOTS):
            place = ("section", int(each["sections"][section.value]["block"]))
            if place not in done:
                done.add(place)
                masks[section] = records.section(number, section, "<u8")
        for section, words in masks.items():
            for i, word in enumerate(words.tolist()):
                free = _ignored(word) if section is Section.CODE else (
                    _SLOT_RESERVED | (_SLOT_COLUMNS if word & 3 != _WEIGHTS else 0)
                )
                words[i] = word & ~free | int(rng.integers(0, 1 << 64, dtype=np.uint64)) & free
        constants = records.section(number, Section.CONSTANTS, "<u4")
        kept = (1 << _CONSTANT_BITS) - 1
        constants[:] = constants & kept | rng.integers(0, 1 << 32, len(constants)) & ~kept
        tensors = records.section(number, Section.TENSORS, TENSOR_TYPE)
        tensors["reserved"] = rng.integers(0, 1 << 16, len(tensors))
        intervals = records.intervals(number)
        absent = [
            intervals["shards"][field][:, round_]
            for round_, phase in enumerate(_GATHERS)
            if (int(each["interval_block"]), phase) not in gathered
            for field in ("first", "count")
        ]
        unread = (intervals["reserved1"], *(intervals["shards"]["reserved"].T), *absent)
        for values in unread:
            top = np.iinfo(values.dtype).max
            values[:] = rng.integers(0, top, len(values), values.dtype)
        flags = rng.integers(0, 1 << 16, len(intervals), np.uint16)
        intervals["flags"] = flags & ~np.uint16(LAST) | intervals["flags"] & LAST
    return records.image


def move_numbers(image: Image, vertices: int, shards: int) -> Image:
    """Return the image with numbers that begin elsewhere: the same bytes at the same addresses.

    Parameters
    ----------
    vertices
        Number of the first vertex: rows of so many are whole blocks, of every tensor.
    shards
        Number of the first shard, even.
    """
    records = Records(image)
    rows = {place.block: place.rows for place in image.tensors.values()}
    done: set[tuple[str, int]] = set()

    def new(kind: str, block: int) -> bool:
        """Whether this was not moved yet: passes share what they can."""
        known = (kind, int(block)) in done
        done.add((kind, int(block)))
        return not known

    # All views first: what has moved is not found by its old number.
    found = [
        (each, records.intervals(number), records.shards(number),
         records.section(number, Section.TENSORS, TENSOR_TYPE))
        for number, each in enumerate(records.passes)
    ]  # fmt: skip
    for each, intervals, shards_there, tensors in found:
        for shard in shards_there:
            if new("sources", shard["source_block"]):
                sources = records.words(int(shard["source_block"]), int(shard["sources"]))
                sources += np.uint32(vertices)
        if new("intervals", each["interval_block"]):
            intervals["first"] += np.uint32(vertices)
            intervals["shards"]["first"] += np.uint32(shards)
        each["shard_block"] -= np.uint32(shards // 2)
        if new("tensors", each["sections"][Section.TENSORS.value]["block"]):
            for tensor in tensors:
                # The only row of a constant is row 0 for everybody.
                if rows[int(tensor["block"])] > 1:
                    assert vertices * int(tensor["stride"]) % BLOCK_BYTES == 0
                    tensor["block"] -= np.uint32(vertices * int(tensor["stride"]) // BLOCK_BYTES)
    return records.image


def keep_sections(image: Image) -> tuple[Image, list[int]]:
    """Return the image without the sections that are the same in all passes, and their lengths.

    An engine that has just run the image has them.
    """
    records = Records(image)
    sections = records.passes["sections"]
    same = (sections == sections[0]).all(axis=0)
    lengths = sections["bytes"][:, same].ravel().tolist()
    sections["bytes"][:, same] = 0
    return records.image, lengths
