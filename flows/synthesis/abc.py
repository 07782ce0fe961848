"""Technology mapping by ABC: a fixed set of recipes, the same for every design.

Each recipe is a logic optimisation and a mapping, followed by buffering and gate sizing towards a
delay target. Sizing needs a driving cell and a load: without them ABC takes ports and flip-flops to
drive anything for free, and neither buffers nor sizes.

ABC is run directly on the logic between flip-flops, one process per recipe for all modules and
delay targets: the optimisation is shared by the targets, and a crash loses one recipe, not the run.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...generators.artifacts import digest
from . import cache, yosys
from .logic import Logic

__all__ = ["FAST", "RECIPES", "Mapped", "Recipe", "Technology", "map_logic"]


@dataclass(frozen=True)
class Recipe:
    """A mapping recipe: `optimise` once, then `map` for each delay target `{D}` in ps."""

    name: str
    optimise: str
    map: str
    strength: str


_AREA = "map -B 0.9 -D {D}"
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("buf", "strash; ifraig; scorr; dc2; dch -f", _AREA, "general"),
        Recipe("nodc2", "strash; dch", _AREA, "keeps the given structure"),
        Recipe(
            "constr",
            "strash; &get -n; &fraig -x; &put; scorr; dc2; dch -f",
            "map -D {D}",
            "short delay",
        ),
        Recipe("nf", "strash; &get -n; &st; &dch; &nf -R 10; &put", "", "area of random logic"),
        Recipe(
            "resyn",
            "strash; ifraig; scorr; dc2; strash; dch -f; if -g; strash; dch",
            _AREA,
            "carry-propagate arithmetic",
        ),
        Recipe(
            "syn3",
            "strash; &get -n; &syn3; &syn3; &dch; &nf; &put",
            "",
            "logic with many multiplexers",
        ),
        Recipe("amap", "strash; dch", "amap", "smallest area"),
    )
}
FAST = ("nodc2", "nf", "amap")
# `map` may leave a node that nothing reads, which `buffer` refuses: hence `cleanup`.
_SIZING = "cleanup; buffer -c; topo; upsize -D {D}; dnsize -D {D}; stime -p"
_STIME = re.compile(r"Area\s*=\s*([\d.]+).*?Delay\s*=\s*([\d.]+)\s*ps")


@dataclass(frozen=True)
class Technology:
    """What ABC maps to: a Liberty text of the cells it may use, and the environment of a module.

    `load` is in fF; `targets` are the delay targets in ps.
    """

    liberty: str
    driving_cell: str
    load: float
    targets: tuple[int, ...]

    @property
    def key(self) -> str:
        environment = f"{self.driving_cell} {self.load:.6g} {self.targets} {yosys.version()}"
        return digest(self.liberty, environment)


@dataclass(frozen=True)
class Mapped:
    """One mapping of a piece of logic: BLIF of library cells; area, and ABC's own delay in ps."""

    blif: str
    area: float
    delay: float


def map_logic(
    logics: Iterable[Logic], technology: Technology, recipe: Recipe
) -> dict[str, dict[int, Mapped]]:
    """Map every distinct logic with one recipe; results are by BLIF text, then by delay target.

    Raises
    ------
    InputError
        If ABC fails: its last error line.
    """
    found: dict[str, dict[int, Mapped]] = {}
    todo: dict[str, str] = {}
    for blif in dict.fromkeys(logic.blif for logic in logics):
        key = digest("abc", blif, technology.key, recipe.optimise, recipe.map, _SIZING)
        data = cache.load(key)
        if data is None:
            todo[blif] = key
        else:
            raw = json.loads(data)
            found[blif] = {int(target): Mapped(**mapped) for target, mapped in raw.items()}
    for blif, mapped in _run(list(todo), technology, recipe) if todo else ():
        found[blif] = mapped
        stored = {str(target): vars(result) for target, result in mapped.items()}
        cache.store(todo[blif], json.dumps(stored).encode())
    return found


def _run(
    todo: list[str], technology: Technology, recipe: Recipe
) -> Iterator[tuple[str, dict[int, Mapped]]]:
    with tempfile.TemporaryDirectory(prefix="gatewright-abc-") as name:
        folder = Path(name)
        (folder / "cells.lib").write_text(technology.liberty)
        (folder / "environment").write_text(
            f"set_driving_cell {technology.driving_cell}\n"
            f"set_load {technology.load:.6g} [all_outputs]\n"
        )
        script = ["read_lib -w cells.lib", "read_constr environment"]
        for index, blif in enumerate(todo):
            (folder / f"in{index}.blif").write_text(blif)
            script += [f"read_blif in{index}.blif", *recipe.optimise.split("; "), "backup"]
            for target in technology.targets:
                steps = [step for step in (recipe.map, _SIZING) if step]
                commands = "; ".join(steps).replace("{D}", str(target))
                script += ["restore", *commands.split("; ")]
                script += [f"echo @ {index} {target}", f"write_blif out{index}_{target}.blif"]
        (folder / "script").write_text("\n".join(script) + "\n")
        done = subprocess.run(
            [str(yosys.abc_program()), "-f", "script"],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
        timings = _timings(done.stdout)
        for index, blif in enumerate(todo):
            results: dict[int, Mapped] = {}
            for target in technology.targets:
                path = folder / f"out{index}_{target}.blif"
                if not path.is_file() or (index, target) not in timings:
                    output = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
                    raise InputError(
                        f"logic must pass ABC recipe {recipe.name}, not fail with exit code "
                        f"{done.returncode}: {output[-1][:200]}"
                    )
                area, delay = timings[index, target]
                # ABC writes the time of day into the first line.
                text = path.read_text().partition("\n")[2]
                results[target] = Mapped(text, area, delay)
            yield blif, results


def _timings(output: str) -> dict[tuple[int, int], tuple[float, float]]:
    """Area and delay (ps) that `stime` printed before each mark."""
    timings: dict[tuple[int, int], tuple[float, float]] = {}
    last: tuple[float, float] | None = None
    for line in output.splitlines():
        match = _STIME.search(re.sub(r"\x1b\[[\d;]*m", "", line))
        if match:
            last = (float(match[1]), float(match[2]))
        mark = re.match(r"@ (\d+) (\d+)", line)
        if mark and last is not None:
            timings[int(mark[1]), int(mark[2])] = last
            last = None
    return timings
