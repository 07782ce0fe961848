"""Programs on disk: a folder with the memory image, where everything is in it, and a listing.

    image.bin       the engine's memory, as `hw/gnn/records.py` tells, with input codes in place
    manifest.json   what an engine must be for it, where tensors are, SHA-256 of the files
    program.txt     passes, phases and instructions, for people
    expected.npz    output codes of the golden model, the float64 network's output, and labels
    order.npy       the vertex at each place, if they were reordered

`manifest.json` carries `format`, `version`, the sizes of the engine and their digest, which is also
a register of the engine.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...hw.gnn.instruction import ElementType
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.records import VERSION, Phase
from ..artifacts import write_json
from .assembly import disassemble
from .codes import Integers, rows_to_vertices
from .image import Image, Place, digest
from .occupancy import Unit
from .program import Pass, Program

__all__ = ["FORMAT", "Expected", "StoredProgram", "listing", "read_program", "write_program"]

FORMAT = "gatewright-gnn-program"
_IMAGE, _MANIFEST, _LISTING = "image.bin", "manifest.json", "program.txt"
_EXPECTED, _ORDER = "expected.npz", "order.npy"


@dataclass(frozen=True, eq=False)
class Expected:
    """What a run should give.

    Attributes
    ----------
    codes
        Output codes of the golden int8 network, by vertex.
    real
        Output of the float64 network.
    unit
        Real value of the unit of an output code.
    labels, test
        Class of each vertex and whether it counts for the accuracy; None where there are none.
    """

    codes: Integers
    real: NDArray[np.float64]
    unit: float
    labels: Integers | None = None
    test: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class StoredProgram:
    """A program from disk: what is needed to run it.

    Attributes
    ----------
    parameters
        Of the engine that it is for.
    image
        Its memory.
    expected
        What it should give.
    vertices
        N.
    order, output, output_columns
        Vertex at each place or None; name of the output tensor, and the places of its columns.
    foretold
        Cycles by the cost model.
    busy
        Occupancy of each unit by its name, by the cost model.
    manifest
        The whole of it.
    """

    parameters: GnnParameters
    image: Image
    expected: Expected
    vertices: int
    order: NDArray[np.int64] | None
    output: str
    output_columns: tuple[int, ...]
    foretold: int
    busy: Mapping[str, int]
    manifest: Mapping[str, Any]

    def result(self, image: Image) -> Integers:
        """Return the output codes of an image that was run, by vertex."""
        return rows_to_vertices(image.read(self.output), self.output_columns, self.order)


def listing(program: Program) -> str:
    """Return a program as text."""
    parts = []
    for i, each in enumerate(program.passes):
        shards = [0 if part is None else part.counts.shards for part in each.partitions]
        parts.append(
            f"; pass {i}: intervals of {each.interval}, chunks of {each.chunk_rows} rows, "
            f"{each.halves} under way, shards {' + '.join(map(str, shards))}\n"
        )
        names = dict(enumerate(each.slot_names))
        tensors = dict(enumerate(each.tensors))
        parts += [
            f";   slot {name}: {slot.space.name} {slot.type.name} at {slot.offset}, "
            f"{slot.elements} elements" + (f" x {slot.columns}" * bool(slot.columns)) + "\n"
            for name, slot in zip(each.slot_names, each.slots, strict=True)
        ]
        for phase in Phase:
            if phase in each.phases:
                parts.append(f"{phase.name}:\n")
                code = disassemble(each.phases[phase], names, tensors)
                parts += [f"    {line}\n" for line in code.splitlines()]
    return "".join(parts)


def write_program(
    folder: Path, program: Program, image: Image, expected: Expected, notes: Mapping[str, Any]
) -> None:
    """Write a program into an empty folder.

    Parameters
    ----------
    image
        With the input codes in place.
    notes
        More entries of the manifest: where graph and model came from, what was estimated.
    """
    image.memory.tofile(folder / _IMAGE)
    (folder / _LISTING).write_text(listing(program), encoding="utf-8")
    arrays: dict[str, Any] = {
        "codes": expected.codes.astype(np.int8), "real": expected.real,
        "unit": np.float64(expected.unit),
    }  # fmt: skip
    if expected.labels is not None and expected.test is not None:
        arrays |= {"labels": expected.labels, "test": expected.test}
    np.savez_compressed(folder / _EXPECTED, **arrays)
    files = [_IMAGE, _EXPECTED]
    if program.order is not None:
        np.save(folder / _ORDER, program.order.astype(np.int64))
        files.append(_ORDER)
    write_json(folder / _MANIFEST, {
        "format": FORMAT, "version": VERSION, "engine": asdict(program.parameters),
        "digest": digest(program.parameters), "vertices": program.vertices,
        "pass_block": image.pass_block, "passes": [_summary(each) for each in program.passes],
        "tensors": {
            name: {**asdict(place), "type": place.type.name}
            for name, place in image.tensors.items()
        },
        "input": program.input, "output": program.output,
        "output_columns": list(program.output_columns),
        "files": {name: _sum(folder / name) for name in files}, **notes,
    })  # fmt: skip


def _summary(each: Pass) -> dict[str, Any]:
    return {
        "interval": each.interval, "chunk_rows": each.chunk_rows, "halves": each.halves,
        "phases": {phase.name: len(code) for phase, code in each.phases.items()},
        "shards": [0 if part is None else part.counts.shards for part in each.partitions],
        "loads": [0 if part is None else part.counts.loads for part in each.partitions],
    }  # fmt: skip


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_program(folder: Path) -> StoredProgram:
    """Return the program of a folder.

    Raises
    ------
    InputError
        If it is none, of another version, or a file of it is missing or was changed.
    """
    path = folder / _MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{folder} must be a folder of a program: {error}") from error
    except ValueError as error:
        raise InputError(f"{path} must be JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"format of {path} must be {FORMAT}")
    if manifest.get("version") != VERSION:
        raise InputError(f"version of {path} must be {VERSION}, not {manifest.get('version')}")
    try:
        return _program(folder, manifest)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} must be whole: {error!r}") from error
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{folder} must be readable: {error}") from error


def _program(folder: Path, manifest: dict[str, Any]) -> StoredProgram:
    for name, told in manifest["files"].items():
        found = _sum(folder / name)
        if found != told:
            raise InputError(
                f"SHA-256 of {folder / name} must be {told[:12]}..., not {found[:12]}..."
            )
    parameters = GnnParameters(**manifest["engine"])
    if digest(parameters) != manifest["digest"]:
        raise InputError(
            f"digest of {folder / _MANIFEST} must be {digest(parameters):#010x}, not "
            f"{manifest['digest']:#010x}"
        )
    tensors = {
        name: Place(**{**place, "type": ElementType[place["type"]]})
        for name, place in manifest["tensors"].items()
    }
    memory = np.fromfile(folder / _IMAGE, np.uint8)
    image = Image(memory, manifest["pass_block"], len(manifest["passes"]), tensors)
    with np.load(folder / _EXPECTED, allow_pickle=False) as stored:
        labels = "labels" in stored.files
        expected = Expected(
            stored["codes"].astype(np.int64), stored["real"], float(stored["unit"]),
            stored["labels"] if labels else None, stored["test"] if labels else None,
        )  # fmt: skip
    order = np.load(folder / _ORDER) if _ORDER in manifest["files"] else None
    told = manifest["estimate"]
    busy = {
        unit.value: sum(each["busy"][unit.value] for each in told["passes"]) for unit in Unit
    }
    return StoredProgram(
        parameters, image, expected, manifest["vertices"], order, manifest["output"],
        tuple(manifest["output_columns"]), told["cycles"], busy, manifest,
    )  # fmt: skip
