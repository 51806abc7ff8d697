"""The quick decoder agrees with the library's, and refuses what that refuses."""

import base58
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir._base58 import b58decode


@given(st.binary(max_size=600))
def test_it_reads_what_the_library_writes(data: bytes) -> None:
    assert b58decode(base58.b58encode(data).decode()) == data


@given(st.text(alphabet="1Az", max_size=300))
def test_it_reads_any_digits_as_the_library_does(text: str) -> None:
    assert b58decode(text) == base58.b58decode(text)


@pytest.mark.parametrize("text", ["0", "O1", "I", "l", "1 1", "é", "\0"])
def test_it_refuses_other_characters(text: str) -> None:
    with pytest.raises(ValueError, match="alphabet"):
        b58decode(text)
