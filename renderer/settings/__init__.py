"""Settings: the parameters of mosaics, videos and figures, from which options and keys of presets are made.

These modules import nothing that draws, so that a command line is read and its help is shown at once.
"""

from typing import Final

from renderer.settings.cover import CoverSettings
from renderer.settings.explore import ExploreSettings
from renderer.settings.figures import CellSettings, ClipSettings, FigureSettings, ThemeName
from renderer.settings.mosaic import ChangeSettings, EditSettings, GridSettings, MatchSettings, TileSettings
from renderer.settings.video import (
    BACKGROUND_HELP,
    LONGEST_TITLE,
    LONGEST_VIDEO,
    MAX_SIDE,
    TRANSPARENT_HELP,
    Background,
    Codec,
    FileSettings,
    FormatName,
    Hardware,
    HardwareWish,
    OutputSettings,
    OverlaySettings,
    Profile,
    Quality,
    SoundSettings,
    check_background,
)

SECTIONS: Final[dict[str, type]] = {
    "Tiles and matching": MatchSettings,
    "Picture": OutputSettings,
    "Title and logo": OverlaySettings,
    "Sound": SoundSettings,
    "File": FileSettings,
}
"""The settings that all animations have, by section of the help."""

WRITTEN_FILES: Final = ("save_map", "credits")
"""Parameters that name files to write besides a picture or a video."""

__all__ = [
    "BACKGROUND_HELP",
    "LONGEST_TITLE",
    "LONGEST_VIDEO",
    "MAX_SIDE",
    "SECTIONS",
    "TRANSPARENT_HELP",
    "WRITTEN_FILES",
    "Background",
    "CellSettings",
    "ChangeSettings",
    "ClipSettings",
    "Codec",
    "CoverSettings",
    "EditSettings",
    "ExploreSettings",
    "FigureSettings",
    "FileSettings",
    "FormatName",
    "GridSettings",
    "Hardware",
    "HardwareWish",
    "MatchSettings",
    "OutputSettings",
    "OverlaySettings",
    "Profile",
    "Quality",
    "SoundSettings",
    "ThemeName",
    "TileSettings",
    "check_background",
]  # fmt: skip
