"""What the README, the docs and the help texts tell people to type can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewright.cli.app import root
from gatewright.flows.synthesis import targets
from gatewright.flows.synthesis.boards import names as boards
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.gnn.frontends.description import load_description
from gatewright.generators.registry import find
from gatewright.generators.salo.importers.description import from_description
from gatewright.generators.yaml_file import read_yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PATTERNS = [path for path in EXAMPLES if path.name.startswith("salo-pattern-")]
NETWORKS = [path for path in EXAMPLES if path.name.startswith("gnn-network")]
SPACES = [path for path in EXAMPLES if path.name.startswith("explore-")]
CONFIGS = [path for path in EXAMPLES if path not in {*PATTERNS, *NETWORKS, *SPACES}]
LARGE = [path for path in CONFIGS if path.name == "gnn-ecp5.yaml"]
_BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command and group with its name, as it is typed."""
    top = root()
    for name in top.list_commands(None):
        command = top.get_command(None, name)
        yield name, command
        for inner, each in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", each


def typed() -> Iterator[tuple[str, str]]:
    """Yield where a command line stands and the line, from all code blocks and help texts."""
    texts = [(page.name, block) for page in PAGES for block in _BLOCK.findall(page.read_text())]
    texts += [(path.name, path.read_text()) for path in EXAMPLES]
    texts += [(f"{name} --help", command.help) for name, command in commands()]
    for where, text in texts:
        for line in text.splitlines():
            line = line.strip().removeprefix("# ").removeprefix("$ ")
            if re.match(r"(gatewright|make) ", line):
                yield where, line.partition("   #")[0].strip()


LINES = sorted(set(typed()))
NAMES = {name.split()[-1] for name, _ in commands()}


def test_there_is_something_to_type() -> None:
    assert ("README.md", "make demo") in LINES and ("README.md", "make test") in LINES
    assert len(LINES) > 20


@pytest.mark.parametrize(("where", "line"), [pair for pair in LINES if "gatewright " in pair[1]])
def test_command_lines_parse(where: str, line: str) -> None:
    words = shlex.split(line.partition(" |")[0].partition(" > ")[0])[1:]
    command = root()
    context = None
    while words and not words[0].startswith("-"):
        child = getattr(command, "get_command", lambda *_: None)(context, words[0])
        if child is None:
            break
        command, words = child, words[1:]
    # Without a command at its end a line must ask for help, or for the version.
    assert command.name in NAMES or " ".join(words).startswith("-"), line
    if "--help" not in words:
        command.make_context(command.name, [*words])  # raises if an option or argument is wrong
    for word in words:
        if word.startswith("examples/"):
            assert (ROOT / word).is_file(), f"{where}: {word}"


@pytest.mark.parametrize(("where", "line"), [pair for pair in LINES if "make " in pair[1][:5]])
def test_make_targets_exist(where: str, line: str) -> None:
    rules = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = [word for word in shlex.split(line)[1:] if "=" not in word]
    assert set(asked) <= rules, f"{where}: {line}"


@pytest.mark.parametrize("path", PATTERNS, ids=lambda path: path.name)
def test_example_patterns_have_pairs(path: Path) -> None:
    pattern = from_description(read_yaml(path))
    assert pattern.counts.min() > 0


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.name)
def test_example_networks_have_layers(path: Path) -> None:
    network, _ = load_description(path)
    assert len(network.layers) > 1


@pytest.mark.one_in(3)
@pytest.mark.parametrize("path", [
    pytest.param(path, id=path.name, marks=[pytest.mark.thorough] * (path in LARGE))
    for path in CONFIGS
])  # fmt: skip
def test_examples_build(path: Path, tmp_path: Path) -> None:
    generator = find(path.name.partition("-")[0])
    config = load_config(generator.config(), path, [])
    build = build_design(generator, config, tmp_path)
    assert build.manifest.config == config.model_dump(mode="json")


def test_help_of_synth_names_every_target() -> None:
    text = root().get_command(None, "synth").help
    for target in targets():
        family, _, device = target.name.partition("-")
        assert family.partition(":")[0] in text and device in text, target.name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_boards_are_documented() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text()
    assert [name for name in boards() if name not in text] == []
