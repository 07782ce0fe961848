"""The batched engine: millions of cycles of the same Verilog, driven from NumPy arrays.

Verilator compiles the design into a shared library with a loop around it (``batched.cpp``), so
that a whole array of stimuli costs one call. Nothing is public and nothing is traced: use it for
volume, and the cocotb engine for protocol, waveforms and coverage.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, Field, Port, Stream
from ...verification.packing import (
    pack,
    pack_array,
    unpack,
    unpack_array,
    words_of,
)
from ...verification.stalls import Stall
from .batched_build import build_library, load_library, port_words, row_words

__all__ = ["BatchedModel", "StreamError", "StreamResult"]

Words = NDArray[np.uint32]
_WORDS_POINTER = ctypes.POINTER(ctypes.c_uint32)
_CYCLES_POINTER = ctypes.POINTER(ctypes.c_uint64)


class StreamError(CheckFailed):
    """A run of streams that did not end well: deadlock, a broken stream rule, a surplus beat."""


@dataclass(frozen=True)
class StreamResult:
    """What a run of streams brought.

    Attributes
    ----------
    outputs
        Beats of each output stream, ``uint32 [n, words]``.
    when
        Of every stream: the cycle, counted from the start of the run, in which each beat moved.
    cycles
        Cycles up to and including the last beat.
    blocked
        Of every stream: cycles with ``valid`` and no ``ready``.
    idle
        Of every stream: cycles with ``ready`` and no ``valid``.
    ports
        Value of every plain output port after the run.
    """

    outputs: dict[str, Words]
    when: dict[str, NDArray[np.uint64]]
    cycles: int
    blocked: dict[str, int]
    idle: dict[str, int]
    ports: dict[str, int]


class _Stream(ctypes.Structure):
    """`Stream` of batched.cpp."""

    _fields_ = (
        ("beats", _WORDS_POINTER),
        ("junk", _WORDS_POINTER),
        ("when", _CYCLES_POINTER),
        *((name, ctypes.c_uint64) for name in (
            "words", "count", "done", "blocked", "idle", "enter", "leave", "stalled", "valid",
            "ready",
        )),
    )  # fmt: skip


class _Outcome(ctypes.Structure):
    """`Outcome` of batched.cpp."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("status", "stream", "cycles"))


_DEADLOCK, _UNSTABLE, _SURPLUS, _LIMIT = 1, 2, 3, 4


