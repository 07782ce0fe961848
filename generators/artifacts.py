"""Build folders: Verilog and the manifest that tells every flow what it is.

``manifest.json`` is all that a flow reads beside the Verilog, so a folder written by hand, or by
another program, works as well as ours. Its keys are the attributes of :class:`Manifest`; the
format is versioned by ``format`` and ``version``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from ..errors import InputError

__all__ = [
    "Build", "Field", "Manifest", "Port", "Stream", "digest", "write_bytes", "write_json",
    "write_text",
]  # fmt: skip

FORMAT, VERSION = "gatewright-manifest", 1


@dataclass(frozen=True)
class Field:
    """A field of a stream payload: ``width`` bits from bit ``offset``."""

    name: str
    offset: int
    width: int
    signed: bool = False
    enum: dict[str, str] | None = None


@dataclass(frozen=True)
class Port:
    """A flattened port of the top module (all but clock and reset)."""

    name: str
    direction: Literal["in", "out"]
    width: int
    signed: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class Stream:
    """A ready/valid stream: the names of its three ports, and the fields of its payload.

    ``ready`` is empty where there is no such port: each beat is taken at once.
    """

    name: str
    direction: Literal["in", "out"]
    valid: str
    ready: str
    payload: str
    width: int
    meaning: str = ""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What a build folder holds. ``hash`` is the SHA-256 of its Verilog files."""

    generator: str
    design: str
    top: str
    verilog: tuple[str, ...]
    config: dict[str, Any]
    config_hash: str
    hash: str
    clock: str | None
    reset: str | None
    ports: tuple[Port, ...]
    streams: tuple[Stream, ...] = ()
    enums: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    latency: dict[str, Any] = field(default_factory=dict)
    throughput: dict[str, Any] = field(default_factory=dict)
    testbench: str | None = None
    tools: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT
    version: int = VERSION

    def stream(self, name: str) -> Stream:
        """Return the stream called ``name``."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        allowed = ", ".join(stream.name for stream in self.streams)
        raise InputError(f"stream must be one of {allowed}, not {name!r}")


_MANIFEST = TypeAdapter(Manifest)


@dataclass(frozen=True)
class Build:
    """A build folder and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def verilog(self) -> list[Path]:
        """Paths of the Verilog files."""
        return [self.folder / name for name in self.manifest.verilog]

    @classmethod
    def load(cls, folder: Path) -> Build:
        """Read a build folder.

        Raises
        ------
        InputError
            If the manifest is missing, unreadable, of another version, or names a missing file.
        """
        path = folder / "manifest.json"
        try:
            manifest = _MANIFEST.validate_json(path.read_bytes())
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"{path} must be a readable manifest: {reason}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(f"{path} must be a manifest: {where}: {first['msg']}") from error
        if (manifest.format, manifest.version) != (FORMAT, VERSION):
            raise InputError(
                f"{path} must be {FORMAT} version {VERSION}, "
                f"not {manifest.format} version {manifest.version}"
            )
        build = cls(folder, manifest)
        for source in build.verilog:
            if not source.is_file():
                raise InputError(f"{source} must exist: {path} names it")
        return build

    def save(self, sources: dict[str, str]) -> None:
        """Write the Verilog files, then the manifest, each as a whole or not at all."""
        for name, text in sources.items():
            write_text(self.folder / name, text)
        write_json(self.folder / "manifest.json", _MANIFEST.dump_python(self.manifest, mode="json"))


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 of ``parts``, in hexadecimal."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` so that ``path`` is either as it was or complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def write_text(path: Path, text: str) -> None:
    """Write ``text`` so that ``path`` is either as it was or complete."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON so that ``path`` is either as it was or complete."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
