"""`quantize_file`: what it writes, what it leaves out, and what it refuses."""

from __future__ import annotations

import json
import math
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from gatewright.errors import InputError
from gatewright.generators.flint.quantize import load_quantized, quantize_file


@pytest.fixture
def model(tmp_path):
    """A nested .pt file with weights and much that is not a weight."""
    generator = torch.Generator().manual_seed(3)
    path = tmp_path / "model.pt"
    content = {
        "conv.weight": torch.randn(4, 3, 3, 3, generator=generator),
        "conv.bias": torch.randn(4, generator=generator),
        "blocks": [{"fc": torch.randn(5, 7, generator=generator).half()}, torch.eye(2).to_sparse()],
        "steps": torch.tensor([[1, 2]]),
        "epoch": 7,
    }
    torch.save(content, path)
    return path


def test_writes_codes_scales_and_table(model, tmp_path):
    out = tmp_path / "made" / "out"
    shares: list[tuple[str, float]] = []
    result = quantize_file(model, out, 4, progress=lambda name, share: shares.append((name, share)))
    assert sorted(path.name for path in out.iterdir()) == [
        "blocks.0.fc.codes", "blocks.0.fc.scales.npy", "conv.weight.codes",
        "conv.weight.scales.npy", "quantization.json",
    ]  # fmt: skip
    table = json.loads((out / "quantization.json").read_text())
    assert table == result.table
    assert (table["format"], table["version"]) == ("gatewright-quantization", 1)
    conv, fc = table["tensors"]
    assert (conv["name"], conv["shape"], conv["role"]) == ("conv.weight", [4, 3, 3, 3], "weight")
    assert list(conv["mse_by_type"]) == ["int", "flint", "pot", "float"]
    assert conv["mse"] == min(conv["mse_by_type"].values()) == conv["mse_by_type"][conv["type"]]
    assert fc["codes"]["bytes"] == 18  # 35 codes, two a byte.
    assert {entry["name"]: entry["reason"] for entry in table["left_out"]} == {
        "conv.bias": "1 dimensions: a bias, a norm or a number, not a weight",
        "blocks.1": "not a dense tensor",
        "steps": "not floating-point but int64",
        "epoch": "not a tensor but int",
    }
    assert [share for _, share in shares] == sorted(share for _, share in shares)
    assert shares[-1] == ("blocks.0.fc", pytest.approx(1.0))


@pytest.mark.parametrize("bits", range(3, 9))
def test_files_hold_the_quantised_tensor(bits, model, tmp_path):
    result = quantize_file(model, tmp_path / "out", bits)
    stored = load_quantized(tmp_path / "out")
    assert list(stored) == ["conv.weight", "blocks.0.fc"]
    for tensor, again in zip(result.tensors, stored.values(), strict=True):
        assert torch.equal(again.codes, tensor.codes)
        assert torch.equal(again.values(), tensor.values())
    exact = torch.load(model)["conv.weight"].double()
    error = float((stored["conv.weight"].values() - exact).square().mean())
    entry = result.table["tensors"][0]
    assert entry["mse"] == pytest.approx(error, rel=1e-9)
    snr = 10 * math.log10(float(exact.square().mean()) / error)
    assert entry["snr_db"] == pytest.approx(snr, rel=1e-9)


