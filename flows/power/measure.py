"""From a build to the energy of work that it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...generators.artifacts import Build, digest, write_json, write_text
from ..simulation.simulate import simulate
from ..synthesis import synthesize
from ..synthesis.liberty import Library
from ..synthesis.netlist import Module, Netlist
from ..synthesis.standard_cells import driving_cell
from ..synthesis.targets import parse
from ..synthesis.timing import Environment
from .activity import Activity, activity_file, read_activity
from .energy import Energy, energy_per_cycle
from .gate_level import net_labels, net_name, simulatable
from .internal import Internals
from .mapped import read_mapped
from .reference import opensta_power
from .replay import replay
from .saif import saif

__all__ = ["Work", "measure"]


@dataclass(frozen=True)
class Work:
    """What a design is doing while its energy is counted.

    Attributes
    ----------
    seed
        Of the testbench, which is the work if nothing else is given.
    dump
        A dump (VCD) of the design's ports, of whatever simulation: its inputs are replayed to the
        gates, whose outputs must be the same.
    activity
        A dump or SAIF file of the flat gates, simulated elsewhere: it is taken as it is.
    operations
        How many operations it is; by default beats of the streams that go out.
    """

    seed: int = 0
    dump: Path | None = None
    activity: Path | None = None
    operations: int | None = None

    def __post_init__(self) -> None:
        if self.dump is not None and self.activity is not None:
            raise InputError("--replay and --activity must not be given together")


def measure(
    build: Build, *, target: str = "ge", recipes: str = "fast", seed: int = 0,
    work: Work | None = None, frequency: float | None = None, keep_dump: bool = False,
    out: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Synthesise a design, let its gates work, and add up the energy.

    Parameters
    ----------
    target
        Standard cells: ``ge`` or ``liberty:FILE``.
    recipes
        As for `synthesize`.
    seed, work
        What the design does; ``seed`` is for a testbench and no other ``work``.
    frequency
        Clock in MHz for the power; by default that of the critical path.
    keep_dump
        Keep the dump of the gates, ``activity.vcd``; it may be large.
    out
        Folder of the report; ``energy-<target>`` in the build folder if None.

    Returns
    -------
    dict
        The report, as written to ``report.json``: ``energy`` per clock cycle and
        ``energy_per_operation`` in ``energy_unit``, its parts, by instance and by module; ``power``
        in W, and OpenSTA's figure beside it. Beside it lie the flat gates, ``NAME.flat.v``, and
        ``activity.saif``.

    Raises
    ------
    InputError
        If the target has no cells, or the design cannot be simulated gate by gate.
    CheckFailed
        If the gates do not pass the testbench, or do not do what a dump shows.
    """
    chosen, manifest = parse(target), build.manifest
    if chosen.liberty is None:
        raise InputError(f"target must be ge or liberty:FILE to tell energy, not {target!r}")
    if manifest.clock is None:
        raise InputError(f"{manifest.design} must have a clock to tell its energy")
    if frequency is not None and frequency <= 0:
        raise InputError(f"frequency must be above 0 MHz, not {frequency:g}")
    job = _Gates(build, target, recipes, out or build.folder / f"energy-{chosen.slug}")
    done = job.work(work or Work(seed), keep_dump)
    found = energy_per_cycle(job.flat, job.library, job.environment, done.activity)
    own = chosen.kind == "ge"
    cycles = done.activity.cycles
    report: dict[str, Any] = {
        "format": "gatewright-report", "version": 1, "step": "energy",
        "design": manifest.design, "generator": manifest.generator,
        "config_hash": manifest.config_hash, "verdict": "pass", "target": target,
        "energy_unit": "C V^2 of an X1 inverter's input" if own else "fJ",
        "energy": _round(found.dynamic), "energy_switching": _round(found.switching),
        "energy_internal": _round(found.internal) if Internals(job.library).known else None,
        "energy_inputs": _round(found.inputs),
        "workload": done.told, "operations": done.operations, "activity_cycles": cycles,
        "energy_per_operation": (
            _round(found.dynamic * cycles / done.operations) if done.operations else None
        ),
        "energy_by_instance": _by_instance(found),
        "energy_by_module": _by_module(found, job.netlist),
        "saif": "activity.saif", "flat_netlist": job.flat_file.name,
        "dump": "activity.vcd" if keep_dump and done.simulated else None,
        "tools": job.synth["tools"] | done.tools, "power": None, "opensta": None,
    }  # fmt: skip
    if not own:
        period = 1e3 / frequency if frequency else max(job.synth["delay"], 1e-3)
        power = _watts(found, period)
        report |= {"power": power, "power_unit": "W", "power_period_ns": _round(period)}
        reference = opensta_power(job.flat, job.library, job.environment, done.activity, period)
        if reference is not None:
            ratio = power["total"] / float(reference["total"]) if reference["total"] else None
            report["opensta"] = {
                name: _round(value) if isinstance(value, float) else value
                for name, value in reference.items()
            } | {"ratio": None if ratio is None else _round(ratio)}
    write_json(job.folder / "report.json", report)
    return report