class BatchedModel:
    """One instance of a design, compiled on first use and cached by content.

    Parameters
    ----------
    build
        The build folder.
    seed
        Of the state that reset leaves undefined: it starts random.

    Attributes
    ----------
    inputs, outputs
        Of every plain-port row: the words that each port occupies, by name.
    """

    def __init__(self, build: Build, *, seed: int = 0) -> None:
        self.manifest = build.manifest
        self._library = load_library(build_library(build))
        self._handle = ctypes.c_void_p(self._library.gatewright_new(seed & (2**64 - 1)))
        weakref.finalize(self, self._library.gatewright_delete, self._handle)
        self.inputs = port_words(self.manifest, "in")
        self.outputs = port_words(self.manifest, "out")
        self._ports = {port.name: port for port in self.manifest.ports}
        self.reset()

    def reset(self, cycles: int = 2) -> None:
        """All inputs 0; reset low, then high for ``cycles`` clock cycles, then low."""
        self._library.gatewright_reset(self._handle, cycles)

    # Plain ports, a row a cycle

    def pack_inputs(self, values: Mapping[str, ArrayLike]) -> Words:
        """Input rows ``[n, words]`` from one array per port; a port left out is 0.

        A port of up to 64 bits takes integers ``[n]``, a wider one words ``[n, words]``.
        """
        unknown = [name for name in values if name not in self.inputs]
        if unknown:
            raise InputError(f"port must be one of {', '.join(self.inputs)}, not {unknown[0]!r}")
        arrays = {name: np.asarray(value) for name, value in values.items()}
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) != 1:
            raise InputError(f"ports must have equal numbers of rows, not {sorted(lengths)}")
        rows = np.zeros((lengths.pop(), row_words(self.inputs)), dtype=np.uint32)
        for name, array in arrays.items():
            port = self._ports[name]
            if array.ndim == 1:
                array = pack([_port_field(port)], port.width, {name: array})
            rows[:, self.inputs[name]] = _check_width(array, port.width, f"port {name}")
        return rows

    def unpack_outputs(self, rows: Words) -> dict[str, NDArray[Any]]:
        """Each output port of rows ``[n, words]``: integers ``[n]``, or words if over 64 bits."""
        ports: dict[str, NDArray[Any]] = {}
        for name, where in self.outputs.items():
            port = self._ports[name]
            words = rows[:, where]
            wide = port.width > 64
            ports[name] = words if wide else unpack([_port_field(port)], words)[name]
        return ports

    def run_cycles(self, inputs: Words) -> Words:
        """Apply one input row a cycle; return the output rows.

        Row i of the result is what stands on the outputs while row i of ``inputs`` is applied,
        just before the clock edge that ends the cycle. The state carries over between calls.

        Parameters
        ----------
        inputs
            ``uint32 [n, words]`` as ``pack_inputs`` makes it. Bits above a port's width must be 0.

        Raises
        ------
        InputError
            If the array has another shape or type.
        """
        words = row_words(self.inputs)
        if inputs.dtype != np.uint32 or inputs.ndim != 2 or inputs.shape[1] != words:
            raise InputError(
                f"inputs must be uint32 of shape [n, {words}], "
                f"not {inputs.dtype} of shape {list(inputs.shape)}"
            )
        rows = np.ascontiguousarray(inputs)
        outputs = np.empty((rows.shape[0], row_words(self.outputs)), dtype=np.uint32)
        self._library.gatewright_run_cycles(
            self._handle, rows.shape[0], _words_of(rows), _words_of(outputs)
        )
        return outputs

    # Streams

    def run_streams(
        self,
        inputs: Mapping[str, Words],
        expect: Mapping[str, int],
        *,
        stall: Mapping[str, float | Stall] | None = None,
        ports: Mapping[str, int] | None = None,
        seed: int = 0,
        watchdog: int = 10_000,
        drain: int = 16,
        limit: int = 2**62,
        reset: bool = True,
    ) -> StreamResult:
        """Send all input beats and collect the expected output beats.

        Parameters
        ----------
        inputs
            Beats ``uint32 [n, words]`` of each input stream; a stream left out sends none.
        expect
            Number of beats of each output stream; a stream left out must send none.
        stall
            Random pauses of any stream: a probability, or a `Stall`.
        ports
            Values of plain input ports, held for the whole run; a port left out is 0.
        seed
            Of the stalls, and of what an input stream shows while it is not valid.
        watchdog
            Cycles without any beat after which the run has failed.
        drain
            Cycles without any beat to wait for surplus beats after the last expected one.
        limit
            Most cycles of the run.
        reset
            Whether to reset the design first.

        Raises
        ------
        StreamError
            On deadlock, a surplus beat, an output that changes or withdraws a beat before it was
            taken, or more than ``limit`` cycles: with the state of every stream.
        InputError
            If a name is unknown or an array has the wrong shape.
        """
        if reset:
            self.reset()
        self._hold(ports or {})
        streams = self.manifest.streams
        sources = [stream for stream in streams if stream.direction == "in"]
        sinks = [stream for stream in streams if stream.direction == "out"]
        _check_names("input stream", inputs, sources)
        _check_names("output stream", expect, sinks)
        _check_names("stream", stall or {}, streams)
        for stream in streams:
            if not stream.ready and (stall or {}).get(stream.name) and stream in sinks:
                raise InputError(f"stall must leave out {stream.name}, which has no ready")
        rng = np.random.default_rng(seed & (2**64 - 1))
        beats = {s.name: _beats(s, inputs.get(s.name)) for s in sources}
        for sink in sinks:
            shape = (expect.get(sink.name, 0), words_of(sink.width))
            beats[sink.name] = np.zeros(shape, dtype=np.uint32)
        when = {name: np.zeros(len(rows), dtype=np.uint64) for name, rows in beats.items()}
        junk = {s.name: _junk(s, rng) for s in sources}
        state = {
            s.name: _Stream(
                beats=_words_of(beats[s.name]),
                junk=_words_of(junk[s.name]) if s.name in junk else None,
                when=when[s.name].ctypes.data_as(_CYCLES_POINTER),
                words=words_of(s.width),
                count=len(beats[s.name]),
                **_thresholds((stall or {}).get(s.name, 0.0)),
            )
            for s in streams
        }
        c_sources = (_Stream * len(sources))(*(state[s.name] for s in sources))
        c_sinks = (_Stream * len(sinks))(*(state[s.name] for s in sinks))
        outcome = _Outcome()
        self._library.gatewright_run_streams(
            self._handle, c_sources, c_sinks, seed & (2**64 - 1), watchdog, drain, limit,
            ctypes.byref(outcome),
        )  # fmt: skip
        after = dict(zip([s.name for s in [*sources, *sinks]], [*c_sources, *c_sinks], strict=True))
        if outcome.status:
            raise StreamError(_explain(outcome, sinks, after, watchdog, limit, seed))
        return StreamResult(
            outputs={s.name: beats[s.name] for s in sinks},
            when=when,
            cycles=1
            + max((int(cycles[-1]) for cycles in when.values() if len(cycles)), default=-1),
            blocked={name: int(stream.blocked) for name, stream in after.items()},
            idle={name: int(stream.idle) for name, stream in after.items()},
            ports=self._read_ports(),
        )

    def pack(self, stream: str, values: Mapping[str, ArrayLike] | ArrayLike) -> Words:
        """Beats of a stream from one array per field name, or from an array ``[n, fields]``."""
        found = self.manifest.stream(stream)
        if isinstance(values, Mapping):
            return pack(found.fields, found.width, values)
        return pack_array(found.fields, found.width, values)

    def unpack(self, stream: str, beats: Words) -> dict[str, NDArray[Any]]:
        """Each field of beats ``[n, words]``."""
        return dict(unpack(self.manifest.stream(stream).fields, beats))

    def unpack_array(self, stream: str, beats: Words) -> NDArray[np.int64]:
        """All fields of beats as one array ``[n, fields]``."""
        return unpack_array(self.manifest.stream(stream).fields, beats)

    def _hold(self, ports: Mapping[str, int]) -> None:
        values = {name: np.array([value]) for name, value in ports.items()}
        row = (
            self.pack_inputs(values)
            if values
            else np.zeros((1, row_words(self.inputs)), dtype=np.uint32)
        )
        self._library.gatewright_set_inputs(self._handle, _words_of(row))

    def _read_ports(self) -> dict[str, int]:
        row = np.zeros((1, row_words(self.outputs)), dtype=np.uint32)
        self._library.gatewright_get_outputs(self._handle, _words_of(row))
        wired = {n for s in self.manifest.streams for n in (s.valid, s.ready, s.payload)}
        return {
            name: int(value[0])
            for name, value in self.unpack_outputs(row).items()
            if name not in wired and value.ndim == 1
        }


