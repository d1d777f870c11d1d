"""Settings of a page in which a mosaic is explored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import Validated, parameter


@dataclass(frozen=True)
class ExploreSettings(Validated):
    """What a page to explore a mosaic contains, and how it begins."""

    title: str = parameter(
        "", f"Title of the page; default: the number of photos, or with {named('names')} the name of the cover"
    )
    page_size: float = parameter(
        16.0, "Size of the page, which determines that of its photos", unit="MB", low=0.5, high=500.0
    )
    captions: Path | None = parameter(
        None, "CSV file with the name of a photo and its caption in each line", metavar="FILE"
    )
    names: bool = parameter(False, "Include the names and the dates of the photos")
    intro: Literal["none", "zoom"] = parameter(
        "none", "How the page begins: with the whole mosaic, or with a flight into its best photo and back"
    )
    originals: Literal["none", "folder"] = parameter(
        "none", "Where the photos are in full size: nowhere, or in a folder beside the page, as JPEG without metadata"
    )
    deep_zoom: Path | None = parameter(
        None,
        "Folder for the mosaic as Deep Zoom files (.dzi), for OpenSeadragon and similar viewers; without an output, no "
        "page is made",
        metavar="FOLDER",
    )
    tile_pixels: int | None = parameter(
        None, f"Side of a cell in the largest level of {named('deep_zoom')}; default: 256", unit="pixels", low=1,
        high=4096,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Raise InputError for a value out of range, or one that has no effect."""
        super().__post_init__()
        if self.tile_pixels is not None and self.deep_zoom is None:
            raise InputError(f"{named('tile_pixels')} is the size of {named('deep_zoom')}: use both or neither")
