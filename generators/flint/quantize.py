"""Workload of `gatewright flint quantize`: a model or a tensor file into codes, scales and a table.

Input is a `.pt` file (a state dict, or tensors in nested dicts, lists and tuples, that
`torch.load(weights_only=True)` reads) whose floating tensors of two or more dimensions are
quantised as weights, or a `.npy` file with one floating tensor, a weight or an activation.

Output is a folder with, for each tensor,

- `<slug>.codes`: the codes in row-major order, packed as a little-endian bit string: code k fills
  bits k*b..k*b+b-1, bit i being bit `i mod 8` of byte `i // 8`; two 4-bit codes per byte, the first
  in the low nibble; the last byte is filled with zeros;
- `<slug>.scales.npy`: little-endian float64, one per output channel (dimension 0) of a weight, one
  of an activation: real value = value of the code * scale;

and, written last, `quantization.json`:

    {"format": "gatewright-quantization", "version": 1, "source": "model.pt",
     "search": [first, end] or null for the default,
     "tensors": [{"name", "shape", "role": "weight" or "activation", "type", "bits", "signed",
                  "alpha": {"least", "largest"} over the channels,
                  "mse", "mse_by_type": {type: least mse},
                  "snr_db": number or null if nothing is lost,
                  "codes": {"file", "bytes", "sha256"}, "scales": {"file", "bytes", "sha256"}}],
     "left_out": [{"name", "reason"}]}
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...golden.flint.packing import pack_codes, unpack_codes
from ...golden.flint.quantiser import QuantizedTensor, candidate_types, quantize
from ...golden.flint.types import decode_table, parse_types
from ..artifacts import write_bytes, write_json
from .tensor_files import read_npy, read_weights

__all__ = ["QuantizeResult", "Role", "StoredTensor", "load_quantized", "quantize_file"]

Role = Literal["weight", "activation"]

FORMAT, VERSION = "gatewright-quantization", 1
TABLE = "quantization.json"


@dataclass(frozen=True, eq=False)
class QuantizeResult:
    """What was written.

    Attributes
    ----------
    folder
        The output folder.
    tensors
        The quantised tensors, in the file's order.
    table
        Contents of `quantization.json`, with the names and reasons of what was left out.
    """

    folder: Path
    tensors: tuple[QuantizedTensor, ...]
    table: dict[str, Any]


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A quantised tensor read back: uint8 codes in its shape, float64 scales, and its type."""

    name: str
    kind: str
    bits: int
    signed: bool
    codes: Tensor
    scale: Tensor

    def values(self) -> Tensor:
        """Return the numbers that the codes stand for, float64."""
        table = decode_table(self.kind, self.bits, self.signed)
        units = torch.tensor([float(value) for value in table], dtype=torch.float64)
        rows = units[self.codes.int()].reshape(len(self.scale), -1)
        return (rows * self.scale[:, None]).reshape(self.codes.shape)


def quantize_file(
    path: Path,
    out: Path,
    bits: int = 4,
    types: str | Iterable[str] | None = None,
    *,
    role: Role = "weight",
    signed: bool | None = None,
    search: tuple[int, int] | None = None,
    wide_pot: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> QuantizeResult:
    """Quantise a `.pt` or `.npy` file and write the folder described above.

    Parameters
    ----------
    path
        The input file.
    out
        Folder to write; made if absent. Files of the same names are replaced.
    bits, types, search, wide_pot
        See `golden.flint.quantiser.quantize`.
    role
        What a `.npy` file holds; a `.pt` file holds weights.
    signed
        Sign of an activation; None: signed if a value is negative.
    progress
        Called with the name of the tensor at work and the share of the whole job, 0..1.

    Raises
    ------
    InputError
        If the file, a tensor in it, or an option is unusable. Nothing is written then.
    """
    if role not in get_args(Role):
        raise InputError(f"role must be one of {', '.join(get_args(Role))}, not {role!r}")
    kinds = None if types is None else parse_types(types)
    candidate_types(kinds, bits, signed is not False, wide_pot=wide_pot)
    if out.exists() and not out.is_dir():
        raise InputError(f"out must be a folder or absent, not the file {str(out)!r}")
    found, left_out = _read(path, role)
    total = sum(tensor.numel() for _, tensor in found)
    done = 0
    tensors = []
    for name, tensor in found:
        report = _stretch(progress, name, done / max(total, 1), tensor.numel() / max(total, 1))
        result = quantize(
            tensor,
            bits,
            kinds,
            is_weight=role == "weight",
            signed=signed,
            search=search,
            wide_pot=wide_pot,
            name=name if name.isprintable() else ascii(name),
            progress=report,
        )
        tensors.append(result)
        done += tensor.numel()
    names = [name for name, _ in found]
    try:
        table = _write(out, path.name, names, tensors, search, left_out)
    except OSError as error:
        raise InputError(f"out must be a writable folder: {error.strerror or error}") from error
    return QuantizeResult(out, tuple(tensors), table)


def load_quantized(folder: Path) -> dict[str, StoredTensor]:
    """Return the tensors of a folder that `quantize_file` wrote, by name.

    Raises
    ------
    InputError
        If a file is missing, is not as `quantization.json` says, or has another checksum.
    """
    path = folder / TABLE
    try:
        table = json.loads(path.read_bytes())
        if (table["format"], table["version"]) != (FORMAT, VERSION):
            raise InputError(f"{path} must be {FORMAT} version {VERSION}")
        return {entry["name"]: _load_tensor(folder, entry) for entry in table["tensors"]}
    except OSError as error:
        raise InputError(f"{error.filename} must be readable: {error.strerror}") from error
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} must be a table of quantised tensors, not damaged") from error