def _port_field(port: Port) -> Field:
    return Field(port.name, 0, port.width, port.signed)


def _words_of(array: Words) -> Any:
    return array.ctypes.data_as(_WORDS_POINTER)


def _check_names(kind: str, given: Mapping[str, object], streams: Sequence[Stream]) -> None:
    names = [stream.name for stream in streams]
    for name in given:
        if name not in names:
            raise InputError(f"{kind} must be one of {', '.join(names)}, not {name!r}")


def _check_width(words: Words, width: int, what: str) -> Words:
    """Beats or port values as the C loop takes them; it puts them on the wires unmasked."""
    shape = ("n", words_of(width))
    if words.ndim != 2 or words.shape[1] != shape[1] or words.dtype != np.uint32:
        raise InputError(
            f"{what} must be uint32 of shape [n, {shape[1]}], "
            f"not {words.dtype} of shape {list(words.shape)}"
        )
    spare = 32 * shape[1] - width
    if spare and len(words) and int(words[:, -1].max()) >> (32 - spare):
        raise InputError(f"{what} must fit {width} bits, not use bits above them")
    return np.ascontiguousarray(words)


def _beats(stream: Stream, given: Words | None) -> Words:
    if given is None:
        return np.zeros((0, words_of(stream.width)), dtype=np.uint32)
    return _check_width(given, stream.width, f"beats of stream {stream.name}")


def _junk(stream: Stream, rng: np.random.Generator) -> Words:
    words = rng.integers(0, 2**32, size=words_of(stream.width), dtype=np.uint32)
    words[-1] >>= np.uint32(32 * len(words) - stream.width)
    return words


def _thresholds(stall: float | Stall) -> dict[str, int]:
    chosen = stall if isinstance(stall, Stall) else Stall(stall)
    return {"enter": round(chosen.enter * 2**32), "leave": round(chosen.leave * 2**32)}


def _explain(
    outcome: _Outcome,
    sinks: Sequence[Stream],
    states: Mapping[str, _Stream],
    watchdog: int,
    limit: int,
    seed: int,
) -> str:
    """What went wrong, and where every stream stands."""
    sink = sinks[outcome.stream].name if outcome.status in (_UNSTABLE, _SURPLUS) else ""
    what = {
        _DEADLOCK: f"deadlock: no beat moved for {watchdog} cycles, at cycle {outcome.cycles}",
        _UNSTABLE: f"stream {sink} changed or withdrew a beat before it was taken, "
        f"at cycle {outcome.cycles}",
        _SURPLUS: f"stream {sink} offers more beats than the {states[sink].count if sink else 0} "
        f"expected, at cycle {outcome.cycles}",
        _LIMIT: f"the run was not over after {limit} cycles",
    }[outcome.status]
    lines = [
        f"  {name}: {state.done} of {state.count} beats, "
        f"valid={int(bool(state.valid))} ready={state.ready}"
        for name, state in states.items()
    ]
    return "\n".join([f"{what} (seed {seed})", *lines])
