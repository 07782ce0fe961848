"""gatewright gnn train, compile and run: a network from labels to the Verilog of its engine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from .conftest import Gatewright

TINY = ("-p", "preset=tiny")
NETWORK = """
features: 6
layers:
  - {kind: gcn, features: 8, activation: relu}
  - {kind: gat, features: 2, heads: 2}
"""
MODULES = """
import torch
from torch import nn


class GCNConv(nn.Module):
    improved, add_self_loops, normalize = False, True, True

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(6, 4, bias=False)
        self.bias = nn.Parameter(torch.ones(4))


def net():
    torch.manual_seed(0)
    return [GCNConv(), nn.ReLU(), nn.Linear(4, 3)]


ready = net()
strange = nn.Conv2d(1, 1, 1)
"""


@pytest.fixture
def files(gatewright: Gatewright) -> Path:
    """A graph of two groups, with features that tell a little, labels and masks."""
    rng = np.random.default_rng(0)
    n = 40
    labels = np.arange(n) % 2
    friends = rng.integers(0, n, (2, 400))
    friends = friends[:, labels[friends[0]] == labels[friends[1]]]
    x = rng.normal(size=(n, 6)) + labels[:, None]
    np.savez(
        "g.npz", n=n, src=friends[0], dst=friends[1], x=x, labels=labels,
        train=np.arange(n) < 10, test=np.arange(n) >= 10,
    )  # fmt: skip
    np.savez("bare.npz", n=n, src=friends[0], dst=friends[1])
    np.save("x.npy", x)
    np.save("narrow.npy", x[:, :3])
    np.save("nan.npy", np.where(x > 2, np.nan, x))
    np.save("words.npy", np.array(["a"]))
    np.savez("none.npz", n=0, src=np.zeros(0, int), dst=np.zeros(0, int))
    Path("net.yaml").write_text(NETWORK)
    Path("nets.py").write_text(MODULES)
    Path("wide.yaml").write_text(
        "features: 6\nlayers: [{kind: linear, features: 4000}]\n"
    )
    return Path()


def test_train_compile_run(gatewright: Gatewright, files: Path) -> None:
    trained = gatewright(
        "gnn", "train", "--graph", "g.npz", "--raw-rows", "--epochs", "60", "-o", "m", "--json"
    )
    assert trained.code == 0
    accuracy = json.loads(trained.out)["accuracy"]
    assert accuracy > 0.9
    compiled = gatewright("gnn", "compile", "m/model.yaml", "--graph", "g.npz", *TINY, "-o", "p")
    assert compiled.code == 0
    assert "2 layers on 40 vertices" in compiled.out and "written: p" in compiled.out
    manifest = json.loads(Path("p/manifest.json").read_text())
    assert manifest["format"] == "gatewright-gnn-program"
    least = min(each["cycles"] for each in manifest["tried"])
    assert least <= manifest["estimate"]["cycles"] <= 1.005 * least
    assert "SPSUM" in Path("p/program.txt").read_text()
    ran = gatewright("gnn", "run", "p", "--threads", "3", "--seed", "4", "--json")
    assert ran.code == 0
    told = json.loads(ran.out)
    assert told["verdict"] == "pass" and told["outputs"] == 80
    assert told["accuracy_float"] == pytest.approx(accuracy)
    assert told["accuracy_int8"] > 0.85
    assert told == json.loads(Path("p/run-fast.json").read_text())


@pytest.mark.thorough
def test_the_same_in_verilog(gatewright: Gatewright, files: Path) -> None:
    assert gatewright(
        "gnn", "compile", "net.yaml", "--graph", "g.npz", *TINY, "-o", "p", "-q"
    ).code == 0  # fmt: skip
    fast = json.loads(gatewright("gnn", "run", "p", "--json", "-q").out)
    ended = gatewright("gnn", "run", "p", "--sim", "rtl", "-q")
    assert (ended.code, ended.out) == (0, "")
    rtl = json.loads(Path("p/run-rtl.json").read_text())
    assert rtl["busy"] == fast["busy"] and rtl["outputs"] == fast["outputs"]
    assert rtl["cycles"] == pytest.approx(rtl["foretold"], rel=0.25)
    slow = gatewright(
        "gnn", "run", "p", "--sim", "rtl", "--latency", "300", "--stall", "0.4", "--seed", "2",
        "--build", rtl["build"],
    )  # fmt: skip
    assert slow.code == 0 and "PASS: 160 outputs" in slow.out
    assert json.loads(Path("p/run-rtl.json").read_text())["cycles"] > rtl["cycles"]
    other = gatewright("emit", "gnn", *TINY, "-p", "threads=1", "-o", "other", "-q")
    assert other.code == 0
    wrong = gatewright("gnn", "run", "p", "--sim", "rtl", "--build", "other", "-q")
    assert (wrong.code, "must be the engine of the program" in wrong.error) == (2, True)
    assert gatewright("gnn", "run", "p", "--sim", "rtl", "--limit", "50", "-q").code == 1


@pytest.mark.parametrize("name", ["net", "ready"])
def test_modules_from_python(gatewright: Gatewright, files: Path, name: str) -> None:
    ended = gatewright(
        "gnn", "compile", f"nets.py:{name}", "--graph", "bare.npz", "--features", "x.npy", *TINY,
        "-o", "p", "--listing", "--gcn-order", "transform", "--order", "natural",
    )  # fmt: skip
    assert ended.code == 0
    assert "STV" in ended.out and "GCN transform" in ended.out
    assert gatewright("gnn", "run", "p").out.startswith("PASS: 120 outputs")


COMPILE = ("gnn", "compile")
G = ("--graph", "g.npz", *TINY)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("line", "error"),
    [
        ((*COMPILE, "net.txt", *G), "model must be FILE.yaml or FILE.py:NAME, not 'net.txt'"),
        ((*COMPILE, "none.py:net", *G), "model must be in a file that exists, not 'none.py'"),
        ((*COMPILE, "nets.py:nets", *G), "model must be a name that nets.py has, not 'nets'"),
        ((*COMPILE, "nets.py:strange", *G), "layer must be one of .*, not Conv2d"),
        ((*COMPILE, "none.yaml", *G), "none.yaml"),
        ((*COMPILE, "net.yaml", "--graph", "none.npz", *TINY), "graph must have a vertex"),
        ((*COMPILE, "net.yaml", *G, "--features", "narrow.npy"),
         "features must be 6, as the network's first layer reads, not 3"),
        ((*COMPILE, "net.yaml", *G, "--features", "nan.npy"),
         r"features must be finite, not nan at \[\d+, \d\]"),
        ((*COMPILE, "net.yaml", *G, "--features", "words.npy"), "features must be numbers of"),
        ((*COMPILE, "net.yaml", *G, "--features", "bare.npz"), "features must be in bare.npz"),
        ((*COMPILE, "net.yaml", *G, "--features", "nets.py"), "features must be a readable .npy"),
        ((*COMPILE, "net.yaml", "--graph", "g.npz", "-p", "lanes=12"),
         "lanes must be a power of two in 4..256, not 12"),
        ((*COMPILE, "wide.yaml", *G), "must"),
        (("gnn", "train", "--graph", "bare.npz"), "features must be in bare.npz for training"),
        (("gnn", "run", "none"), "none must be a folder of a program"),
        (("gnn", "run", "p", "--sim", "rtl", "--threads", "2"), "threads must be left out for rtl"),
    ],
)  # fmt: skip
def test_bad_input(
    gatewright: Gatewright, files: Path, line: tuple[str, ...], error: str
) -> None:
    assert gatewright(*COMPILE, "net.yaml", *G, "-o", "p", "-q").code == 0
    before = sorted(Path().rglob("*"))
    ended = gatewright(*line, "-q")
    assert ended.code == 2
    assert re.search(error, ended.error), ended.error
    assert sorted(path for path in Path().rglob("*") if "__pycache__" not in str(path)) == before


def test_changed_programs_are_refused(gatewright: Gatewright, files: Path) -> None:
    assert gatewright(*COMPILE, "net.yaml", *G, "-o", "p", "-q").code == 0
    manifest = Path("p/manifest.json")
    whole = manifest.read_text()
    for change, error in (
        (('"version": 1', '"version": 7'), "version of p/manifest.json must be 1, not 7"),
        (("gatewright-gnn-program", "other"), "format of p/manifest.json must be"),
        (('"threads": 2', '"threads": 3'), "digest of p/manifest.json must be"),
        (('"vertices": 40,', ""), "manifest.json must be whole"),
        (('"estimate"', '"estimated"'), "manifest.json must be whole"),
        (("{", "["), "manifest.json must be JSON"),
    ):
        assert change[0] in whole
        manifest.write_text(whole.replace(*change, 1))
        ended = gatewright("gnn", "run", "p", "-q")
        assert (ended.code, error in ended.error) == (2, True), ended.error
    manifest.write_text(whole)
    image = bytearray(Path("p/image.bin").read_bytes())
    image[200] ^= 1
    Path("p/image.bin").write_bytes(image)
    assert "SHA-256 of p/image.bin must be" in gatewright("gnn", "run", "p", "-q").error
