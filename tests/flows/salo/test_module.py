"""Projections of PyTorch modules: attention of what they give is the module's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from gatewright.errors import InputError
from gatewright.flows.salo.module import project


class Attention(nn.Module):
    """As models write it; ``names`` of the projections."""

    def __init__(self, names: tuple[str, ...], **counts: object) -> None:
        super().__init__()
        for name in names:
            setattr(self, name, nn.Linear(12, 12))
        for name, value in counts.items():
            setattr(self, name, value)


X = torch.randn(9, 12, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("bias", [True, False])
def test_multihead_attention(bias: bool) -> None:
    module = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True).eval()
    operands, riders = project(module, X)
    assert riders is None and operands.q.shape == (3, 9, 4)
    mixed = scaled_dot_product_attention(operands.q, operands.k, operands.v)
    with torch.no_grad():
        out = module.out_proj(mixed.transpose(0, 1).flatten(1))
        torch.testing.assert_close(out, module(X[None], X[None], X[None])[0][0])


@pytest.mark.parametrize("names", [("query", "key", "value"), ("q_proj", "k_proj", "v_proj")])
def test_named_projections(names: tuple[str, ...]) -> None:
    module = Attention(names, num_attention_heads=2)
    operands, riders = project(module, X)
    assert riders is None
    for name, tensor in zip(names, (operands.q, operands.k, operands.v), strict=True):
        torch.testing.assert_close(tensor.transpose(0, 1).flatten(1), getattr(module, name)(X))


def test_global_projections_of_longformer() -> None:
    names = ("query", "key", "value", "query_global", "key_global", "value_global")
    module = Attention(names, num_heads=4)
    operands, riders = project(module, X)
    assert riders is not None and riders.q.shape == operands.q.shape == (4, 9, 3)
    torch.testing.assert_close(
        riders.k.transpose(0, 1).flatten(1), module.get_submodule("key_global")(X)
    )


@pytest.mark.parametrize(("module", "x", "line"), [
    (nn.Linear(12, 12), X, "module must tell its number of heads .*"),
    (Attention(("a",), num_heads=2), X, "module must have projections .*, not Attention"),
    (Attention(("query", "key", "value"), num_heads=5), X,
     "query must give a multiple of 5 heads, not 12"),
    (nn.MultiheadAttention(12, 3, add_bias_kv=True), X, "module must attend .* add_bias_kv .*"),
    (nn.MultiheadAttention(12, 3), X[None], r"x must be \[tokens, embedding\], not \[1, 9, 12\]"),
], ids=["no heads", "no projections", "heads", "bias", "shape"])  # fmt: skip
def test_refused(module: nn.Module, x: torch.Tensor, line: str) -> None:
    with pytest.raises(InputError, match=f"^{line}$"):
        project(module, x)
