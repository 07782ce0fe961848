"""What values are computed from."""

from __future__ import annotations

from collections.abc import Iterable

from .ir import Concat, Value

__all__ = ["arguments", "sorted_values"]


def arguments(value: Value) -> tuple[Value, ...]:
    """Return what a value is computed from."""
    if isinstance(value, Concat):
        return value.parts
    names = ("a", "b", "maximum", "scale")
    found = (getattr(value, name, None) for name in names)
    return tuple(each for each in found if isinstance(each, Value))


def sorted_values(roots: Iterable[Value]) -> tuple[Value, ...]:
    """Return all values that roots depend on, arguments first, without recursion."""
    order: dict[Value, None] = {}
    stack = list(roots)[::-1]
    while stack:
        value = stack[-1]
        missing = [each for each in arguments(value) if each not in order]
        if missing:
            stack += missing[::-1]
        else:
            order.setdefault(stack.pop())
    return tuple(order)
