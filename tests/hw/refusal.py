"""What parameters say when they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def refusal(make: Callable[..., Any], **fields: Any) -> str:
    """The message of the ValueError that ``make`` must raise."""
    with pytest.raises(ValueError) as caught:
        make(**fields)
    return str(caught.value)
