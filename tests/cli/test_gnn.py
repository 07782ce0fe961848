"""gatewright gnn partition, and every way to ask it wrongly."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gatewright.cli import gnn_partition
from gatewright.generators.gnn.partition_file import read_partition
from gatewright.generators.gnn.streaming import memory_in_use

from .conftest import Gatewright


@pytest.fixture
def files(gatewright: Gatewright) -> Path:
    """Graphs and configs, in the folder where commands run."""
    rng = np.random.default_rng(0)
    src, dst = rng.integers(0, 300, (2, 2000))
    np.savez("g.npz", n=300, src=src, dst=dst)
    Path("g.txt").write_text("".join(f"{a} {b}\n" for a, b in zip(src, dst, strict=True)))
    Path("short.txt").write_text("0 1\n1\n")
    Path("float.csv").write_text("src,dst\n0,1.5\n")
    Path("empty.txt").write_text("")
    np.savez("bad.npz", n=2, src=[0, 2], dst=[0, 1])
    np.savez("long.npz", src=[0, 1], dst=[0])
    np.savez("real.npz", src=[0.0], dst=[1.0])
    np.savez("csr.npz", indptr=[0, 2, 1], indices=[0])
    Path("damaged.npz").write_bytes(Path("g.npz").read_bytes()[:999])
    torch.save(torch.zeros(3, 2, dtype=torch.int64), "g.pt")
    Path("config.yaml").write_text("interval: 32\ncapacity: 1024\nmax_edges: 64\n")
    Path("wrong.yaml").write_text("intervals: 32\n")
    return Path()


SMALL = ("-c", "config.yaml")


def test_partition_tells_and_writes(gatewright: Gatewright, files: Path) -> None:
    ended = gatewright("gnn", "partition", "g.npz", *SMALL, "-o", "out/p", "--compare")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(Path("out/p/report.json").read_text())
    made = read_partition(Path("out/p/partition.bin"))
    assert (told["vertices"], told["edges"], told["intervals"]) == (300, 2000, 10)
    assert told["loads"] == told["lower_bound"] + told["cuts"] == made.counts.loads
    assert told["lower_bound"] == min(told["orders"].values())
    assert told["shards"] == made.counts.shards
    data = np.load("g.npz")
    src, dst = made.edge_list()
    order = np.arange(300) if made.order is None else made.order
    found = sorted(zip(order[src].tolist(), order[dst].tolist(), strict=True))
    assert found == sorted(zip(data["src"].tolist(), data["dst"].tolist(), strict=True))
    assert f"loads: {told['loads']:,} rows" in ended.out
    for method in ("fggp", "dsw", "grid", "none"):
        row = told["compared"][method]
        pattern = rf"^{method} +10 +{row['shards']:,} +{row['loads']:,} +[\d.]+ "
        assert re.search(pattern, ended.out, re.MULTILINE), ended.out
    assert told["compared"]["none"]["loads"] == 2000
    assert Path("out/p/partition.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in Path("out/p").iterdir()) == [
        "partition.bin", "partition.png", "report.json",
    ]  # fmt: skip
    assert [path.name for path in Path("out").iterdir()] == ["p"]


def test_the_same_bytes_each_time(gatewright: Gatewright, files: Path) -> None:
    for graph, out in (("g.npz", "a"), ("g.npz", "b"), ("g.txt", "c")):
        assert gatewright("gnn", "partition", graph, *SMALL, "-o", out, "-q").code == 0
    for name in ("partition.bin", "partition.png", "report.json"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes(), name
    assert Path("a/partition.bin").read_bytes() == Path("c/partition.bin").read_bytes()


def test_as_json_and_quiet(gatewright: Gatewright, files: Path) -> None:
    arguments = ["gnn", "partition", "g.txt", *SMALL, "--order", "rcm", "-p", "pinned=9"]
    ended = gatewright(*arguments, "--json", "--picture", "x.svg", "--quiet")
    told = json.loads(ended.out)
    assert (ended.code, ended.err, told["picture"], told["resident"]) == (0, "", "x.svg", 9)
    assert told["loads"] == told["lower_bound"] + told["cuts"] + 9
    assert "<svg" in Path("x.svg").read_text()
    assert gatewright(*arguments, "--quiet").out == ""


def test_readings_and_methods(gatewright: Gatewright, files: Path) -> None:
    def told(*arguments: str) -> dict:
        ended = gatewright("gnn", "partition", *arguments, *SMALL, "--json", "-q")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    plain = told("g.txt", "--order", "natural")
    assert told("g.txt", "--vertices", "400", "--order", "natural")["vertices"] == 400
    loops = sum(len(set(line.split())) == 1 for line in Path("g.txt").read_text().splitlines())
    assert told("g.txt", "--undirected")["edges"] == 4000 - loops
    assert told("g.txt", "--reverse")["edges"] == 2000
    assert told("g.txt", "--coalesce", "--order", "natural")["loads"] <= plain["loads"]
    assert told("g.txt", "--method", "none", "--order", "natural")["loads"] == 2000
    assert told("empty.txt")["shards"] == 0
    assert told("empty.txt", "--vertices", "1")["intervals"] == 1


def test_a_graph_that_needs_more_memory_is_streamed(
    gatewright: Gatewright, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for order in ("natural", "degree"):
        arguments = ["gnn", "partition", "g.npz", *SMALL, "--order", order, "-o"]
        assert gatewright(*arguments, f"whole-{order}", "-q").code == 0
    monkeypatch.setattr(gnn_partition, "MEMORY_PER_EDGE", 10**9)
    room = str(memory_in_use() // 10**6 + 400)
    for order, chosen in (("auto", "natural"), ("degree", "degree")):
        arguments = ["gnn", "partition", "g.npz", *SMALL, "--order", order, "--max-mem", room]
        ended = gatewright(*arguments, "-o", f"streamed-{order}")
        assert ended.code == 0
        assert ended.err.startswith(f"streamed, order {chosen}: about ")
        assert json.loads(Path(f"streamed-{order}/report.json").read_text())["streamed"]
        one, two = (Path(f"{kind}/partition.bin").read_bytes()
                    for kind in (f"streamed-{order}", f"whole-{chosen}"))  # fmt: skip
        assert one == two
    for more, line in (
        (["--compare"], "compare must be left out for a graph that is streamed: about .*"),
        (["--order", "ne"], "order must be natural or degree for a .* streamed, not ne: about .*"),
    ):
        ended = gatewright("gnn", "partition", "g.npz", *SMALL, "--max-mem", room, *more, "-q")
        assert (ended.code, bool(re.fullmatch(f"error: {line}", ended.error))) == (2, True)


@pytest.mark.thorough
def test_most_memory_is_kept(tmp_path: Path) -> None:
    """A graph of 1.5 million edges through a process that may have 150 MB."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "g.npz", n=200_000, src=rng.integers(0, 200_000, 1_500_000, np.int32),
             dst=rng.integers(0, 200_000, 1_500_000, np.int32))  # fmt: skip
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc to measure memory by")
    script = (
        "import sys; from pathlib import Path; from typer.main import get_command\n"
        "from gatewright.cli.gnn import app\n"
        "get_command(app).main(sys.argv[1:], standalone_mode=False)\n"
        "print(Path('/proc/self/status').read_text())"
    )
    command = ["partition", str(tmp_path / "g.npz"), "--max-mem", "150", "-o", str(tmp_path / "o")]
    ran = subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, check=True
    )
    peak = re.search(r"VmHWM:\s*(\d+) kB", ran.stdout)
    assert peak is not None and int(peak[1]) * 1024 < 150_000_000
    assert "streamed, order natural" in ran.stderr and "shards: 1,500,000/1,500,000" in ran.stderr
    assert read_partition(tmp_path / "o" / "partition.bin").counts.edges == 1_500_000


