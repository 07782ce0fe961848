"""The rules of the house: who may import whom, and how files are written."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {"hw": 0, "golden": 0, "generators": 1, "verification": 2, "flows": 3, "cli": 4}
OUTSIDE = ("tests", "benchmarks", "examples")
LONGEST_FILE = 450

# Verification checks hardware against golden models, and flows work on any Verilog: both know a
# design by its build folder alone.
FORBIDDEN = {
    ("golden", "hw"), ("hw", "golden"), ("verification", "hw"), ("flows", "hw"), ("hw", "errors"),
}  # fmt: skip


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path, package: str | None) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of each import; relative ones resolved in ``package``."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                assert package is not None, f"{path}:{node.lineno}: relative import"
                outer = package.split(".")[: len(package.split(".")) - node.level + 1]
                assert outer, f"{path}:{node.lineno}: import from beyond the package"
                module = ".".join([*outer, *([module] if module else [])])
            # `from .. import errors` imports a module, `from ..errors import InputError` a name:
            # the longer name serves for both.
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def package_of(path: Path) -> str:
    return ".".join(["gatewright", *path.relative_to(ROOT).parts[:-1]])


@pytest.mark.parametrize("floor", FLOORS)
def test_no_floor_imports_a_higher_one(floor: str) -> None:
    for path in sources(floor):
        for line, name in imported(path, package_of(path)):
            if not name.startswith("gatewright."):
                continue
            other = name.split(".")[1]
            where = f"{path.relative_to(ROOT)}:{line}: {floor} imports {name}"
            assert FLOORS.get(other, 0) <= FLOORS[floor], where
            assert (floor, other) not in FORBIDDEN, where


def test_the_import_rules_see_the_tree() -> None:
    """The walk above finds imports of every form: a rule that sees nothing passes everything."""
    names = {
        name for path in sources("cli", "flows") for _, name in imported(path, package_of(path))
    }
    assert "gatewright.errors.InputError" in names
    assert any(name.startswith("gatewright.generators.") for name in names)
    assert len(sources(*FLOORS)) > 40


def test_hardware_imports_nothing_but_amaranth() -> None:
    for path in sources("hw"):
        for line, name in imported(path, package_of(path)):
            top = name.split(".")[0]
            allowed = top in ("gatewright", "amaranth") or top in sys.stdlib_module_names
            assert allowed, f"{path.relative_to(ROOT)}:{line}: hw imports {name}"


def test_the_package_imports_itself_relatively() -> None:
    for path in sources(*FLOORS, "constraints"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                where = f"{path.relative_to(ROOT)}:{node.lineno}: import {name}"
                assert name.split(".")[0] != "gatewright", f"{where} must be relative"


def test_nobody_imports_by_bare_folder_name() -> None:
    """``import hw`` works when the root is on the path, and loads a second copy of each module."""
    bare = {*FLOORS, "constraints", "errors", "tests", "benchmarks"}
    for path in sources(*FLOORS, "constraints", *OUTSIDE):
        package = package_of(path).replace("gatewright.tests", "tests", 1)
        for line, name in imported(path, package):
            if package.startswith("tests") and name.startswith("tests."):
                continue  # a test's relative import of what stands beside it
            where = f"{path.relative_to(ROOT)}:{line}: import {name}"
            assert name.split(".")[0] not in bare, f"{where} must begin with gatewright"


def test_a_test_run_loads_each_module_once() -> None:
    script = (
        "import sys, pathlib, pytest\n"
        "code = pytest.main(['-q', '-p', 'no:cacheprovider', 'tests/cli/test_console.py'])\n"
        "root = pathlib.Path.cwd()\n"
        f"floors = {[*FLOORS]!r}\n"
        "for name, module in sorted(sys.modules.items()):\n"
        "    file = getattr(module, '__file__', None)\n"
        "    if file and any(pathlib.Path(file).is_relative_to(root / each) for each in floors):\n"
        "        print('loaded', name)\n"
        "sys.exit(code)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    loaded = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("loaded ")]
    assert "gatewright.cli.console" in loaded
    assert [name for name in loaded if not name.startswith("gatewright.")] == []


def test_files_are_short() -> None:
    for path in sources(*FLOORS):
        lines = len(path.read_text().splitlines())
        assert lines < LONGEST_FILE, f"{path.relative_to(ROOT)} has {lines} lines: one idea a file"


def test_nothing_is_left_for_later_or_hidden() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "except Ex" + "ception", "# no" + "qa")
    for path in sources(*FLOORS, "constraints", *OUTSIDE):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = [mark for mark in marks if mark in line]
            assert not found, f"{path.relative_to(ROOT)}:{number}: {found}"


def test_the_folder_of_constraints_holds_no_code() -> None:
    assert [path.name for path in sources("constraints")] == ["__init__.py", "__init__.py"]
