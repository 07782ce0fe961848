"""Liberty files: which cells a library has, and the tables that their delays come from.

A library of 12 MB is scanned in well under a second: the text is cut into cells by matching braces,
attributes are read at once, and delay tables only of cells that a netlist uses.

Units inside the program: nanoseconds, femtofarads; areas as the file has them. In
`constraints/ge.lib` they are tau, unit-inverter input capacitances and gate equivalents, written
as if they were those.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ...errors import InputError

__all__ = ["Arc", "Cell", "Library", "Pin", "Table"]

_STATEMENT = re.compile(
    r"\s*([\w.]+)\s*(?:\(([^)]*)\)\s*([{;]?)|:\s*(\"[^\"]*\"|[^;{}\n]*)\s*;?)", re.DOTALL
)
_CELL = re.compile(r"(?<![\w.])cell\s*\(\s*\"?([^\")\s]+)\"?\s*\)\s*\{")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_HEAVY = frozenset(
    {"timing", "internal_power", "leakage_power", "receiver_capacitance", "ccsn_first_stage"}
    | {"ccsn_last_stage", "electromigration", "hyperbolic_noise_above_high"}
)
# Cells that may be used by a clock tree, by scan insertion or by a power plan, but not by mapping.
_NOT_FOR_LOGIC = re.compile(
    r"(^|_)(clk|ck)(buf|inv|dly|gate|mux)|lpflow|probe|dlygate|dlymetal|(^|_)dly|sighold|"
    r"antenna|diode|decap|fill|(^|_)tap",
    re.IGNORECASE,
)
_POWER_UNITS_NW = {"W": 1e9, "mW": 1e6, "uW": 1e3, "nW": 1.0, "pW": 1e-3, "fW": 1e-6}


@dataclass
class _Group:
    name: str
    args: list[str]
    attributes: dict[str, str] = field(default_factory=dict)
    complex: dict[str, str] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=list)

    def named(self, name: str) -> list[_Group]:
        return [group for group in self.groups if group.name == name]


@dataclass(frozen=True)
class Table:
    """A table of a delay, slew or constraint, interpolated (and extrapolated) bilinearly."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]

    def __call__(self, x: float, y: float) -> float:
        """Value at input slew `x` (ns) and load `y` (fF); of a constraint, data and clock slew."""
        xs, ys, rows = self.x, self.y, self.rows
        if len(xs) == 1:
            low, high, u = rows[0], rows[0], 0.0
        else:
            i = min(max(bisect_right(xs, x) - 1, 0), len(xs) - 2)
            low, high, u = rows[i], rows[i + 1], (x - xs[i]) / (xs[i + 1] - xs[i])
        if len(ys) == 1:
            return low[0] + u * (high[0] - low[0])
        j = min(max(bisect_right(ys, y) - 1, 0), len(ys) - 2)
        v = (y - ys[j]) / (ys[j + 1] - ys[j])
        a = low[j] + v * (low[j + 1] - low[j])
        b = high[j] + v * (high[j + 1] - high[j])
        return a + u * (b - a)


@dataclass(frozen=True)
class Arc:
    """One timing arc to a pin: its tables by the edge of that pin (0 fall, 1 rise)."""

    source: str
    sense: str
    kind: str
    delay: tuple[Table | None, Table | None]
    slew: tuple[Table | None, Table | None]


@dataclass(frozen=True)
class Pin:
    """A signal pin. Capacitances in fF by edge (0 fall, 1 rise); `max_load` in fF or None."""

    name: str
    direction: str
    capacitance: tuple[float, float]
    function: str | None
    clock: bool
    max_load: float | None


@dataclass
class Cell:
    """A library cell: what it is, how large, and on demand its timing arcs.

    Of cells that are `allowed`, ABC or `dfflibmap` can map to those that are `usable`.
    """

    name: str
    area: float
    pins: dict[str, Pin]
    kind: str
    allowed: bool
    usable: bool
    leakage_nw: float
    next_state: str | None
    clocked_on: str | None
    text: str
    _library: Library

    @property
    def inputs(self) -> list[Pin]:
        return [pin for pin in self.pins.values() if pin.direction == "input"]

    @property
    def outputs(self) -> list[Pin]:
        return [pin for pin in self.pins.values() if pin.direction == "output"]

    @property
    def is_buffer(self) -> bool:
        return self._single_input_function("{0}")

    @property
    def is_inverter(self) -> bool:
        return self._single_input_function("!{0}", "{0}'")

    def _single_input_function(self, *forms: str) -> bool:
        if self.kind != "logic" or len(self.inputs) != 1 or len(self.outputs) != 1:
            return False
        function = re.sub(r"[\s()\"]", "", self.outputs[0].function or "")
        return function in {form.format(self.inputs[0].name) for form in forms}

    @cached_property
    def arcs(self) -> dict[str, list[Arc]]:
        """Timing arcs by the pin they end at: delay arcs at outputs, setup and hold at inputs."""
        return self._library.read_arcs(self)


