"""list, describe, emit and doctor: what they print and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatewright.cli.app import COMMANDS
from gatewright.generators.artifacts import Build
from gatewright.generators.config import config_hash
from gatewright.generators.registry import find

from .conftest import Gatewright


def test_list(gatewright: Gatewright) -> None:
    ended = gatewright("list")
    assert (ended.code, ended.err) == (0, "")
    assert ["tiny", "An", "adder", "with", "a", "register."] in [
        line.split() for line in ended.out.splitlines()
    ]
    document = json.loads(gatewright("list", "--json").out)
    assert {"name": "tiny", "summary": "An adder with a register."} in document


def test_describe_tells_fields_ports_and_latency(gatewright: Gatewright) -> None:
    ended = gatewright("describe", "tiny", "-p", "width=5")
    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert "width 8 an integer from 1 to 64 Bits of each operand." in lines
    assert "sum out 6 Their sum." in lines
    assert "cycles: 1" in lines and "sums per cycle: 1" in lines


def test_describe_json(gatewright: Gatewright) -> None:
    document = json.loads(gatewright("describe", "tiny", "-p", "width=5", "--json").out)
    assert document["config"] == {"width": 5, "names": []}
    assert document["fields"][0] == {
        "name": "width",
        "default": 8,
        "required": False,
        "allowed": "an integer from 1 to 64",
        "meaning": "Bits of each operand.",
    }
    assert [(port["name"], port["width"]) for port in document["ports"]] == [
        ("a", 5), ("b", 5), ("sum", 6),
    ]  # fmt: skip
    assert document["schema"]["properties"]["width"]["maximum"] == 64
    assert document["latency"] == {"cycles": 1}


def test_emit_writes_a_build_folder(gatewright: Gatewright) -> None:
    Path("tiny.yaml").write_text("width: 3\n")
    ended = gatewright("emit", "tiny", "-c", "tiny.yaml", "-o", "out")
    assert (ended.code, ended.err) == (0, "")
    build = Build.load(Path("out"))
    assert build.manifest.config == {"width": 3, "names": []}
    assert "module tiny_adder" in build.verilog[0].read_text()
    assert str(build.verilog[0]) in ended.out
    assert {path.name for path in Path("out").iterdir()} == {"tiny_adder.v", "manifest.json"}


def test_emit_json_and_quiet(gatewright: Gatewright) -> None:
    ended = gatewright("emit", "tiny", "--json", "--quiet")
    document = json.loads(ended.out)
    build = Build.load(Path(document["folder"]))
    assert document["hash"] == build.manifest.hash
    assert gatewright("emit", "tiny", "--quiet").out == ""


def test_default_folders_tell_configs_apart(gatewright: Gatewright) -> None:
    gatewright("emit", "tiny", "-p", "width=3")
    gatewright("emit", "tiny", "-p", "width=4")
    gatewright("emit", "tiny", "-p", "width=4")
    builds = [Build.load(folder) for folder in Path("build").iterdir()]
    assert {build.manifest.config["width"] for build in builds} == {3, 4}
    assert len(builds) == 2
    for build in builds:
        config = find("tiny").config()(**build.manifest.config)
        assert build.manifest.config_hash == config_hash("tiny", config)
        assert build.folder.name == f"tiny-{build.manifest.config_hash[:8]}"


def test_help_of_every_command(gatewright: Gatewright) -> None:
    root = gatewright("--help")
    assert root.code == 0
    assert gatewright().out == root.out  # no arguments: the help
    listed = " ".join(root.out.split())
    for name, summary in COMMANDS.items():
        assert f"{name} {summary}" in listed
        ended = gatewright(name, "--help")
        assert (ended.code, ended.err) == (0, "")
        text = " ".join(ended.out.split())
        assert summary in text, "the summary in the list is the first line of the help"
        assert f"gatewright {name}" in ended.out.partition("Example")[2], "examples, as written"
    assert "tiny Workloads of tiny." in listed


def test_version(gatewright: Gatewright) -> None:
    from gatewright import __version__

    assert gatewright("--version").out == f"gatewright {__version__}\n"


def test_workload_commands_of_a_generator(gatewright: Gatewright) -> None:
    assert gatewright("tiny", "add", "2", "--right", "3").out == "5\n"
    assert "add" in gatewright("tiny", "--help").out


def test_doctor_names_what_is_missing(
    gatewright: Gatewright, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = json.loads(gatewright("doctor", "--json").out)
    tools = {tool["name"]: tool for tool in found["tools"]}
    assert tools["amaranth"]["version"] and tools["amaranth"]["install"] is None
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    ended = gatewright("doctor", "--json")
    assert ended.code == 1
    assert ended.err.startswith("failed: missing: ")
    tools = {tool["name"]: tool for tool in json.loads(ended.out)["tools"]}
    assert tools["sta"]["version"] is None and "opensta" in tools["sta"]["install"]
    assert tools["C++ compiler"]["version"] is None and tools["C++ compiler"]["required"]
