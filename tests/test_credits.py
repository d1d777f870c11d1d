"""The text that names a mosaic's photos."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from renderer.credits import read_makers, write_credits
from renderer.library import Photo
from renderer.progress import Silent

Run = Callable[..., tuple[int, str, str]]


def made_by(path: Path, artist: str, rights: str = "", place: str = "") -> Path:
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010E] = artist.encode(), rights.encode(), place
    exif.get_ifd(0x8825)[1] = "N"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (len(artist) * 9, 90, 60)).save(path, exif=exif)
    return path


def iptc(fields: dict[int, bytes]) -> bytes:
    """A JPEG's APP13 segment of IPTC data sets of record 2."""
    sets = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text for number, text in fields.items()
    )
    return segment_of(sets)


def segment_of(sets: bytes) -> bytes:
    """A JPEG's APP13 segment of some bytes of IPTC."""
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
def test_makers_are_read_from_exif(tmp_path: Path, artist: str, rights: str, found: list[str]) -> None:
    assert read_makers(made_by(tmp_path / "it.jpg", artist, rights)) == found


def test_makers_are_read_from_iptc(tmp_path: Path) -> None:
    plain = made_by(tmp_path / "plain.jpg", "").read_bytes()
    noted = tmp_path / "it.jpg"
    noted.write_bytes(
        plain[:2] + iptc({80: "Zoë Old".encode("latin-1"), 90: b"Some Town", 116: b"(c) Agency"}) + plain[2:]
    )
    assert read_makers(noted) == ["Zoë Old", "(c) Agency"]


def test_what_is_no_picture_has_no_maker(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    plain = made_by(tmp_path / "cut.jpg", "").read_bytes()
    within_its_head = segment_of(b"\x1c\x02\x50\x00")
    (tmp_path / "cut.jpg").write_bytes(plain[:2] + within_its_head + plain[2:])
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("text.jpg", "missing.jpg", "cut.jpg", *(path.name for path in tmp_path.glob("pipe.jpg"))):
        assert read_makers(tmp_path / name) == []


@pytest.mark.skipif(os.name == "nt", reason="no name holds a line break there")
def test_a_photo_is_one_line(tmp_path: Path) -> None:
    photo = Photo(made_by(tmp_path / "a\nb.jpg", "Jane Doe"), "00", (40, 30), (0, 0, 30), (0.5, 0.5, 0.5))
    write_credits(tmp_path / "credits.txt", "it.png", [photo], Silent())
    assert (tmp_path / "credits.txt").read_text("utf-8").endswith("\n\na b.jpg – Jane Doe\n")


def test_credits_name_every_photo_once_and_no_place(render: Run, tmp_path: Path, cover: Path) -> None:
    made_by(tmp_path / "photos" / "b.jpg", "Jane Doe", "© Jane Doe", "At home, 5 Some Street")
    made_by(tmp_path / "photos" / "sub" / "a.jpg", "John Smith")
    words = ("mosaic", cover, "--tiles", "photos", "--columns", "6", "--save-map", "it.mosaic", "-o", "it.png")
    assert render(*words, "--credits", "credits.txt")[0] == 0
    said = "Cover: china.jpg\nMade of: 2 photos\n\na.jpg – John Smith\nb.jpg – © Jane Doe\n"
    assert Path("credits.txt").read_text("utf-8") == said
    code, _, err = render("mosaic", "it.mosaic", "--credits", "credits.txt", "-o", "again.png")
    assert (code, Path("again.png").exists()) == (2, False)
    assert "credits.txt exists: choose another --credits, or use -y" in err
    assert render("zoom", "it.mosaic", "--credits", "map.txt", "--size", "96x64", "--duration", "0.2")[0] == 0
    assert Path("map.txt").read_text("utf-8") == said


def test_credits_of_pieces_name_the_cover(render: Run) -> None:
    assert render("mosaic", "--columns", "10", "--credits", "credits.txt", "-o", "it.png")[0] == 0
    assert Path("credits.txt").read_text("utf-8").startswith("Cover: china.jpg\nMade of: pieces of the cover")
