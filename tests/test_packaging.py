"""The distribution: what is listed, what is pinned, and that the wheel works outside the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FLOORS = ("cli", "constraints", "flows", "generators", "golden", "hw", "verification")
SETUP = PROJECT["tool"]["setuptools"]


def files() -> list[Path]:
    """Every file of the package, relative to the root."""
    found = [ROOT / "__init__.py", ROOT / "errors.py", ROOT / "py.typed"]
    found += [
        path
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return sorted(path.relative_to(ROOT) for path in found)


def test_packages_are_those_in_the_tree() -> None:
    folders = {path.parent for path in files()}
    names = {".".join(["gatewright", *folder.parts]) for folder in folders}
    assert sorted(names) == SETUP["packages"], "pyproject.toml lists the packages, sorted"


def test_every_data_file_is_package_data() -> None:
    patterns = SETUP["package-data"]["*"]
    data = [path for path in files() if path.suffix != ".py"]
    assert Path("constraints/ge.lib") in data
    left_out = [
        str(path) for path in data if not any(fnmatch(path.name, each) for each in patterns)
    ]
    assert left_out == []


def locked() -> dict[str, str]:
    pins = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        name, separator, version = line.partition("==")
        assert separator and re.fullmatch(r"[\w.]+", version), f"no plain pin: {line}"
        pins[canonicalize_name(name)] = version
    return pins


def test_the_lock_pins_all_that_the_project_asks() -> None:
    project = PROJECT["project"]
    asked = [
        *project["dependencies"],
        *project["optional-dependencies"]["fpga"],
        *PROJECT["dependency-groups"]["dev"],
    ]
    pins = locked()
    assert pins["torch"] == "2.13.0"
    for text in asked:
        requirement = Requirement(text)
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), f"{text}: {version}"


def test_the_lock_has_no_packages_of_graphics_cards() -> None:
    assert [name for name in locked() if "nvidia" in name or "cuda" in name] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy: setuptools leaves a build folder where it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    for path in [*files(), Path("pyproject.toml"), Path("README.md")]:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tree / path)
    for name in ("tests", "docs", "benchmarks"):  # as in a clone: they must be left out
        (tree / name).mkdir()
        (tree / name / "extra.py").write_text("")
    _pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(tree))
    (built,) = folder.glob("*.whl")
    return built


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    held = {name for name in names if ".dist-info/" not in name}
    assert held == {f"gatewright/{path}" for path in files()}


def test_the_wheel_works_outside_the_tree(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    _pip("install", "--no-deps", "--target", str(site), str(wheel))
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*command: str) -> str:
        ran = subprocess.run(
            command, cwd=empty, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    where = run(sys.executable, "-c", "import gatewright; print(gatewright.__file__)")
    assert Path(where.strip()).is_relative_to(site)
    program = str(site / "bin" / "gatewright")
    assert run(program, "list").splitlines()[1].split()[0] == "flint"
    run(program, "emit", "flint", "-p", "rows=1", "-p", "cols=1", "-o", "array")
    assert {path.name for path in (empty / "array").iterdir()} >= {"manifest.json"}
    # The technology file of the default target is data of the package.
    run(program, "synth", "array", "--recipes", "fast", "--quiet")
    assert (empty / "array" / "synth-ge" / "report.json").is_file()
