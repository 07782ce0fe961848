"""The testbench of the tests' own design: random items, checked against a plain sum."""

from __future__ import annotations

import cocotb
import numpy as np

from gatewright.verification.bench import Bench, with_bench
from gatewright.verification.packing import pack
from gatewright.verification.stalls import Stall

ADD, SUB, CLEAR = 0, 1, 2


async def traffic(bench: Bench, count: int) -> None:
    kinds = bench.numpy_rng.choice([ADD, SUB, CLEAR], size=count, p=[0.5, 0.4, 0.1])
    values = bench.numpy_rng.integers(-128, 128, size=count)
    sums, total = np.zeros(count, dtype=np.int64), 0
    for at, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        total = {ADD: total + value, SUB: total - value, CLEAR: 0}[int(kind)]
        total = (total + 2**15) % 2**16 - 2**15
        sums[at] = total

    def operands(beat: int, element: str) -> dict[str, object]:
        before = int(sums[beat - 1]) if beat else 0
        return {"before": before, "kind": int(kinds[beat]), "value": int(values[beat])}

    item, result = bench.manifest.stream("item"), bench.manifest.stream("total")
    bench.send("item", pack(item.fields, item.width, {"value": values, "kind": kinds}))
    expected = pack(result.fields, result.width, {"sum": sums, "kind": kinds})
    bench.expect("total", expected, operands)
    await bench.finish()


@cocotb.test()
@with_bench
async def full_speed(bench: Bench) -> None:
    await traffic(bench, 300)


@cocotb.test()
@with_bench
async def random_stalls(bench: Bench) -> None:
    bench.sources["item"].stall = Stall(0.3)
    bench.sinks["total"].stall = Stall(0.5, 3)
    await traffic(bench, 300)
