"""Compiling a design into the shared library of the batched engine."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from ...errors import InputError
from ...generators.artifacts import Build, Manifest, Port, Stream
from ...verification.packing import words_of
from .shared_library import shared_library

__all__ = ["build_library", "load_library", "port_words", "row_words"]

_ALWAYS = "gatewright_always_ready"


def port_words(manifest: Manifest, direction: Literal["in", "out"]) -> dict[str, slice]:
    """Which words of a row each port of one direction occupies, in the manifest's order."""
    places: dict[str, slice] = {}
    at = 0
    for port in manifest.ports:
        if port.direction == direction:
            places[port.name] = slice(at, at + words_of(port.width))
            at += words_of(port.width)
    return places


def row_words(places: dict[str, slice]) -> int:
    """Words of a whole row."""
    return max((place.stop for place in places.values()), default=0)


def build_library(build: Build) -> Path:
    """The shared library of a design, compiled unless the cache holds it.

    Raises
    ------
    MissingToolError
        If Verilator, a C++ compiler, make or perl is missing.
    CheckFailed
        If Verilator or the compiler refuses the design, with its last error lines.
    """
    manifest = build.manifest
    return shared_library(
        "batched", build.verilog, manifest.top, (__package__, "batched.cpp"),
        _model_header(manifest),
    )  # fmt: skip


@cache
def load_library(path: Path) -> ctypes.CDLL:
    """Load a library of `build_library` and tell ctypes its functions."""
    library = ctypes.CDLL(str(path))
    handle, number = ctypes.c_void_p, ctypes.c_uint64
    words = ctypes.POINTER(ctypes.c_uint32)
    signatures: dict[str, list[object]] = {
        "new": [number],
        "delete": [handle],
        "reset": [handle, number],
        "set_inputs": [handle, words],
        "get_outputs": [handle, words],
        "run_cycles": [handle, number, words, words],
        "run_streams": [handle, handle, handle, number, number, number, number, handle],
    }
    for name, arguments in signatures.items():
        function = getattr(library, f"gatewright_{name}")
        function.argtypes = arguments
        function.restype = None
    library.gatewright_new.restype = handle
    return library


def _member(port: str) -> str:
    """The C++ member that Verilator makes of a port: what C++ forbids is written as hex digits."""
    name = []
    at = 0
    while at < len(port):
        letter = port[at]
        if port.startswith("__", at):
            name.append("___05F")
            at += 1
        elif letter.isascii() and (letter.isalpha() or letter == "_" or (letter.isdigit() and at)):
            name.append(letter)
        else:
            name.append(f"__0{ord(letter):02X}")
        at += 1
    return "".join(name)


def _model_header(manifest: Manifest) -> str:
    return "\n".join([*_header_lines(manifest), ""])


def _header_lines(manifest: Manifest) -> Iterator[str]:
    yield f"// How batched.cpp reaches the ports of {manifest.top}."
    yield "#pragma once"
    yield '#include "Vtop.h"'
    if manifest.clock is not None:
        yield f"#define GATEWRIGHT_CLOCK {_member(manifest.clock)}"
    if manifest.reset is not None:
        yield f"#define GATEWRIGHT_RESET {_member(manifest.reset)}"
    for direction, name, short in (("in", "INPUTS", "IN"), ("out", "OUTPUTS", "OUT")):
        places = port_words(manifest, "in" if direction == "in" else "out")
        items = " ".join(f"X({_member(port)}, {at.start})" for port, at in places.items())
        yield f"#define GATEWRIGHT_{name}(X) {items}"
        yield f"#define GATEWRIGHT_{short}_WORDS {row_words(places)}"
    for direction, name, short in (("in", "SOURCES", "SOURCE"), ("out", "SINKS", "SINK")):
        streams = [stream for stream in manifest.streams if stream.direction == direction]
        items = " ".join(_stream_item(manifest, i, stream) for i, stream in enumerate(streams))
        yield f"#define GATEWRIGHT_{name}(X) {items}"
        yield f"#define GATEWRIGHT_{short}_COUNT {len(streams)}"
    if not all(stream.ready for stream in manifest.streams):
        yield f"static unsigned char {_ALWAYS} = 1;"
    widest = max((stream.width for stream in manifest.streams), default=1)
    yield f"#define GATEWRIGHT_PAYLOAD_WORDS {words_of(widest)}"


def _stream_item(manifest: Manifest, index: int, stream: Stream) -> str:
    ports: dict[str, Port] = {port.name: port for port in manifest.ports}
    for port in (stream.valid, stream.ready):
        if port and port not in ports:
            raise InputError(f"stream {stream.name} must name a port of the design, not {port!r}")
    payload = f"top.{_member(stream.payload)}" if stream.payload in ports else "no_payload"
    ready = f"top.{_member(stream.ready)}" if stream.ready else _ALWAYS
    return f"X({index}, top.{_member(stream.valid)}, {ready}, {payload})"
