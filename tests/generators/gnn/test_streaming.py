"""Streaming: the same bytes as in memory, within the memory that is allowed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.gnn import streaming
from gatewright.generators.gnn.graph_files import open_edges, read_graph
from gatewright.generators.gnn.limits import Limits
from gatewright.generators.gnn.orders import Order, order_vertices
from gatewright.generators.gnn.partition import partition
from gatewright.generators.gnn.partition_file import write_partition
from gatewright.generators.gnn.shards import Method
from gatewright.generators.gnn.staging import staged
from gatewright.generators.gnn.streaming import memory_in_use, stream_partition

from .reference import all_limits, edge_lists, graph_of

AMPLE = 1 << 40


def save(folder: Path, name: str, n: int, edges: list[tuple[int, int]]) -> Path:
    graph = graph_of(n, edges)
    path = folder / name
    if name.endswith(".npz"):
        np.savez(path, n=n, src=graph.src, dst=graph.dst)
    else:
        path.write_text("".join(f"{src} {dst}\n" for src, dst in edges))
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    edge_lists(), all_limits(pinned=3), st.sampled_from([Order.NATURAL, Order.DEGREE]),
    st.booleans(), st.sampled_from(["g.npz", "g.txt"]), st.integers(1, 20),
)  # fmt: skip
def test_streamed_is_as_in_memory(
    tmp_path: Path, graph, limits: Limits, order: Order, coalesce: bool, name: str, least: int
) -> None:
    path = save(tmp_path, name, *graph)
    held = read_graph(path)
    rank = order_vertices(held, limits.interval, order).rank
    made = partition(held, limits, rank=rank, coalesce=coalesce)
    write_partition(made, tmp_path / "memory.bin")
    into = np.bincount(held.dst // limits.interval if rank is None else rank[held.dst]
                       // limits.interval, minlength=1)  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        # Chunks of three edges, and blocks of no more than `least` where an interval allows.
        patch.setattr(streaming, "_LEAST_CHUNK", 3)
        patch.setattr(streaming, "_MOST_CHUNK", 3)
        blocks = streaming._blocks
        patch.setattr(
            streaming, "_blocks",
            lambda per_interval, most, memory: blocks(
                per_interval, max(least, int(into.max())), memory
            ),
        )  # fmt: skip
        done = stream_partition(
            open_edges(path), tmp_path / "stream.bin", limits, AMPLE, order=order,
            coalesce=coalesce,
        )  # fmt: skip
    assert (tmp_path / "stream.bin").read_bytes() == (tmp_path / "memory.bin").read_bytes()
    assert done.sources == len(set(held.src.tolist()))
    assert done.raster.cells.sum() == made.counts.shard_sources.sum()
    assert {each.name for each in tmp_path.iterdir()} <= {
        "g.npz", "g.txt", "memory.bin", "stream.bin",
    }  # fmt: skip


SCRIPT = r"""
import json, sys
from pathlib import Path
from gatewright.generators.gnn.graph_files import open_edges, read_graph
from gatewright.generators.gnn.limits import Limits
from gatewright.generators.gnn.partition import partition
from gatewright.generators.gnn.streaming import stream_partition
import re, time
def peak():
    # Not ru_maxrss: a process is born with that of the one that started it.
    return 1024 * int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1])
path, out, memory = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
before, start = peak(), time.process_time()
if memory:
    counts = stream_partition(open_edges(path), out, Limits(), memory).counts
else:
    graph = read_graph(path)
    start = time.process_time()
    counts = partition(graph, Limits()).counts
print(json.dumps([before, peak(), time.process_time() - start, counts.shards,
                  counts.loads - counts.bound - counts.cuts]))
"""


def measured(path: Path, out: Path, memory: int) -> tuple[int, int, float, int, int]:
    """Return memory before and after, seconds of a core, shards, and loads beyond the bound."""
    command = [sys.executable, "-c", SCRIPT, str(path), str(out), str(memory)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def random_graph(folder: Path, edges: int) -> Path:
    rng = np.random.default_rng(0)
    n = edges // 8
    path = folder / "large.npz"
    ends = rng.integers(0, n, (2, edges), np.int32)
    np.savez(path, n=n, src=ends[0], dst=ends[1])
    return path


def check_size(folder: Path, edges: int, seconds: float, memory: int) -> None:
    path = random_graph(folder, edges)
    before, after, spent, shards, beyond = measured(path, folder / "p.bin", 0)
    assert spent < seconds
    assert (after - before) / edges < 120
    assert beyond == 0
    _, after, _, streamed, beyond = measured(path, folder / "p.bin", memory)
    assert after < memory
    assert (streamed, beyond) == (shards, 0)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to measure memory by")
def test_a_million_edges(tmp_path: Path) -> None:
    check_size(tmp_path, 1_000_000, 1, 140_000_000)


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to measure memory by")
def test_sixteen_million_edges(tmp_path: Path) -> None:
    check_size(tmp_path, 16_000_000, 20, 300_000_000)


def test_too_little_memory_is_refused(tmp_path: Path) -> None:
    hub = save(tmp_path, "hub.npz", 2, [(0, 1)] * 200_000)
    with pytest.raises(InputError, match=r"max-mem must be at least \d+ MB, as interval 0 has 200"):
        stream_partition(open_edges(hub), tmp_path / "p.bin", Limits(), memory_in_use() + 10**6)
    far = save(tmp_path, "far.txt", 2 * 10**9, [(0, 10**9)])
    with pytest.raises(InputError, match=r"max-mem must be at least \d+ MB for 1000000001 vert"):
        stream_partition(open_edges(far), tmp_path / "p.bin", Limits(), memory_in_use() + 10**8)


@pytest.mark.parametrize("order", sorted({*Order} - {Order.NATURAL, Order.DEGREE}))
def test_orders_that_need_the_graph(tmp_path: Path, order: Order) -> None:
    path = save(tmp_path, "g.npz", 2, [(0, 1)])
    with pytest.raises(InputError, match=f"natural or degree for a .* streamed, not {order.value}"):
        stream_partition(open_edges(path), tmp_path / "p.bin", Limits(), AMPLE, order=order)
    with pytest.raises(InputError, match="pinned must be 0 for method dsw, not 1"):
        stream_partition(
            open_edges(path), tmp_path / "p.bin", Limits(pinned=1), AMPLE, Method.DSW
        )


def test_a_staged_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), staged(tmp_path / "a" / "b") as folder:
        (folder / "file").write_text("half")
        raise KeyboardInterrupt
    assert not (tmp_path / "a").exists()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("old")
    with pytest.raises(KeyboardInterrupt), staged(kept) as folder:
        (folder / "file").write_text("new")
        raise KeyboardInterrupt
    assert (kept / "file").read_text() == "old"
    with staged(kept) as folder:
        (folder / "file").write_text("new")
    assert [(path.name, path.read_text()) for path in kept.iterdir()] == [("file", "new")]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    with pytest.raises(InputError, match="out must be a folder, not the file"), staged(
        kept / "file"
    ):
        pass