class Library:
    """A Liberty file, plain or gzip.

    Parameters
    ----------
    path
        The file. `InputError` names it if it cannot be read or holds no cell.

    Attributes
    ----------
    name : str
        The library's own name.
    hash : str
        SHA-256 of the (unpacked) text; part of every cache key.
    cells : dict[str, Cell]
        All cells by name. `Cell.usable` tells which ones mapping may use: dont_use cells, scan
        flops, latches, clock gates, clock and delay buffers, tri-states, isolation cells, ties,
        fillers and antennae are not, nor is logic with more than one output, which ABC cannot map.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = _read(path)
        self.hash = hashlib.sha256(self.text.encode()).hexdigest()
        clean = re.sub(r"/\*.*?\*/", " ", self.text, flags=re.DOTALL)
        self._closing = _matching_braces(clean)
        self._clean = clean
        self.cells: dict[str, Cell] = {}
        starts = list(_CELL.finditer(clean))
        if not starts:
            raise InputError(f"{path} must be a Liberty file with at least one cell")
        head_end = starts[0].start()
        opening = clean.find("{")
        if opening < 0 or opening > head_end:
            raise InputError(f"{path} must be a Liberty file that begins with library (...) {{")
        self.header_text = clean[:head_end]
        self._header = self._parse("library", [], opening + 1, head_end)
        named = re.search(r"library\s*\(\s*\"?([^\")]+?)\"?\s*\)", clean[:opening])
        self.name = named[1] if named else path.stem
        self._units()
        self._templates = {
            group.args[0]: group for group in self._header.named("lu_table_template") if group.args
        }
        end = 0
        for match in starts:
            if match.start() < end:
                continue
            close = self._closing.get(match.end() - 1)
            if close is None:
                raise InputError(f"{path}: cell {match[1]} must have balanced braces")
            end = close
            self.cells[match[1]] = self._cell(match[1], match.start(), match.end(), close)

    def _units(self) -> None:
        unit = self._header.attributes.get("time_unit", "1ns")
        match = re.fullmatch(r"\s*([\d.]+)\s*(ms|us|ns|ps|fs)\s*", unit)
        scales = {"ms": 1e6, "us": 1e3, "ns": 1.0, "ps": 1e-3, "fs": 1e-6}
        if match is None:
            raise InputError(f"{self.path}: time_unit must be a number of ns or ps, not {unit!r}")
        self.time_unit_ns = float(match[1]) * scales[match[2]]
        raw = self._header.complex.get("capacitive_load_unit", "1,pf").replace('"', "")
        number, _, name = (part.strip() for part in raw.partition(","))
        if name.lower() not in ("pf", "ff"):
            raise InputError(f"{self.path}: capacitive_load_unit must be in pf or ff, not {raw!r}")
        self.cap_unit_ff = float(number) * (1000.0 if name.lower() == "pf" else 1.0)
        power = self._header.attributes.get("leakage_power_unit", "1nW")
        match = re.fullmatch(r"\s*([\d.]+)\s*([munpf]?W)\s*", power)
        self.leakage_unit_nw = float(match[1]) * _POWER_UNITS_NW[match[2]] if match else 1.0

    def _parse(
        self, name: str, args: list[str], start: int, end: int, skip: frozenset[str] = _HEAVY
    ) -> _Group:
        group = _Group(name, args)
        text, position = self._clean, start
        while True:
            match = _STATEMENT.match(text, position, end)
            if match is None:
                following = re.compile(r"[\w}]").search(text, position + 1, end)
                if following is None:
                    return group
                position = following.start()
                continue
            key, arguments, opener, value = match.groups()
            position = match.end()
            if value is not None:
                group.attributes[key] = value.strip().strip('"').strip()
            elif opener == "{":
                close = self._closing.get(position - 1, end)
                if key not in skip:
                    parts = [p.strip().strip('"').strip() for p in arguments.split(",")]
                    group.groups.append(self._parse(key, parts, position, close, skip))
                position = close + 1
            else:
                group.complex[key] = arguments

    def _cell(self, name: str, begin: int, start: int, close: int) -> Cell:
        group = self._parse("cell", [name], start, close)
        pins: dict[str, Pin] = {}
        scan = bool(group.named("test_cell"))
        tristate = False
        pin_groups = group.named("pin")
        for bus in group.named("bus") + group.named("bundle"):
            pin_groups += bus.named("pin")
        for pin in pin_groups:
            at = pin.attributes
            scan = scan or at.get("nextstate_type", "").startswith("scan")
            scan = scan or at.get("signal_type", "").startswith("test")
            tristate = tristate or "three_state" in at
            both = at.get("capacitance", "0")
            for pin_name in pin.args:
                pins[pin_name] = Pin(
                    pin_name,
                    at.get("direction", "input"),
                    (
                        self._load(at.get("fall_capacitance", both)),
                        self._load(at.get("rise_capacitance", both)),
                    ),
                    at.get("function"),
                    at.get("clock", "false").lower() == "true",
                    self._load(at["max_capacitance"]) if "max_capacitance" in at else None,
                )
        flops = group.named("ff")
        outputs = [pin for pin in pins.values() if pin.direction == "output"]
        inputs = [pin for pin in pins.values() if pin.direction == "input"]
        attributes = group.attributes
        if len(flops) == 1 and not scan:
            kind = "flop"
        elif flops or scan:
            kind = "scan"
        elif group.named("latch") or group.named("statetable") or group.named("latch_bank"):
            kind = "latch"
        elif tristate or not outputs or any(pin.function is None for pin in outputs):
            kind = "other"
        else:
            kind = "logic" if inputs else "tie"
        special = (
            attributes.get("dont_use", "false").lower() == "true"
            or "clock_gating_integrated_cell" in attributes
            or any(a in attributes for a in ("is_isolation_cell", "is_level_shifter", "always_on"))
            or _NOT_FOR_LOGIC.search(name) is not None
        )
        fits = kind == "flop" or (kind == "logic" and len(outputs) == 1)
        return Cell(
            name,
            _number(attributes.get("area", "0")),
            pins,
            kind,
            not special,
            fits and not special,
            _number(attributes.get("cell_leakage_power", "0")) * self.leakage_unit_nw,
            flops[0].attributes.get("next_state") if flops else None,
            flops[0].attributes.get("clocked_on") if flops else None,
            self._clean[begin : close + 1],
            self,
        )

    def _load(self, text: str) -> float:
        return _number(text) * self.cap_unit_ff

    def read_arcs(self, cell: Cell) -> dict[str, list[Arc]]:
        """Read the timing groups of `cell`, which the first scan left out."""
        begin = self._clean.find(cell.text)
        start = self._clean.index("{", begin) + 1
        close = self._closing[start - 1]
        group = self._parse("cell", [cell.name], start, close, _HEAVY - {"timing"})
        arcs: dict[str, list[Arc]] = {}
        for pin in group.named("pin"):
            for timing in pin.named("timing"):
                tables = {part.name: self._table(part) for part in timing.groups}
                sources = timing.attributes.get("related_pin", "").split()
                for name in pin.args:
                    for source in sources:
                        arcs.setdefault(name, []).append(_arc(source, timing, tables))
        return arcs

    def _table(self, group: _Group) -> Table | None:
        if "values" not in group.complex:
            return None
        values = [float(v) for v in _NUMBER.findall(group.complex["values"])]
        template = self._templates.get(group.args[0]) if group.args else None
        axes: list[tuple[float, ...]] = []
        for key in ("index_1", "index_2"):
            raw = group.complex.get(key)
            if raw is None and template is not None:
                raw = template.complex.get(key)
            axes.append(tuple(float(v) for v in _NUMBER.findall(raw or "0")))
        first = template.attributes.get("variable_1", "") if template is not None else ""
        x, y = axes
        scaled = [value * self.time_unit_ns for value in values]
        if len(x) * len(y) != len(scaled):
            raise InputError(
                f"{self.path}: table {group.name} must have {len(x) * len(y)} values, "
                f"not {len(scaled)}"
            )
        rows = [tuple(scaled[i * len(y) : (i + 1) * len(y)]) for i in range(len(x))]
        constraint = "constraint" in group.name
        if first == ("related_pin_transition" if constraint else "total_output_net_capacitance"):
            x, y = y, x
            rows = list(zip(*rows, strict=True))
        scale_y = self.time_unit_ns if constraint else self.cap_unit_ff
        return Table(
            tuple(v * self.time_unit_ns for v in x), tuple(v * scale_y for v in y), tuple(rows)
        )

    def prune(self, names: Iterable[str]) -> str:
        """Text of a library that has only the named cells (other tools then cannot use more)."""
        wanted = sorted(set(names), key=list(self.cells).index)
        return self.header_text + "\n".join(self.cells[name].text for name in wanted) + "\n}\n"

    def usable(self, kind: str) -> list[Cell]:
        """Cells of a kind ("logic" or "flop") that mapping may use, by area and name."""
        chosen = [c for c in self.cells.values() if c.usable and c.kind == kind]
        return sorted(chosen, key=lambda cell: (cell.area, cell.name))


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8", errors="replace")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} must be a readable Liberty file: {error}") from error


def _matching_braces(text: str) -> dict[int, int]:
    stack: list[int] = []
    closing: dict[int, int] = {}
    for match in re.finditer(r"[{}]", text):
        if match[0] == "{":
            stack.append(match.start())
        elif stack:
            closing[stack.pop()] = match.start()
    return closing


def _number(text: str) -> float:
    match = _NUMBER.search(text)
    return float(match[0]) if match else 0.0


def _arc(source: str, timing: _Group, tables: Mapping[str, Table | None]) -> Arc:
    kind = timing.attributes.get("timing_type", "combinational")
    names: Sequence[str] = ("cell_fall", "cell_rise", "fall_transition", "rise_transition")
    if kind.startswith(("setup", "hold", "recovery", "removal")):
        names = ("fall_constraint", "rise_constraint", "", "")
    fall, rise, slew_fall, slew_rise = (tables.get(name) for name in names)
    return Arc(
        source,
        timing.attributes.get("timing_sense", "non_unate"),
        kind,
        (fall, rise),
        (slew_fall, slew_rise),
    )
