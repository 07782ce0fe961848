"""The batched engine against plain Python models of small designs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.flows.simulation.batched import BatchedModel, StreamError
from gatewright.generators.artifacts import Build, Manifest, Port
from gatewright.verification.stalls import Stall

from .conftest import Tally

WIDE = """
module wide(input [69:0] a, input [33:0] b, input c__odd, output [69:0] x, output [7:0] y);
  assign x = a ^ {70{c__odd}};
  assign y = b[33:26] + a[7:0];
endmodule
"""


def items(count: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    kinds = rng.choice([0, 1, 2], size=count, p=[0.5, 0.4, 0.1])
    return {"kind": kinds, "value": rng.integers(-128, 128, size=count)}


def sums(values: dict[str, np.ndarray], bias: int = 0) -> np.ndarray:
    total, out = 0, []
    for kind, value in zip(values["kind"].tolist(), values["value"].tolist(), strict=True):
        total = {0: total + value, 1: total - value, 2: 0}[kind]
        out.append((total + bias + 2**15) % 2**16 - 2**15)
    return np.array(out)


def test_streams_bring_the_sums_at_full_speed(tally: Tally) -> None:
    model = BatchedModel(tally())
    values = items(5000, 1)
    result = model.run_streams({"item": model.pack("item", values)}, {"total": 5000})
    total = model.unpack("total", result.outputs["total"])
    assert np.array_equal(total["sum"], sums(values))
    assert np.array_equal(total["kind"], values["kind"])
    assert result.when["item"].tolist() == list(range(5000))
    assert result.when["total"].tolist() == list(range(1, 5001))
    assert result.cycles == 5001
    assert result.blocked == {"item": 0, "total": 0}
    assert result.ports == {"busy": 0}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stalls_change_the_cycles_and_nothing_else(tally: Tally, seed: int) -> None:
    model = BatchedModel(tally())
    values = items(3000, seed)
    stall: dict[str, float | Stall] = {"item": 0.4, "total": Stall(0.6, 5)}
    beats = {"item": model.pack("item", values)}
    result = model.run_streams(beats, {"total": 3000}, stall=stall, seed=seed, ports={"bias": -3})
    total = model.unpack("total", result.outputs["total"])
    assert np.array_equal(total["sum"], sums(values, bias=-3))
    assert result.cycles > 3000 / 0.4 * 0.9
    assert result.blocked["total"] > 0 and result.blocked["item"] > 0 and result.idle["item"] > 0
    assert np.all(np.diff(result.when["total"].astype(np.int64)) > 0)
    again = model.run_streams(beats, {"total": 3000}, stall=stall, seed=seed, ports={"bias": -3})
    assert again.cycles == result.cycles
    other = model.run_streams(beats, {"total": 3000}, stall=stall, seed=seed + 9)
    assert other.cycles != result.cycles


def test_cycles_follow_a_model_of_the_design(tally: Tally) -> None:
    model = BatchedModel(tally())
    rng = np.random.default_rng(4)
    count = 2000
    valid, ready = rng.integers(0, 2, size=(2, count))
    payload, bias = rng.integers(0, 2**10, size=count), rng.integers(-100, 100, size=count)
    rows = model.pack_inputs(
        {"item__valid": valid, "item__payload": payload, "total__ready": ready, "bias": bias}
    )
    seen = model.unpack_outputs(model.run_cycles(rows))
    full, last, total = 0, 0, 0
    for at in range(count):
        assert seen["total__valid"][at] == seen["busy"][at] == full
        assert seen["item__ready"][at] == (not full or ready[at])
        assert seen["total__payload"][at] == (last << 16) + (total + int(bias[at])) % 2**16
        if valid[at] and (not full or ready[at]):
            full, last = 1, int(payload[at]) >> 8
            value = (int(payload[at]) & 255 ^ 128) - 128
            total = (total + value, total - value, 0, 0)[last]
        elif full and ready[at]:
            full = 0


def test_state_carries_over_between_calls_until_reset(tally: Tally) -> None:
    model = BatchedModel(tally())
    row = model.pack_inputs({"item__valid": [1], "item__payload": [5], "total__ready": [1]})
    sums_seen = [int(model.run_cycles(row)[0, model.outputs["total__payload"]][0]) for _ in "1234"]
    assert sums_seen == [0, 5, 10, 15]
    model.reset()
    assert int(model.run_cycles(row)[0, model.outputs["total__payload"]][0]) == 0


def test_combinational_designs_and_wide_ports(tmp_path: Path) -> None:
    ports = (
        Port("a", "in", 70), Port("b", "in", 34), Port("c__odd", "in", 1),
        Port("x", "out", 70), Port("y", "out", 8),
    )  # fmt: skip
    manifest = Manifest(
        generator="test", design="wide", top="wide", verilog=("wide.v",), config={},
        config_hash="", hash="", clock=None, reset=None, ports=ports,
    )  # fmt: skip
    build = Build(tmp_path, manifest)
    build.save({"wide.v": WIDE})
    model = BatchedModel(build)
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2**32, size=(500, 3), dtype=np.uint32)
    a[:, 2] &= 63
    b, c = rng.integers(0, 2**34, size=500), rng.integers(0, 2, size=500)
    seen = model.unpack_outputs(model.run_cycles(model.pack_inputs({"a": a, "b": b, "c__odd": c})))
    ones = np.array([2**32 - 1, 2**32 - 1, 63], dtype=np.uint32)
    assert np.array_equal(seen["x"], np.where(c[:, None] == 1, a ^ ones, a))
    assert np.array_equal(seen["y"], ((b >> 26) + a[:, 0]) % 256)
    with pytest.raises(InputError, match=r"^port a must fit 70 bits, not use bits above them$"):
        model.pack_inputs({"a": np.full((1, 3), 2**31, dtype=np.uint32)})


def test_deadlock_names_the_state_of_every_stream(tally: Tally) -> None:
    model = BatchedModel(tally("~full | give", "~full & item__payload[4:0] != 5'd3"))
    beats = model.pack("item", {"value": [1, 2, 3, 4], "kind": [0, 0, 0, 0]})
    with pytest.raises(StreamError) as caught:
        model.run_streams({"item": beats}, {"total": 4}, watchdog=50, seed=6)
    lines = str(caught.value).split("\n")
    assert lines[0].startswith("deadlock: no beat moved for 50 cycles, at cycle ")
    assert lines[0].endswith("(seed 6)")
    assert lines[1:] == [
        "  item: 2 of 4 beats, valid=1 ready=0",
        "  total: 2 of 4 beats, valid=0 ready=1",
    ]


def test_a_surplus_beat_is_found(tally: Tally) -> None:
    model = BatchedModel(tally())
    beats = {"item": model.pack("item", {"value": [1, 2, 3]})}
    with pytest.raises(StreamError, match="total offers more beats than the 2 expected"):
        model.run_streams(beats, {"total": 2})
    with pytest.raises(StreamError, match="more beats than the 0 expected"):
        model.run_streams(beats, {})


def test_an_unstable_beat_is_found(tally: Tally) -> None:
    model = BatchedModel(tally("sum + bias}", "sum + (~total__ready & item__payload[0])}"))
    values = items(500, 0)
    beats = {"item": model.pack("item", values)}
    with pytest.raises(StreamError, match="total changed or withdrew a beat before it was taken"):
        model.run_streams(beats, {"total": 500}, stall={"item": 0.5, "total": 0.5})


def test_a_run_can_be_limited(tally: Tally) -> None:
    model = BatchedModel(tally())
    beats = {"item": model.pack("item", items(100, 0))}
    with pytest.raises(StreamError, match="not over after 30 cycles"):
        model.run_streams(beats, {"total": 100}, limit=30)


def test_bad_input_is_refused(tally: Tally) -> None:
    model = BatchedModel(tally())
    one = np.zeros((1, 1), dtype=np.uint32)
    with pytest.raises(InputError, match=r"^input stream must be one of item, not 'total'$"):
        model.run_streams({"total": one}, {})
    with pytest.raises(InputError, match=r"^output stream must be one of total, not 'item'$"):
        model.run_streams({}, {"item": 1})
    with pytest.raises(InputError, match=r"^beats of stream item must be uint32 of shape \[n, 1\]"):
        model.run_streams({"item": np.zeros((1, 2), dtype=np.uint32)}, {"total": 1})
    with pytest.raises(InputError, match=r"^beats of stream item must fit 10 bits"):
        model.run_streams({"item": one + np.uint32(1024)}, {"total": 1})
    with pytest.raises(InputError, match=r"^inputs must be uint32 of shape \[n, 4\], not int64"):
        model.run_cycles(np.zeros((3, 4), dtype=np.int64))
    with pytest.raises(InputError, match=r"^port must be one of .*, not 'busy'$"):
        model.pack_inputs({"busy": [1]})
