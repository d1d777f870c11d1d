"""Breaking a text into lines."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.lines import characters, even_lines, unbreakable_pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Merry Christmas", ["Merry ", "Christmas"]),
        ("3.99 EUR for-ever", ["3.99 ", "EUR ", "for-", "ever"]),
        ("10\u00a0km", ["10\u00a0km"]),  # a no-break space
        ("你好，世界。", ["你", "好，", "世", "界。"]),  # no line starts with a comma
        ("「東京」へ", ["「東", "京」", "へ"]),  # none starts with a closing bracket, none ends with an opening one
        ("", []),
    ],
)
def test_lines_end_where_unicode_allows(text: str, pieces: list[str]) -> None:
    assert unbreakable_pieces(text) == pieces


def test_text_is_split_into_grapheme_clusters() -> None:
    assert characters("e\u0301👨‍👩‍👧🇩🇪") == ["e\u0301", "👨‍👩‍👧", "🇩🇪"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("Merry Christmas", 10, ["Merry", "Christmas"]),  # a word that is too wide stays whole
        ("one two three four", 14, ["one two", "three four"]),  # not "one two three" and "four"
        ("aa bb cc", 8, ["aa bb cc"]),
        ("a extraordinarily b", 4, ["a", "extraordinarily", "b"]),
        ("", 10, []),
    ],
)
def test_lines_are_few_and_even(text: str, width: float, lines: list[str]) -> None:
    assert even_lines(unbreakable_pieces(text), width, len) == lines


@given(st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=8), st.integers(1, 20))
def test_no_other_breaks_give_fewer_or_more_even_lines(words: list[str], width: int) -> None:
    pieces = [f"{word} " for word in words]

    def slack(ends: tuple[int, ...]) -> tuple[int, int] | None:
        lines = [" ".join(words[start:end]) for start, end in pairwise((0, *ends, len(words)))]
        if any(len(line) > width and " " in line for line in lines):
            return None
        return len(lines), sum((width - len(line)) ** 2 for line in lines)

    breaks = (ends for count in range(len(words)) for ends in combinations(range(1, len(words)), count))
    best = min(found for ends in breaks if (found := slack(ends)) is not None)
    lines = even_lines(pieces, width, len)
    assert " ".join(lines).split() == words
    assert (len(lines), sum((width - len(line)) ** 2 for line in lines)) == best
