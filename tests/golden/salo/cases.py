"""Masks of every kind in the brief's section 5.4, small, and plain tilings of any mask."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewright.golden.salo.formats import Format
from gatewright.golden.salo.machine import Operands
from gatewright.golden.salo.quantiser import quantize


@dataclass(frozen=True, eq=False)
class Batch:
    """Tiles written out; the machine takes anything with these fields."""

    queries: Tensor
    tokens: Tensor
    first: Tensor
    last: Tensor
    rider_queries: Tensor
    rider_tokens: Tensor
    rider_first: Tensor
    rider_last: Tensor

    def part(self, start: int, stop: int) -> Batch:
        return Batch(*(getattr(self, name)[start:stop] for name in self.__dataclass_fields__))


def tiling(
    mask: Tensor, *, rows: int = 32, keys: int = 33, riders: tuple[int, ...] = (), width: int = 1,
    columns: int | None = None, seed: int = 0,
) -> Batch:  # fmt: skip
    """Cut a mask into tiles: blocks of `rows` queries, each row's keys in random order.

    Queries in `riders` ride, `width` at a time, `columns` keys a tile.
    """
    generator = torch.Generator().manual_seed(seed)
    columns = keys if columns is None else columns

    def chunks(query: int, size: int) -> Tensor:
        allowed = mask[query].nonzero()[:, 0]
        allowed = allowed[torch.randperm(len(allowed), generator=generator)]
        padded = torch.full((max(1, -(-len(allowed) // size)) * size,), -1)
        padded[: len(allowed)] = allowed
        return padded.view(-1, size)

    others = [query for query in range(len(mask)) if query not in riders]
    tiles: list[tuple[Tensor, Tensor, bool, bool]] = []
    for start in range(0, len(others), rows):
        block = others[start : start + rows]
        lists = [chunks(query, keys) for query in block]
        count = max(len(each) for each in lists)
        tokens = torch.full((count, rows, keys), -1)
        for row, each in enumerate(lists):
            tokens[: len(each), row] = each
        queries = torch.full((rows,), -1)
        queries[: len(block)] = torch.tensor(block)
        tiles += [(queries, tokens[t], t == 0, t == count - 1) for t in range(count)]
    turns: list[list[tuple[int, Tensor, bool, bool]]] = [[] for _ in range(width)]
    for number, query in enumerate(riders):
        each = chunks(query, columns)
        turns[number % width] += [
            (query, each[t], t == 0, t == len(each) - 1) for t in range(len(each))
        ]
    total = max(len(tiles), *(len(turn) for turn in turns), 1)
    batch = Batch(
        torch.full((total, rows), -1), torch.full((total, rows, keys), -1),
        torch.zeros(total, dtype=torch.bool), torch.zeros(total, dtype=torch.bool),
        torch.full((total, width), -1), torch.full((total, width, columns), -1),
        torch.zeros((total, width), dtype=torch.bool),
        torch.zeros((total, width), dtype=torch.bool),
    )  # fmt: skip
    for t, (queries, tokens, first, last) in enumerate(tiles):
        batch.queries[t], batch.tokens[t], batch.first[t], batch.last[t] = (
            queries, tokens, torch.tensor(first), torch.tensor(last),
        )  # fmt: skip
    for g, turn in enumerate(turns):
        for t, (query, keys_of, first, last) in enumerate(turn):
            batch.rider_queries[t, g] = query
            batch.rider_tokens[t, g] = keys_of
            batch.rider_first[t, g] = first
            batch.rider_last[t, g] = last
    return batch


def pieces(batch: Batch, size: int) -> Iterator[Batch]:
    for start in range(0, len(batch.first), size):
        yield batch.part(start, start + size)


def gaussian(
    fmt: Format, queries: int, keys: int, dk: int, dv: int, std: float, seed: int = 0
) -> tuple[Operands, int]:
    """Quantized random operands whose logits have that standard deviation in nats, and f."""
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn((1, queries, dk), generator=generator) * std
    k = torch.randn((1, keys, dk), generator=generator)
    v = torch.randn((1, keys, dv), generator=generator)
    made = quantize(q, k, v, fmt)
    return Operands(made.q[0], made.k[0], made.v[0]), made.shifts[0]


def offsets(n: int) -> Tensor:
    """Key index less query index, [n, n]."""
    index = torch.arange(n)
    return index[None, :] - index[:, None]


def with_globals(mask: Tensor, tokens: list[int]) -> Tensor:
    mask = mask.clone()
    mask[tokens, :] = True
    mask[:, tokens] = True
    return mask


def longformer(n: int, low: int, high: int, tokens: list[int]) -> Tensor:
    offset = offsets(n)
    return with_globals((offset >= low) & (offset <= high), tokens)


def dilated(n: int, step: int, taps: int) -> Tensor:
    offset = offsets(n)
    return with_globals((offset % step == 0) & (offset.abs() <= step * (taps // 2)), [0])


def windows_2d(height: int, width: int, window: int) -> Tensor:
    """A window around each token of a grid, behind one global token."""
    row, col = torch.arange(height * width) // width, torch.arange(height * width) % width
    near = ((row[:, None] - row).abs() <= window // 2) & ((col[:, None] - col).abs() <= window // 2)
    mask = torch.zeros((height * width + 1, height * width + 1), dtype=torch.bool)
    mask[1:, 1:] = near
    return with_globals(mask, [0])


def swin(side: int, window: int) -> Tensor:
    index = torch.arange(side * side)
    cell = index // side // window * side + index % side // window
    return cell[:, None] == cell


def bigbird(n: int, size: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    blocks = n // size
    near = offsets(blocks).abs() <= 1
    for block in range(blocks):
        near[block, torch.randperm(blocks, generator=generator)[:count]] = True
    near = with_globals(near, [0, blocks - 1])
    return near.repeat_interleave(size, 0).repeat_interleave(size, 1)


def strided(n: int, stride: int) -> Tensor:
    offset = offsets(n)
    return (offset <= 0) & ((offset > -stride) | (offset % stride == 0))


def fixed(n: int, block: int, summary: int) -> Tensor:
    index = torch.arange(n)
    same = index[:, None] // block == index // block
    return (offsets(n) <= 0) & (same | (index % block >= block - summary))


def streaming(n: int, window: int, sinks: int) -> Tensor:
    offset = offsets(n)
    return (offset <= 0) & ((offset > -window) | (torch.arange(n) < sinks))


def unstructured(n: int, density: float) -> Tensor:
    return torch.rand((n, n), generator=torch.Generator().manual_seed(5)) < density


MASKS: dict[str, Tensor] = {
    "longformer": longformer(384, -64, 64, [0]),
    "longformer, even taps": longformer(384, -64, 63, [0]),
    "vil, large": windows_2d(20, 20, 15),
    "vil, small": windows_2d(14, 14, 15),
    "bigbird": bigbird(384, 16, 3),
    "dilated 4": dilated(384, 4, 65),
    "dilated 2": dilated(384, 2, 129),
    "streaming": streaming(384, 128, 4),
    "strided": strided(384, 32),
    "fixed": fixed(384, 32, 8),
    "swin": swin(28, 7),
    "causal": offsets(384) <= 0,
    "dense": torch.ones((384, 384), dtype=torch.bool),
    "longformer, three globals": longformer(384, -64, 64, [0, 100, 300]),
    "unstructured": unstructured(384, 0.05),
}


@dataclass(frozen=True)
class Error:
    relative: float
    largest: float
    cosine: float


def error(outputs: Tensor, exact: Tensor, fmt: Format) -> Error:
    """Relative L2 and largest error in units of v, and the worst row's cosine."""
    real = outputs.double() * math.ldexp(1.0, -fmt.out_fraction_bits)
    difference = real - exact
    used = exact.norm(dim=1) > 0
    cosine = torch.nn.functional.cosine_similarity(real[used], exact[used], dim=1)
    return Error(
        float(difference.norm() / exact.norm()), float(difference.abs().max()), float(cosine.min())
    )
