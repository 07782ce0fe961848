"""The same array one cycle at a time: slow, without a formula, and it computes the product too.

Every row of a digit-serial array has a program, the list of what its lanes do; a row that is
through with a part waits until the others are. What a cycle adds to the sums is added, so that the
product shows that every digit was worked on once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import ArrayDescription, DigitSerial, Laconic, Tile
from .encodings import encode, parse_encoding

__all__ = ["Issue", "Walk", "lane_program", "walk"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Issue:
    """What a lane does in one cycle: digit `weight` of operand `k`, or nothing if `digit` is 0.

    `index` is the place of the operand in its group; `last` marks the last cycle of the group (of
    the operand, without groups).
    """

    k: int
    index: int
    weight: int
    digit: int
    last: bool


@dataclass(frozen=True, eq=False)
class Walk:
    """What happened.

    Attributes
    ----------
    product
        int64 [M, N].
    start, end, first_result, last_result
        Cycles of each tile, as in `cycles.Schedule`.
    row_busy
        int64 [rows]: cycles in which each row was not waiting.
    """

    product: Integers
    start: list[int]
    end: list[int]
    first_result: list[int]
    last_result: list[int]
    row_busy: Integers


def lane_program(
    digits: NDArray[np.int8], operands: range, lane: int, work: DigitSerial
) -> list[list[Issue]]:
    """Return what one lane does from one meeting of the rows to the next.

    Parameters
    ----------
    digits
        [K, D] of the row's operands.
    operands
        The k between the two meetings.
    lane
        Number of the lane.
    work
        How the row goes through the digits.

    Returns
    -------
    list of list of Issue
        One list for each weight with groups, where lanes meet in between; else a single list.
    """
    own = [k for k in operands if (k - operands.start) % work.lanes == lane]
    weights = range(digits.shape[1])
    if work.group is None:
        program: list[Issue] = []
        for k in own:
            found = [(k, 0, weight) for weight in weights if digits[k, weight]]
            program += _issue(digits, found, (k, 0, 0), work.minimum)
        return [program]
    phases = []
    for weight in weights:
        program = []
        padded = -(-len(operands) // work.lanes) if work.horner else len(own)
        for first in range(0, padded, work.group):
            if first >= len(own):
                # Operands 0, that fill up the last time that operands come.
                program += [Issue(operands[0], 0, weight, 0, True)] * work.minimum
                continue
            group = own[first : first + work.group]
            found = [(k, at, weight) for at, k in enumerate(group) if digits[k, weight]]
            program += _issue(digits, found, (group[0], 0, weight), work.minimum)
        phases.append(program)
    return phases


def _issue(
    digits: NDArray[np.int8],
    found: list[tuple[int, int, int]],
    empty: tuple[int, int, int],
    minimum: int,
) -> list[Issue]:
    steps = found or [empty] * minimum
    return [
        Issue(k, index, weight, int(digits[k, weight]), number == len(steps) - 1)
        for number, (k, index, weight) in enumerate(steps)
    ]


def _weight_step(phase: list[list[Issue]]) -> list[list[Issue]]:
    """The programs of all lanes for a weight; with a cycle, if there is none, to multiply."""
    if any(phase):
        return phase
    return [[Issue(0, 0, 0, 0, True)], *phase[1:]]


def walk(
    a: NDArray[Any], b: NDArray[Any], array: ArrayDescription
) -> Walk:
    """Multiply `a [M, K]` by `b [K, N]` on `array`, cycle by cycle."""
    (m, k), n = a.shape, b.shape[1]
    product = np.zeros((m, n), np.int64)
    row_busy = np.zeros(array.rows, np.int64)
    starts: list[int] = []
    ends: list[int] = []
    firsts: list[int] = []
    lasts: list[int] = []
    cycle = loading = 0
    for tile in array.tiles(m, n, k):
        # The loader has worked since the tile before made room, or since it was done with that one.
        loading = max(loading, starts[-1] + array.release if starts else 0)
        for _ in range(array.loads(tile)):
            loading += 1
        while cycle < loading or (array.result_buffers == 1 and lasts and cycle <= lasts[-1]):
            cycle += 1
        starts.append(cycle)
        cycle += max(1, _run(a, b, array, tile, product, row_busy))
        if array.dataflow.streams:
            firsts.append(starts[-1] + array.latency)
            lasts.append(cycle - 1 + array.latency)
        else:
            while lasts and cycle - 1 + array.latency <= lasts[-1] + array.clearance:
                cycle += 1  # the results before are still on their way out
            firsts.append(cycle - 1 + array.latency)
            lasts.append(firsts[-1] + array.drain_beats - 1)
        ends.append(cycle)
    return Walk(product, starts, ends, firsts, lasts, row_busy)


def _run(
    a: NDArray[Any],
    b: NDArray[Any],
    array: ArrayDescription,
    tile: Tile,
    product: Integers,
    row_busy: Integers,
) -> int:
    """Do the work of a tile; return how many cycles it took."""
    if isinstance(array.work, DigitSerial):
        return _run_digits(a, b, array.work, tile, product, row_busy)
    if isinstance(array.work, Laconic):
        return _run_pairs(a, b, array.work, tile, product, row_busy)
    inner = slice(tile.k.start, tile.k.stop)
    columns = slice(tile.n.start, tile.n.stop)
    rows = slice(tile.m.start, tile.m.stop)
    if array.dataflow.holds_weights:
        for row in tile.m:
            product[row, columns] += a[row, inner].astype(np.int64) @ b[inner, columns]
            row_busy[0] += 1
        return len(tile.m)
    if array.dataflow.streams:
        product[rows, columns] += a[rows, inner].astype(np.int64) @ b[inner, columns]
        row_busy[: len(tile.m)] += 1
        return 1
    steps = 0
    for first in range(tile.k.start, tile.k.stop, array.depth):
        inner = slice(first, min(first + array.depth, tile.k.stop))
        product[rows, columns] += a[rows, inner].astype(np.int64) @ b[inner, columns]
        row_busy[: len(tile.m)] += 1
        steps += 1
    return steps


def _run_digits(
    a: NDArray[Any],
    b: NDArray[Any],
    work: DigitSerial,
    tile: Tile,
    product: Integers,
    row_busy: Integers,
) -> int:
    radix = parse_encoding(work.encoding).radix
    digits = [encode(a[m], work.encoding, work.width, work.signed) for m in tile.m]
    columns = slice(tile.n.start, tile.n.stop)
    barrier = len(tile.k) if work.barrier is None else work.barrier
    cycles = 0
    for first in range(tile.k.start, tile.k.stop, barrier):
        operands = range(first, min(first + barrier, tile.k.stop))
        # What each row still has to do before the meeting: phases, each a program for each lane.
        remaining = []
        for each in digits:
            lanes = [lane_program(each, operands, lane, work) for lane in range(work.lanes)]
            phases = [list(phase) for phase in zip(*lanes, strict=True)]
            if work.horner:
                phases = [_weight_step(phase) for phase in phases]
            remaining.append(phases)
        while True:
            active = 0
            for row, m in enumerate(tile.m):
                while remaining[row] and not any(remaining[row][0]):
                    remaining[row].pop(0)  # all lanes are through with this phase
                if not remaining[row]:
                    continue
                active += 1
                row_busy[row] += 1
                for lane, program in enumerate(remaining[row][0]):
                    if program:
                        issue = program[0]
                        term = issue.digit * radix**issue.weight
                        product[m, columns] += term * b[issue.k, columns].astype(np.int64)
                        remaining[row][0][lane] = program[1:]
            if not active:
                break
            cycles += 1
    return cycles


def _run_pairs(
    a: NDArray[Any],
    b: NDArray[Any],
    work: Laconic,
    tile: Tile,
    product: Integers,
    row_busy: Integers,
) -> int:
    radix = parse_encoding(work.encoding).radix
    left = encode(a, work.encoding, work.a_width, work.a_signed).astype(np.int64)
    right = encode(b, work.encoding, work.b_width, work.b_signed).astype(np.int64)
    groups = [tile.k[first : first + work.lanes] for first in range(0, len(tile.k), work.lanes)]
    # Each element: the cycles of its groups in order; rows[m][n][group].
    rows: list[list[list[int]]] = []
    for m in tile.m:
        of_row: list[list[int]] = []
        for n in tile.n:
            times = []
            for group in groups:
                slowest = 1
                for k in group:
                    pairs = 0
                    for x in np.flatnonzero(left[m, k]).tolist():
                        for y in np.flatnonzero(right[k, n]).tolist():
                            product[m, n] += left[m, k, x] * right[k, n, y] * radix ** (x + y)
                            pairs += 1
                    slowest = max(slowest, pairs)
                times.append(slowest)
            of_row.append(times)
        rows.append(of_row)
    cycles = 0
    busy_until = [0] * len(rows)
    for number in range(len(groups)):
        slowest_of = [max(times[number] for times in of_row) for of_row in rows]
        cycles += max(slowest_of)
        busy_until = [done + more for done, more in zip(busy_until, slowest_of, strict=True)]
    if not work.lock_step:
        busy_until = [max(sum(times) for times in of_row) for of_row in rows]
        cycles = max(busy_until)
    row_busy[: len(rows)] += np.array(busy_until)
    return cycles
