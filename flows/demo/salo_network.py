"""A network with sparse attention that reads a long row of handwritten digits.

Every digit is eight tokens, its rows of pixels. A token attends to a window of tokens around it and
to a first token, which attends to all (Longformer); so what a token knows of its digit comes
through attention. The network is trained on short rows of digits and read on one long row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ...generators.salo.pattern import Pattern
from ...generators.salo.terms import Band, GlobalColumns, GlobalRows
from .digits import Digits

__all__ = ["ROWS_OF_PIXELS", "Network", "Reader", "pattern", "train"]

ROWS_OF_PIXELS = 8
"""Tokens of a digit, of as many pixels each."""

Attend = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Network:
    """Size of the network, and how it is trained.

    Attributes
    ----------
    heads, head
        Number of heads, and elements of each.
    window
        Tokens that are attended to on each side.
    digits
        Digits of a row in training.
    epochs, learning_rate
        Over all digits each; the rate is the largest of a cycle (AdamW).
    """

    heads: int = 4
    head: int = 16
    window: int = 16
    digits: int = 24
    epochs: int = 30
    learning_rate: float = 6e-3

    @property
    def width(self) -> int:
        return self.heads * self.head


class _SelfAttention(nn.Module):
    """Projections of self-attention, under the names that models use."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))


class Reader(nn.Module):
    """Pixels [D, 64] of a row of digits to scores [D, 10]: one layer of attention, one hidden."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        width = network.width
        self.window = network.window
        self.embed = nn.Linear(ROWS_OF_PIXELS, width)
        self.place = nn.Parameter(torch.randn(ROWS_OF_PIXELS, width) / 4)
        self.start = nn.Parameter(torch.randn(1, width) / 4)
        self.norm = nn.LayerNorm(width)
        self.attention = _SelfAttention(network.heads, width)
        self.out = nn.Linear(width, width)
        self.hidden = nn.Linear(width, 2 * width)
        self.scores = nn.Linear(2 * width, 10)

    def tokens(self, pixels: Tensor) -> Tensor:
        """Return the tokens [1 + 8 D, width] of a row of digits."""
        rows = self.embed(pixels.reshape(-1, ROWS_OF_PIXELS, ROWS_OF_PIXELS)) + self.place
        return torch.cat([self.start, rows.flatten(0, 1)])

    def read(self, pixels: Tensor, attend: Attend) -> Tensor:
        """Return the scores; ``attend`` maps normalised tokens to what attention makes of them."""
        tokens = self.tokens(pixels)
        mixed = tokens + self.out(attend(self.norm(tokens)))
        digits = mixed[1:].reshape(len(pixels), ROWS_OF_PIXELS, -1).mean(dim=1)
        scores: Tensor = self.scores(torch.relu(self.hidden(digits)))
        return scores

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores, by PyTorch's own attention."""
        return self.read(pixels, self._attend)

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = (
            linear(x).reshape(len(x), self.attention.num_heads, -1).transpose(0, 1)
            for linear in (self.attention.query, self.attention.key, self.attention.value)
        )
        place = torch.arange(len(x))
        mask = (place[:, None] - place).abs() <= self.window
        mask[0] = mask[:, 0] = True
        return scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(0, 1).flatten(1)


def pattern(digits: int, window: int) -> Pattern:
    """Return the pairs of a row of digits: windows, and a first token that is global both ways."""
    tokens = 1 + ROWS_OF_PIXELS * digits
    return Pattern(
        tokens, tokens, [Band(-window, window), GlobalColumns([0]), GlobalRows([0])]
    )


def train(
    digits: Digits, network: Network, seed: int, report: Callable[[float, float], None]
) -> Reader:
    """Return a trained network.

    Parameters
    ----------
    seed
        Of the first weights and of the order of the digits.
    report
        Told how many epochs are done, and of how many.
    """
    shuffle = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = Reader(network)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=network.learning_rate)
    steps = network.epochs * -(-len(digits.train_labels) // network.digits)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, network.learning_rate, total_steps=steps
    )
    for epoch in range(network.epochs):
        report(epoch, network.epochs)
        order = torch.randperm(len(digits.train_labels), generator=shuffle)
        for first in range(0, len(order), network.digits):
            index = order[first : first + network.digits]
            loss = nn.functional.cross_entropy(
                reader(digits.train_pixels[index]), digits.train_labels[index]
            )
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    report(network.epochs, network.epochs)
    return reader.eval()