@dataclass(frozen=True)
class _Done:
    """Activity, what it is of, operations, the tools that found it, and whether gates ran."""

    activity: Activity
    told: str
    operations: int | None
    tools: Mapping[str, str]
    simulated: bool = True


class _Gates:
    """The mapped design: hierarchical and flat, with library and surroundings."""

    def __init__(self, build: Build, target: str, recipes: str, folder: Path) -> None:
        self.build, self.folder = build, folder
        manifest = build.manifest
        self.synth = synthesize(build, target, recipes=recipes, out=folder / "synth")
        liberty = parse(target).liberty
        assert liberty is not None and manifest.clock is not None
        self.library = Library(liberty)
        self.netlist = read_mapped(folder / "synth" / self.synth["netlist"], manifest.top)
        self.flat = self.netlist.flatten()
        # Nets have the same names in the flat netlist, in dumps, and in SAIF.
        self.labels = net_labels(self.flat)
        self.flat.net_names = {net: net_name(net) for net in self.labels}
        driver = driving_cell(self.library)
        inverter = next(cell for cell in self.library.usable("logic") if cell.is_inverter)
        self.clock = manifest.clock
        self.environment = Environment(
            self.clock, frozenset({manifest.reset} if manifest.reset else ()), driver.name,
            max(inverter.inputs[0].capacitance),
        )  # fmt: skip
        self.flat_file = folder / f"{manifest.top}.flat.v"
        write_text(self.flat_file, Netlist(self.flat.name, {self.flat.name: self.flat}).verilog())

    def work(self, work: Work, keep_dump: bool) -> _Done:
        """Let the gates work, and write their activity."""
        if work.activity is not None:
            activity = activity_file(work.activity, self.labels, self.clock)
            missing = len(self.labels) - len(activity.toggles)
            if missing:
                raise InputError(
                    f"{work.activity} must have all nets of {self.flat_file}, and lacks {missing} "
                    f"of {len(self.labels)}"
                )
            done = _Done(activity, f"activity: {work.activity.name}", work.operations, {}, False)
        else:
            done = self._simulated(work, keep_dump)
        text = saif(done.activity, self.labels, self.flat.name)
        write_text(self.folder / "activity.saif", text)
        return done

    def _simulated(self, work: Work, keep_dump: bool) -> _Done:
        manifest = self.build.manifest
        text = simulatable(self.flat, self.library)
        gates = Build(self.folder / "gates", dataclasses.replace(
            manifest, verilog=("gates.v",), hash=digest(text), enums={},
        ))  # fmt: skip
        gates.save({"gates.v": text})
        if work.dump is not None:
            run = replay(gates, work.dump, self.folder / "gates" / "replay")
            told = f"replay: {work.dump.name}"
        else:
            run = simulate(
                gates, seed=work.seed, waves=True, out=self.folder / "gates" / "sim"
            ) | {"folder": self.folder / "gates" / "sim"}
            told = f"testbench, seed {work.seed}"
        dump = Path(run["folder"]) / str(run["waves"])
        with dump.open() as lines:
            activity = read_activity(lines, self.labels, self.clock)
        if keep_dump:
            dump.replace(self.folder / "activity.vcd")
        else:
            dump.unlink()
        outputs = {each.name for each in manifest.streams if each.direction == "out"}
        beats = sum(count for name, count in run["beats"].items() if name in outputs)
        return _Done(activity, told, work.operations or beats or None, run["tools"])


def _watts(found: Energy, period: float) -> dict[str, float]:
    # fJ per ns is a microwatt.
    power = {
        "switching": found.switching / period * 1e-6,
        "internal": found.internal / period * 1e-6,
        "leakage": found.leakage_nw * 1e-9,
    }
    power["total"] = sum(power.values())
    return {name: _round(value) for name, value in power.items()}


def _by_instance(found: Energy) -> dict[str, float]:
    """Energy of each instance just below the top, with all that is in it; the largest first."""
    sums: dict[str, float] = {}
    for path, value in found.instances.items():
        head = path.partition("/")[0] or "(top)"
        sums[head] = sums.get(head, 0.0) + value
    return {name: _round(value) for name, value in sorted(sums.items(), key=lambda e: -e[1])}


def _by_module(found: Energy, netlist: Netlist) -> dict[str, dict[str, float]]:
    """Energy of each module's own cells, in all its instances; the largest first."""
    kinds: dict[str, str] = {"": netlist.top}

    def visit(module: Module, prefix: str) -> None:
        for each in module.instances:
            child = netlist.modules.get(each.kind)
            if child is not None:
                kinds[prefix + each.name] = each.kind
                visit(child, f"{prefix}{each.name}/")

    visit(netlist.modules[netlist.top], "")
    sums: dict[str, list[float]] = {}
    for path, value in found.instances.items():
        sums.setdefault(kinds[path], []).append(value)
    return {
        name: {"instances": len(values), "energy": _round(sum(values))}
        for name, values in sorted(sums.items(), key=lambda each: -sum(each[1]))
    }


def _round(value: float) -> float:
    return float(f"{value:.6g}")