def test_bytes_by_hand(tmp_path):
    """4-bit int codes of -8..7 times one scale: the code is the number's low nibble."""
    path = tmp_path / "t.npy"
    np.save(path, np.array([[7.0, -1.0, 3.0], [0.0, -7.0, 1.0]], dtype=np.float32))
    quantize_file(path, tmp_path / "out", 4, "int", search=(100, 101))
    assert (tmp_path / "out" / "t.codes").read_bytes() == bytes([0xF7, 0x03, 0x19])
    scales = np.load(tmp_path / "out" / "t.scales.npy")
    assert scales.dtype == np.dtype("<f8")
    assert scales.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_npy_dtypes_and_roles(dtype, tmp_path):
    path = tmp_path / "acts.npy"
    values = np.abs(np.random.default_rng(1).standard_normal((3, 4, 5))).astype(dtype)
    np.save(path, np.asfortranarray(values))
    entry = quantize_file(path, tmp_path / "a", role="activation").table["tensors"][0]
    assert (entry["role"], entry["signed"], entry["shape"]) == ("activation", False, [3, 4, 5])
    assert len(load_quantized(tmp_path / "a")["acts"].scale) == 1
    signed = quantize_file(path, tmp_path / "a", role="activation", signed=True)
    assert signed.table["tensors"][0]["signed"] is True
    weight = quantize_file(path, tmp_path / "a", role="weight").tensors[0]
    assert len(weight.scale) == 3
    codes = load_quantized(tmp_path / "a")["acts"].values().numpy()
    assert np.abs(codes - values.astype("f8")).max() < 1.0