def test_help_has_examples(gatewright: Gatewright) -> None:
    ended = gatewright("gnn", "partition", "--help")
    assert ended.code == 0 and "gatewright gnn partition cora.npz --compare" in ended.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], r"missing argument 'GRAPH'"),
        (["none.npz"], r"none\.npz must be a readable file: No such file or directory"),
        (["none.txt"], r"none\.txt must be a readable file: No such file or directory"),
        (["g.json"], r"graph must be a file \(\.npz, .*; text also \.gz\), not 'g\.json'"),
        (["short.txt"], r"short\.txt:2: line must hold a source and a destination, not '1'"),
        (["float.csv"], r"float\.csv:2: dst must be a whole number from 0 to .*, not '1\.5'"),
        (["bad.npz"], r"bad\.npz: src must be a vertex from 0 to 1, not 2 at index 1"),
        (["long.npz"], r"long\.npz: dst must have the 2 entries of src, not 1"),
        (["real.npz"], r"real\.npz: src must hold integers, not float64"),
        (["csr.npz"], r"csr\.npz: indptr must ascend .*, not be 1 at index 2"),
        (["damaged.npz"], r"damaged\.npz must be an archive of arrays, .*\(BadZipFile\)"),
        (["g.pt"], r"g\.pt: edge_index must be of shape \[2, edges\], not \[3, 2\]"),
        (["g.txt", "--one-based"], r"g\.txt: (src|dst) must be a vertex from 1 to .*"),
        (["g.npz", "--vertices", "299"], r"vertices must be at least the 300 of g\.npz, not 299"),
        (["g.txt", "--vertices", "3"], r"g\.txt: src must be a vertex from 0 to 2, not \d+ at .*"),
        (["g.npz", "-p", "interval=0"], r"-p: interval must be .*, not 0"),
        (["g.npz", "-p", "interval=65537"], r"-p: interval must be .*, not 65537"),
        (["g.npz", "-p", "capacity=64"], r"-p: capacity must be at least .* 128 \+ 0, not 64"),
        (["g.npz", "-p", "threads=0"], r"-p: threads must be .*, not 0"),
        (["g.npz", "-p", "treads=2"], r"-p: field must be one of .*; did you mean 'threads'\?"),
        (["g.npz", "-c", "wrong.yaml"], r"wrong\.yaml: field must be .* mean 'interval'\?"),
        (["g.npz", "--method", "dsw", "-p", "pinned=2"], r"pinned must be 0 for method dsw, not 2"),
        (["g.npz", "--method", "best"], r"invalid value for '--method': .*"),
        (["g.npz", "--order", "best"], r"invalid value for '--order': .*"),
        (["g.npz", "--max-mem", "0"], r"invalid value for '--max-mem': .*"),
        (["g.npz", "--max-mem", "1"], r"max-mem must be at least \d+ MB, not 1"),
        (["g.npz", "--picture", "x.pdf"], r"picture must end in \.svg or \.png, not 'x\.pdf'"),
        (["g.npz", "-o", "g.txt"], r"out must be a folder, not the file 'g\.txt'"),
    ],
)
def test_bad_input(gatewright: Gatewright, files: Path, arguments: list[str], line: str) -> None:
    before = sorted(files.iterdir())
    out = [] if "-o" in arguments else ["-o", "out/deep"]
    ended = gatewright("gnn", "partition", *arguments, *out, "--quiet")
    assert ended.code == 2
    assert re.fullmatch(f"error: {line}", ended.error), ended.error
    assert sorted(files.iterdir()) == before


def test_ctrl_c_leaves_nothing(
    gatewright: Gatewright, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gnn_partition, "write_json", interrupted)
    before = sorted(files.iterdir())
    ended = gatewright("gnn", "partition", "g.npz", *SMALL, "-o", "out", "-q")
    assert (ended.code, ended.error) == (130, "interrupted")
    assert sorted(files.iterdir()) == before