def _read(path: Path, role: Role) -> tuple[list[tuple[str, Tensor]], list[tuple[str, str]]]:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return [(path.stem, read_npy(path))], []
    if suffix not in (".pt", ".pth"):
        raise InputError(f"{path} must be a .pt or .npy file, not {suffix or 'without suffix'!r}")
    if role != "weight":
        raise InputError(f"role must be weight for the .pt file {path.name}, not {role!r}")
    return read_weights(path)


def _stretch(
    progress: Callable[[str, float], None] | None, name: str, start: float, part: float
) -> Callable[[float], None] | None:
    """Return the progress of one tensor as its part of the whole job's."""
    if progress is None:
        return None
    tell = progress
    return lambda share: tell(name, start + part * share)


def _write(
    out: Path,
    source: str,
    names: Sequence[str],
    tensors: Sequence[QuantizedTensor],
    search: tuple[int, int] | None,
    left_out: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Write every file, the table last: a folder with a table is complete."""
    # The table of an earlier run would describe files that are about to change.
    (out / TABLE).unlink(missing_ok=True)
    entries = []
    for name, slug, tensor in zip(names, _slugs(names), tensors, strict=True):
        scales = io.BytesIO()
        np.lib.format.write_array(scales, tensor.scale.numpy().astype("<f8"), version=(1, 0))
        files = {
            "codes": (f"{slug}.codes", pack_codes(tensor.codes, tensor.bits)),
            "scales": (f"{slug}.scales.npy", scales.getvalue()),
        }
        entry: dict[str, Any] = {
            "name": name,
            "shape": list(tensor.codes.shape),
            "role": "weight" if tensor.is_weight else "activation",
            "type": tensor.kind.value,
            "bits": tensor.bits,
            "signed": tensor.signed,
            "alpha": {"least": float(tensor.alpha.min()), "largest": float(tensor.alpha.max())},
            "mse": tensor.mse,
            "mse_by_type": {kind.value: mse for kind, mse in tensor.mse_by_type.items()},
            "snr_db": tensor.snr_db if math.isfinite(tensor.snr_db) else None,
        }
        for key, (file, data) in files.items():
            write_bytes(out / file, data)
            digest = hashlib.sha256(data).hexdigest()
            entry[key] = {"file": file, "bytes": len(data), "sha256": digest}
        entries.append(entry)
    table = {
        "format": FORMAT,
        "version": VERSION,
        "source": source,
        "search": None if search is None else list(search),
        "tensors": entries,
        "left_out": [{"name": name, "reason": reason} for name, reason in left_out],
    }
    write_json(out / TABLE, table)
    return table


def _slugs(names: Sequence[str]) -> list[str]:
    """Return a different file name for each tensor, also where case does not tell files apart."""
    taken: set[str] = set()
    slugs = []
    for name in names:
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".")[:100] or "tensor"
        slug, number = base, 1
        while slug.lower() in taken:
            number += 1
            slug = f"{base}-{number}"
        taken.add(slug.lower())
        slugs.append(slug)
    return slugs


def _load_tensor(folder: Path, entry: dict[str, Any]) -> StoredTensor:
    data = {}
    for key in ("codes", "scales"):
        path = folder / Path(entry[key]["file"]).name
        data[key] = path.read_bytes()
        if hashlib.sha256(data[key]).hexdigest() != entry[key]["sha256"]:
            raise InputError(f"{path} must have the checksum of {TABLE}, not another")
    shape, bits = entry["shape"], entry["bits"]
    codes = unpack_codes(data["codes"], bits, math.prod(shape)).reshape(shape)
    scale = np.lib.format.read_array(io.BytesIO(data["scales"]), allow_pickle=False)
    return StoredTensor(
        entry["name"], entry["type"], bits, entry["signed"], codes, torch.from_numpy(scale)
    )
