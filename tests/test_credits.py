"""The credits file: names, authors and rights of a mosaic's photos."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from renderer.credits import read_credits, write_credits
from renderer.library import Photo
from renderer.progress import Silent

Run = Callable[..., tuple[int, str, str]]


def picture_by(path: Path, artist: str, rights: str = "", description: str = "") -> Path:
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010E] = artist.encode(), rights.encode(), description
    exif.get_ifd(0x8825)[1] = "N"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (len(artist) * 9, 90, 60)).save(path, exif=exif)
    return path


def iptc(fields: dict[int, bytes]) -> bytes:
    """Return a JPEG's APP13 segment with IPTC data sets of record 2."""
    sets = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text for number, text in fields.items()
    )
    return segment_of(sets)


def segment_of(sets: bytes) -> bytes:
    """Return a JPEG's APP13 segment with the given IPTC bytes."""
    sets += b"\0" * (len(sets) % 2)
    resource = b"Photoshop 3.0\x00" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(sets)) + sets
    return b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource


@pytest.mark.parametrize(
    ("artist", "rights", "found"),
    [
        ("Jane Doe", "© 2024 Jane Doe, CC BY 4.0", ["© 2024 Jane Doe, CC BY 4.0"]),
        ("Žofie Nováková", "all rights reserved", ["Žofie Nováková", "all rights reserved"]),
        ("line\nbreak\0editor", "", ["line break editor"]),
        ("", "", []),
    ],
)
def test_author_and_rights_are_read_from_exif(tmp_path: Path, artist: str, rights: str, found: list[str]) -> None:
    assert read_credits(picture_by(tmp_path / "it.jpg", artist, rights)) == found


def test_author_and_rights_are_read_from_iptc(tmp_path: Path) -> None:
    plain = picture_by(tmp_path / "plain.jpg", "").read_bytes()
    noted = tmp_path / "it.jpg"
    noted.write_bytes(
        plain[:2] + iptc({80: "Zoë Old".encode("latin-1"), 90: b"Some Town", 116: b"(c) Agency"}) + plain[2:]
    )
    assert read_credits(noted) == ["Zoë Old", "(c) Agency"]


def test_files_that_are_not_pictures_have_no_credits(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    plain = picture_by(tmp_path / "cut.jpg", "").read_bytes()
    truncated_header = segment_of(b"\x1c\x02\x50\x00")
    (tmp_path / "cut.jpg").write_bytes(plain[:2] + truncated_header + plain[2:])
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("text.jpg", "missing.jpg", "cut.jpg", *(path.name for path in tmp_path.glob("pipe.jpg"))):
        assert read_credits(tmp_path / name) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows file names cannot contain line breaks")
def test_each_photo_takes_one_line(tmp_path: Path) -> None:
    photo = Photo(picture_by(tmp_path / "a\nb.jpg", "Jane Doe"), "00", (40, 30), (0, 0, 30, 30), (0.5, 0.5, 0.5))
    write_credits(tmp_path / "credits.txt", "it.png", [photo], Silent())
    assert (tmp_path / "credits.txt").read_text("utf-8").endswith("\n\na b.jpg – Jane Doe\n")


def test_credits_name_every_photo_once_and_no_location(render: Run, tmp_path: Path, cover: Path) -> None:
    picture_by(tmp_path / "photos" / "b.jpg", "Jane Doe", "© Jane Doe", "At home, 5 Some Street")
    picture_by(tmp_path / "photos" / "sub" / "a.jpg", "John Smith")
    words = ("mosaic", cover, "--tiles", "photos", "--columns", "6", "--save-map", "it.mosaic", "-o", "it.png")
    assert render(*words, "--credits", "credits.txt")[0] == 0
    expected = "Cover: china.jpg\nMade of: 2 photos\n\na.jpg – John Smith\nb.jpg – © Jane Doe\n"
    assert Path("credits.txt").read_text("utf-8") == expected
    code, _, err = render("mosaic", "it.mosaic", "--credits", "credits.txt", "-o", "again.png")
    assert (code, Path("again.png").exists()) == (2, False)
    assert "credits.txt exists: choose another --credits, or use -y" in err
    assert render("zoom", "it.mosaic", "--credits", "map.txt", "--size", "96x64", "--duration", "0.2")[0] == 0
    assert Path("map.txt").read_text("utf-8") == expected


def test_credits_of_pieces_name_the_cover(render: Run) -> None:
    assert render("mosaic", "--columns", "10", "--credits", "credits.txt", "-o", "it.png")[0] == 0
    assert Path("credits.txt").read_text("utf-8").startswith("Cover: china.jpg\nMade of: pieces of the cover")