def test_same_input_same_bytes(model, tmp_path):
    for name in ("a", "b"):
        quantize_file(model, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_lossless_tensor_has_no_snr(tmp_path):
    np.save(tmp_path / "z.npy", np.zeros((2, 2)))
    entry = quantize_file(tmp_path / "z.npy", tmp_path / "out").table["tensors"][0]
    assert (entry["snr_db"], entry["mse"]) == (None, 0.0)


def test_names_become_different_safe_files(tmp_path):
    path = tmp_path / "m.pt"
    names = ["a/b", "a b", "A_B", "../up", "", "nl\nx"]
    torch.save({name: torch.eye(2) for name in names}, path)
    out = tmp_path / "out"
    quantize_file(path, out)
    stored = load_quantized(out)
    assert len(stored) == len(names)
    assert len({path.name.lower() for path in out.iterdir()}) == 2 * len(names) + 1
    assert not list(tmp_path.glob("*up*"))


def refused(path: Path, out: Path, **options) -> str:
    """Run, and return the error's line; nothing may have been written."""
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(InputError) as caught:
        quantize_file(path, out, **options)
    assert sorted(out.parent.rglob("*")) == before
    message = str(caught.value)
    assert "\n" not in message
    return message


class Evil:
    """Code that a pickle would run."""

    def __reduce__(self):
        return (print, ("ran",))


def test_unusable_files(tmp_path):
    out = tmp_path / "out"
    missing = refused(tmp_path / "no.pt", out)
    assert missing.endswith("no.pt must be a readable file: No such file or directory")
    assert "must be a .pt or .npy file, not '.txt'" in refused(tmp_path / "a.txt", out)
    assert "must be a readable file" in refused(tmp_path / "no.npy", out)

    evil = tmp_path / "evil.pt"
    torch.save({"w": Evil()}, evil)
    assert "must be a weights-only .pt file" in refused(evil, out)
    evil.write_bytes(pickle.dumps(Evil()))
    assert "must be a weights-only .pt file" in refused(evil, out)
    module = tmp_path / "module.pt"
    torch.save(torch.nn.Linear(2, 2), module)
    assert "one that needs torch.nn.modules.linear.Linear" in refused(module, out)
    for content, part in [
        ({}, "not nothing"),
        ({"b": torch.ones(3)}, "not only 'b' (1 dimensions"),
        ({"w": torch.ones(2, 0)}, "w must not be empty, not shape (2, 0)"),
        ({"a": {"w": torch.tensor([[1.0, math.nan]])}}, "a.w must be finite, not nan at [0, 1]"),
        ({"a.w": torch.eye(2), "a": {"w": torch.eye(2)}}, "name each tensor once, not 'a.w'"),
        ({"n\nl": torch.tensor([[math.inf]])}, "'n\\nl' must be finite, not inf at [0, 0]"),
    ]:
        torch.save(content, module)
        assert part in refused(module, out)
    loop: list[object] = []
    loop.append(loop)
    torch.save(loop, module)
    assert "must be nested at most 32 deep" in refused(module, out)


def test_unusable_arrays(tmp_path):
    out, path = tmp_path / "out", tmp_path / "t.npy"
    for array, options, part in [
        (np.arange(4).reshape(2, 2), {}, "must hold float16, float32 or float64, not int64"),
        (np.zeros((2, 2), complex), {}, "must hold float16, float32 or float64, not complex128"),
        (np.zeros((2, 2), np.longdouble), {}, "must hold float16, float32 or float64, not float"),
        (np.array([None]), {}, "must be a .npy file of numbers, not ValueError: Object arrays"),
        (np.zeros(3), {}, "t must have 2 or more dimensions"),
        (np.zeros((0, 3)), {}, "t must not be empty"),
        (np.array([1, -np.inf]), {"role": "activation"}, "t must be finite, not -inf at [1]"),
    ]:
        np.save(path, array, allow_pickle=True)
        assert part in refused(path, out, **options)
    np.savez(tmp_path / "z.npz", a=np.zeros(3))
    (tmp_path / "z.npz").rename(path)
    assert "must be a .npy file of numbers" in refused(path, out)
    path.write_bytes(b"")
    assert "must be a .npy file of numbers" in refused(path, out)


def test_unusable_options(model, tmp_path):
    out = tmp_path / "out"
    np.save(tmp_path / "a.npy", np.ones((2, 2)))
    array = tmp_path / "a.npy"
    assert refused(model, out, bits=9) == "bits must be an integer in 3..8, not 9"
    assert "not 'posit'" in refused(model, out, types="int,posit")
    assert "types must be named once each" in refused(model, out, types=["pot", "pot"])
    assert "types must name at least one" in refused(model, out, types=[])
    assert "pot must have at most 7 magnitude bits, not 8" in refused(
        array, out, bits=8, types="pot", role="activation", signed=False, wide_pot=True
    )
    assert "types must leave out pot" in refused(model, out, bits=7, types="int,pot")
    assert "role must be weight for the .pt file" in refused(model, out, role="activation")
    assert "role must be one of weight, activation" in refused(array, out, role="bias")
    assert "signed must be true for the weight" in refused(array, out, signed=False)
    assert "search must be hundredths" in refused(array, out, search=(100, 90))
    assert "out must be a folder or absent" in refused(model, model)
    assert "out must be a writable folder" in refused(model, model / "below")


def test_damaged_files_never_leave_a_traceback(model, tmp_path):
    np.save(tmp_path / "t.npy", np.random.default_rng(0).standard_normal((4, 5)))
    draw = random.Random(5)
    for source in (model, tmp_path / "t.npy"):
        data = source.read_bytes()
        for trial in range(150):
            damaged = bytearray(data)
            if trial % 4 == 0:
                del damaged[draw.randrange(len(data)) :]
            for _ in range(draw.choice([1, 1, 2, 8])):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256) if damaged else 0
            path = tmp_path / f"damaged{source.suffix}"
            path.write_bytes(damaged)
            try:
                quantize_file(path, tmp_path / "out", search=(99, 101))
            except InputError as error:
                assert "\n" not in str(error)


def test_loading_refuses_what_was_changed(model, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"quantization\.json must be readable: No such file"):
        load_quantized(out)
    quantize_file(model, out)
    table = out / "quantization.json"
    good = table.read_text()
    for text in ("{", "[]", '{"format": 1}', good.replace('"bits"', '"bitz"')):
        table.write_text(text)
        with pytest.raises(InputError, match=r"must be a table of quantised tensors"):
            load_quantized(out)
    table.write_text(good.replace('"version": 1', '"version": 2'))
    with pytest.raises(InputError, match="must be gatewright-quantization version 1"):
        load_quantized(out)
    table.write_text(good)
    codes = out / "conv.weight.codes"
    codes.write_bytes(bytes([codes.read_bytes()[0] ^ 1]) + codes.read_bytes()[1:])
    with pytest.raises(InputError, match=r"conv\.weight\.codes must have the checksum"):
        load_quantized(out)
