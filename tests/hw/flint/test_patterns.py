"""Two-level minimisation: patterns cover exactly what they must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewright.hw.flint.patterns import code_patterns


def matches(pattern: str, word: int) -> bool:
    bits = format(word, f"0{len(pattern)}b")
    return all(want in ("-", bit) for want, bit in zip(pattern, bits, strict=True))


@given(st.integers(1, 6).flatmap(
    lambda width: st.tuples(st.just(width), st.frozensets(st.integers(0, 2**width - 1)))
))
def test_cover_is_exact_and_prime(given_words: tuple[int, frozenset[int]]) -> None:
    width, ones = given_words
    patterns = code_patterns(ones, width)
    covered = {
        word for word in range(2**width) if any(matches(pattern, word) for pattern in patterns)
    }
    assert covered == ones
    for pattern in patterns:
        assert len(pattern) == width
        for position, bit in enumerate(pattern):
            if bit != "-":  # freeing one more bit would cover a word too many
                wider = f"{pattern[:position]}-{pattern[position + 1:]}"
                assert any(matches(wider, word) for word in range(2**width) if word not in ones)
        others = [other for other in patterns if other != pattern]
        own = {word for word in ones if matches(pattern, word)}
        assert any(not any(matches(other, word) for other in others) for word in own) or others


def test_known_functions() -> None:
    assert code_patterns(frozenset(), 3) == []
    assert code_patterns(frozenset(range(8)), 3) == ["---"]
    assert code_patterns(frozenset({1, 3, 5, 7}), 3) == ["--1"]
    assert sorted(code_patterns(frozenset({1, 2}), 2)) == ["01", "10"]
    # The greedy cover of this cycle may take four of six primes; three suffice.
    assert len(code_patterns(frozenset({0, 1, 2, 5, 6, 7}), 3)) <= 4
