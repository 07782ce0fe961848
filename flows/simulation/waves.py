"""Waveforms for people: named enum values beside the bits, and only the cycles that matter.

A value change dump (IEEE 1800-2017, 21.7) is rewritten while it is read, so that it can come
through a pipe from a running simulator and never fills the disk. Named values are written as
variables of type ``string``, an extension that GTKWave, Surfer and the wellen readers know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from ...generators.artifacts import Build
from .hierarchy import Hierarchy

__all__ = ["NamedSignal", "named_signals", "rewrite"]


@dataclass(frozen=True)
class NamedSignal:
    """Bits of a signal whose values have names.

    Attributes
    ----------
    scope, signal
        The signal: instance names from the top module down, and its own name.
    label
        Name of the variable that shows the names.
    offset, width
        The bits.
    names
        Name of each value; others are shown as numbers.
    """

    scope: tuple[str, ...]
    signal: str
    label: str
    offset: int
    width: int
    names: Mapping[int, str]

    def text(self, bits: str) -> str:
        """The name of a value, given the whole signal's bits as the dump writes them.

        Leading bits that the dump leaves out repeat the first one, if that is not 1.
        """
        lead = "0" if bits[0] == "1" else bits[0]
        padded = bits.rjust(self.offset + self.width, lead)
        field = padded[len(padded) - self.offset - self.width : len(padded) - self.offset]
        if field.strip("01"):
            return field
        value = int(field, 2)
        return self.names.get(value, str(value))


def named_signals(build: Build) -> list[NamedSignal]:
    """Every signal of a design whose values have names: stream fields, then internal enums."""
    manifest = build.manifest
    found = [
        NamedSignal(
            scope=(manifest.top,),
            signal=stream.payload,
            label=f"{stream.payload}__{field.name.replace('.', '__')}",
            offset=field.offset,
            width=field.width,
            names=_by_value(field.enum),
        )
        for stream in manifest.streams
        for field in stream.fields
        if field.enum
    ]
    if manifest.enums:
        text = "\n".join(source.read_text() for source in build.verilog)
        paths = Hierarchy(text, manifest.top).paths()
        found += [
            NamedSignal(path, signal, f"{signal}__name", 0, 0, _by_value(names))
            for module, signals in manifest.enums.items()
            for path in paths.get(module, [])
            for signal, names in signals.items()
        ]
    return found


def rewrite(
    source: Iterable[str],
    target: TextIO,
    signals: Sequence[NamedSignal],
    window: tuple[int, int] | None = None,
) -> None:
    """Copy a dump, adding named values, and leaving out what is outside a window of time.

    Parameters
    ----------
    source
        Lines of the dump, with their line ends.
    target
        Where to write.
    signals
        The named values to add; one whose signal the dump lacks is left out.
    window
        First and last time step to keep (default: all). The values at the first one are complete.
    """
    lines = iter(source)
    watched = _copy_header(lines, target, signals)
    state: dict[str, str] = {}
    start, end = window if window is not None else (0, None)
    inside = start == 0
    for line in lines:
        first = line[0]
        if first == "#":
            now = int(line[1:])
            if end is not None and now > end:
                break
            if not inside and now >= start:
                inside = True
                target.write(f"#{start}\n")
                target.writelines(state.values())
                if now == start:
                    continue
            if inside:
                target.write(line)
        elif first in "01xXzZ":
            _copy_value(line, line[1:].strip(), line[0], inside, target, state, watched)
        elif first in "bBrRsS":
            bits, identifier = line[1:].split()
            _copy_value(line, identifier, bits, inside, target, state, watched)
        elif inside:
            target.write(line)
    for _ in lines:
        continue  # let the writer of the pipe come to its end


def _copy_value(
    line: str,
    identifier: str,
    bits: str,
    inside: bool,
    target: TextIO,
    state: dict[str, str],
    watched: Mapping[str, Sequence[tuple[str, NamedSignal]]],
) -> None:
    if inside:
        target.write(line)
    else:
        state[identifier] = line
    for added, signal in watched.get(identifier, ()):
        text = f"s{signal.text(bits)} {added}\n"
        if inside:
            target.write(text)
        else:
            state[added] = text


def _copy_header(
    lines: Iterable[str], target: TextIO, signals: Sequence[NamedSignal]
) -> dict[str, list[tuple[str, NamedSignal]]]:
    """Copy the declarations, adding string variables; return them by the signal's identifier."""
    wanted: dict[tuple[tuple[str, ...], str], list[NamedSignal]] = {}
    for signal in signals:
        wanted.setdefault((signal.scope, signal.signal), []).append(signal)
    watched: dict[str, list[tuple[str, NamedSignal]]] = {}
    scope: list[str] = []
    for line in lines:
        target.write(line)
        words = line.split()
        match words[:1]:
            case ["$scope"]:
                scope.append(words[2])
            case ["$upscope"]:
                scope.pop()
            case ["$enddefinitions"]:
                break
            case ["$var"]:
                width, identifier, name = int(words[2]), words[3], words[4].partition("[")[0]
                for signal in wanted.get((tuple(scope), name), ()):
                    whole = signal if signal.width else _of_width(signal, width)
                    added = f"name{sum(map(len, watched.values()))}"
                    watched.setdefault(identifier, []).append((added, whole))
                    target.write(f"$var string 1 {added} {signal.label} $end\n")
    return watched


def _of_width(signal: NamedSignal, width: int) -> NamedSignal:
    return NamedSignal(signal.scope, signal.signal, signal.label, 0, width, signal.names)


def _by_value(names: Mapping[str, str] | None) -> dict[int, str]:
    return {int(value): name for value, name in (names or {}).items()}
