"""The records of an image as arrays that can be changed, for images that are wrong, or odd."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...generators.gnn.formats import BLOCK_BYTES, PASS_BYTES, Section
from ...generators.gnn.image import INTERVAL_TYPE, SHARD_TYPE, Image
from .image_reader import read_intervals

__all__ = ["PASS_TYPE", "TENSOR_TYPE", "Records"]

PASS_TYPE = np.dtype([
    ("pc", "<u2", 5), ("chunk_rows", "<u2"), ("accumulator_stride", "<u2"),
    ("chunk_stride", "<u2"), ("source_stride", "<u2", 2), ("edge_stride", "<u2", 2),
    ("halves", "u1"), ("has_scalars", "u1"), ("reserved0", "<u2"),
    ("interval_block", "<u4"), ("shard_block", "<u4"), ("reserved1", "u1", 28),
    ("sections", [("block", "<u4"), ("bytes", "<u4")], 8),
])  # fmt: skip
TENSOR_TYPE = np.dtype([("block", "<u4"), ("stride", "<u2"), ("reserved", "<u2")])


class Records:
    """Views into a copy of an image's memory.

    Attributes
    ----------
    passes
        PASS_TYPE [passes].
    """

    def __init__(self, image: Image) -> None:
        self._image = replace(image, memory=image.memory.copy())
        self.passes = self._view(image.pass_block, PASS_BYTES * image.passes, PASS_TYPE)

    @property
    def image(self) -> Image:
        """The image with all changes."""
        return self._image

    def section(self, number: int, section: Section, kind: str | np.dtype[np.void]) -> NDArray[Any]:
        """Return a section of a pass."""
        place = self.passes[number]["sections"][section.value]
        return self._view(int(place["block"]), int(place["bytes"]), kind)

    def intervals(self, number: int) -> NDArray[np.void]:
        """Return the intervals of a pass."""
        block = int(self.passes[number]["interval_block"])
        count = len(read_intervals(self._image.memory, block - self._image.first))
        return self._view(block, count * INTERVAL_TYPE.itemsize, INTERVAL_TYPE)

    def shards(self, number: int) -> NDArray[np.void]:
        """Return the shards of a pass."""
        named = self.intervals(number)["shards"]
        count = int((named["first"] + named["count"]).max()) if named["count"].any() else 0
        block = int(self.passes[number]["shard_block"])
        return self._view(block, count * SHARD_TYPE.itemsize, SHARD_TYPE)

    def words(self, block: int, count: int) -> NDArray[np.uint32]:
        """Return words of 32 bits."""
        return self._view(block, 4 * count, "<u4")

    def _view(self, block: int, size: int, kind: str | np.dtype[np.void]) -> NDArray[Any]:
        start = (block - self._image.first) * BLOCK_BYTES
        return self._image.memory[start : start + size].view(kind)
