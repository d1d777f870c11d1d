"""The Python API, with types. Generated from the declared parameters: `poe stubs` writes it."""

from collections.abc import Generator, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Literal

from animations.disperse import Disperse as Disperse
from animations.disperse import Gather as Gather
from animations.endless import Endless as Endless
from animations.flight import Flight as Flight
from animations.flip import Flip as Flip
from animations.morph import Morph as Morph
from animations.parade import Parade as Parade
from animations.reveal import Reveal as Reveal
from animations.sort import Sort as Sort
from animations.wave import Wave as Wave
from animations.zoom import Zoom as Zoom
from renderer.api import Mosaic as Mosaic
from renderer.api import MosaicFigures as MosaicFigures
from renderer.api import Source
from renderer.clip import MosaicClip
from renderer.errors import Cancelled as Cancelled
from renderer.errors import InputError as InputError
from renderer.errors import RenderError as RenderError
from renderer.job import Summary as Summary
from renderer.pictures import Pixels
from renderer.progress import Progress, ProgressFunction
from renderer.scene import Animation
from renderer.timeline import Show as Show

__version__: str

def match(
    cover: str | Path,
    *,
    overwrite: bool = False,
    progress: Progress | ProgressFunction | None = None,
    tiles: str | Path | Sequence[str | Path] = (),
    crop: Literal["smart", "centre"] | None = None,
    faces: bool = True,
    video_frames: int | None = None,
    skip_duplicates: bool = False,
    since: date | str | None = None,
    until: date | str | None = None,
    exclude: str | Path | Sequence[str | Path] = (),
    library_dir: str | Path | None = None,
    ban: str | Path | Sequence[str | Path] = (),
    swap: str | Path | Sequence[str | Path] = (),
    columns: int | None = None,
    cell_size: int | None = None,
    adaptive: bool = False,
    smallest_cell: Literal["1", "1/2", "1/4"] = "1/2",
    largest_cell: Literal["1", "2", "4"] = "2",
    tile_shape: str = "square",
    corner_radius: float = 0.0,
    gap: float = 0.0,
    border: float = 0.0,
    border_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    mask: str | None = None,
    mask_threshold: float = 0.5,
    cover_font: str | Path | None = None,
    fill: str = "#222222",
    match: Literal["structure", "mean", "lab", "pixels"] = "structure",
    max_uses: int | None = None,
    repeat_distance: int | None = None,
    unique: bool = False,
    use_all: bool = False,
    prefer: Literal["people", "places"] | None = None,
    merge_duplicates: bool = False,
    mirror: bool = True,
    turns: bool = False,
    tone: float | Literal["auto"] = "auto",
    contrast: float = 0.5,
    adapt_palette: bool = False,
    blend: float = 0.0,
    match_seed: int = 0,
    save_map: str | Path | None = None,
    credits: str | Path | None = None,
) -> Mosaic:
    """Match a cover with photos.

    If the same cover was matched with the same photos and options before, the result is loaded from the cache.

    Args:
        cover: The picture to make a mosaic of, or `"text:WORDS"` or `"shape:NAME"`.
        overwrite: Replace existing files that `save_map` and `credits` name.
        progress: A function that is called with the name of a stage, the units done and the units in total, or an
            object that implements `renderer.progress.Progress`. Raise `renderer.Cancelled` in it to stop the work.
        tiles: Photos to use: a folder, a file, a glob pattern, or the name of a library; repeatable. Default: your
            default library, or else pieces of the cover, as with tiles=pieces.
        crop: Crop of each photo in a folder: smart (its salient area and faces) or centre; for a library, set it with
            `render library add`; default: smart.
        faces: Find faces in the photos of a folder, so that crops keep them; for a library, set it with `render library
            add`.
        video_frames: Also use this many frames of each video in a folder; for a library, set it with `render library
            add` (0 to 1000).
        skip_duplicates: Keep only the best of each group of near-duplicates.
        since: Only photos taken on or after this date: 2024-05-31, 2024-05 or 2024; a photo without a capture date has
            the date of its file.
        until: Only photos taken on or before this date.
        exclude: Exclude photos by file name or folder name, or by a pattern such as 'screenshots/*'; repeatable.
        library_dir: Folder that contains your libraries; default: the environment variable MOSAIC_RENDERER_LIBRARIES,
            or the operating system's folder for data.
        ban: Remove a photo from all cells: its path, its name, or a pattern such as 'screenshots/*'; repeatable.
        swap: Show a photo in a cell: COLUMN,ROW=PHOTO, counted from 0, with the photo's path or name; repeatable.
        columns: Number of columns of cells across the whole cover, before it is cropped to the frame; default: as many
            as make about 5,000 cells (1 to 10000).
        cell_size: Shorter side of a cell; use instead of columns= (cover pixels, 1 to 10000).
        adaptive: Use smaller cells on faces, edges and a mask's outline, and larger ones in flat areas; without a mask,
            the number of cells stays the same.
        smallest_cell: Side of the smallest cells with adaptive=, relative to a regular cell.
        largest_cell: Side of the largest cells with adaptive=, relative to a regular cell.
        tile_shape: Shape of the tiles: square, circle, hexagon, mixed (landscape and portrait photos), or a ratio of
            width and height such as 3:2.
        corner_radius: Radius of the tiles' corners, relative to the shorter side (0 to 0.5).
        gap: Gap between tiles, relative to the shorter side of a cell (0 to 0.9).
        border: Width of a border inside each tile, relative to the tile's shorter side (0 to 0.45).
        border_colour: Colour of the border.
        mask: Use only a part of the cover: heart, circle, star, hexagon, diamond, rounded, or a picture file, whose
            opaque part (or bright part, if it is opaque) is used; default: the cover's own transparency.
        mask_threshold: Share of a cell that must be inside the mask (0 to 1).
        cover_font: Font file for a cover text:WORDS; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and
            Hebrew).
        fill: What fills a cover text:WORDS or shape:NAME: a colour, a gradient such as '#e63946,#457b9d', a picture
            file, or photos (your photos in their own colours).
        match: What is compared: structure (shapes and colours), mean or lab (mean colours, in RGB or CIELAB), or pixels
            (32 x 32).
        max_uses: Maximum uses of each photo; 0: unlimited; default: 3 times the average.
        repeat_distance: No photo appears twice within this distance; 0: no minimum; default: 5, or less if there are
            few photos (cells, 0 to 1000).
        unique: Use each photo at most once.
        use_all: Use every photo at least once.
        prefer: Prefer photos of people, or of places, in which no faces are found: as tiles where they match nearly as
            well, and to land on; default: people to land on, no preference for tiles.
        merge_duplicates: If the square tiles of several photos look nearly the same, use only the first of these
            photos.
        mirror: Allow mirrored photos; turn off for photos with text in them.
        turns: Allow photos rotated by 90, 180 and 270 degrees, for textures such as galaxies and leaves.
        tone: How strongly the colour and contrast of small (distant) tiles are adjusted to the cover; 1: as strongly as
            possible without visibly degrading the photos; auto: 1, in letters and shapes 0.5, or 0.3 without fill= (0
            to 1).
        contrast: Minimum of the contrast that tone leaves to the photos, on average; less makes the mosaic more similar
            to the cover (0 to 1).
        adapt_palette: Shift the cover's colours into the range of the photos' colours, as far as faces keep the colour
            of skin: sunset photos turn a blue cover orange.
        blend: Strength of the cover-colour overlay on each tile (0 to 1).
        match_seed: Random seed for the matching search.
        save_map: Also save the mosaic to a .mosaic file, which later commands accept as the cover.
        credits: Also write a text file that lists the photos used and their authors.

    Returns:
        The mosaic, to be drawn by the other functions, inspected, or saved.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: The work failed for another reason.

    Examples:
        >>> mosaic = renderer.match("cover.jpg", tiles="photos", max_uses=4)
        >>> mosaic.figures.ssim
        0.81
    """

def render(
    source: Source,
    animation: str | Animation,
    output: str | Path,
    *,
    preset: str | Path | None = None,
    draft: bool = False,
    frames: str | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    store: str | None = None,
    cache_size: int = 4000000000,
    overwrite: bool = False,
    progress: Progress | ProgressFunction | None = None,
    tiles: str | Path | Sequence[str | Path] = (),
    crop: Literal["smart", "centre"] | None = None,
    faces: bool = True,
    video_frames: int | None = None,
    skip_duplicates: bool = False,
    since: date | str | None = None,
    until: date | str | None = None,
    exclude: str | Path | Sequence[str | Path] = (),
    library_dir: str | Path | None = None,
    ban: str | Path | Sequence[str | Path] = (),
    swap: str | Path | Sequence[str | Path] = (),
    columns: int | None = None,
    cell_size: int | None = None,
    adaptive: bool = False,
    smallest_cell: Literal["1", "1/2", "1/4"] = "1/2",
    largest_cell: Literal["1", "2", "4"] = "2",
    tile_shape: str = "square",
    corner_radius: float = 0.0,
    gap: float = 0.0,
    border: float = 0.0,
    border_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    mask: str | None = None,
    mask_threshold: float = 0.5,
    cover_font: str | Path | None = None,
    fill: str = "#222222",
    match: Literal["structure", "mean", "lab", "pixels"] = "structure",
    max_uses: int | None = None,
    repeat_distance: int | None = None,
    unique: bool = False,
    use_all: bool = False,
    prefer: Literal["people", "places"] | None = None,
    merge_duplicates: bool = False,
    mirror: bool = True,
    turns: bool = False,
    tone: float | Literal["auto"] = "auto",
    contrast: float = 0.5,
    adapt_palette: bool = False,
    blend: float = 0.0,
    match_seed: int = 0,
    save_map: str | Path | None = None,
    credits: str | Path | None = None,
    size: tuple[int, int] | str | None = None,
    long_side: int | None = None,
    fps: float | Fraction | str = Fraction(30, 1),
    duration: float | None = None,
    fit: Literal["crop", "pad", "blur"] = "crop",
    covered: tuple[float, float, float, float] | str = (0.0, 0.0, 0.0, 0.0),
    subject: tuple[float, float] | str | None = None,
    background: Literal["blur", "transparent"] | tuple[float, float, float] | str | None = None,
    transparent: bool = False,
    motion_blur: float | None = None,
    seed: int = 0,
    memory: int | str | None = None,
    title: str | None = None,
    title_at: Literal["top", "middle", "bottom"] = "bottom",
    title_size: float = 0.075,
    title_time: tuple[float, float] | str | None = None,
    title_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    font: str | Path | None = None,
    logo: str | Path | None = None,
    logo_at: Literal["top-left", "top-right", "bottom-left", "bottom-right", "middle"] = "top-right",
    logo_size: float = 0.14,
    logo_opacity: float = 0.9,
    margin: float = 0.06,
    format: Literal["mp4", "mov", "webm", "gif", "webp", "apng", "png", "jpeg", "y4m"] | None = None,
    codec: Literal["h264", "hevc", "av1", "vp9", "prores"] | None = None,
    encoder: Literal["software", "auto", "nvenc", "qsv", "videotoolbox", "vaapi", "amf"] = "software",
    quality: Literal["draft", "standard", "high", "max"] = "standard",
    profile: Literal["baseline", "main", "high"] | None = None,
    b_frames: int = 2,
    gop_seconds: float = 2.0,
    max_rate: float | None = None,
    max_size: int | str | None = None,
    segment_seconds: float = 8.0,
    poster: bool = False,
    music: str | Path | None = None,
    music_start: float = 0.0,
    music_fade: float = 1.0,
    loudness: float = -14.0,
    music_bitrate: Literal[192, 384] = 192,
    **parameters: object,
) -> Summary:
    r"""Render an animation of a mosaic to a video file.

    The file appears when it is complete and has been checked; nothing is left behind if the work fails or is stopped,
    except finished segments of a video of more than 20 seconds, in the cache, with which the same call goes on.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        output: The file to write; its suffix selects the format. `frame-%04d.png` writes one file per frame.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Render small and fast, as the preset `draft` does.
        frames: Only the frames A to B, as `"A-B"`, counted from 0, both included.
        workers: The number of segments of a long video to make at once. Default: what cores and memory allow.
        cluster: The address of a Dask cluster whose workers make the segments, such as `"tcp://HOST:PORT"`, or
            `"local:N"` for N processes here. Requires the extra `cluster`.
        store: A folder that all machines of the cluster share, or a URL such as `"s3://bucket/folder"`. Default: in the
            cache.
        cache_size: Bytes of finished segments that are kept, of all videos together.
        overwrite: Replace existing files.
        progress: A function that is called with the name of a stage, the units done and the units in total, or an
            object that implements `renderer.progress.Progress`. Raise `renderer.Cancelled` in it to stop the work.
        tiles: Photos to use: a folder, a file, a glob pattern, or the name of a library; repeatable. Default: your
            default library, or else pieces of the cover, as with tiles=pieces.
        crop: Crop of each photo in a folder: smart (its salient area and faces) or centre; for a library, set it with
            `render library add`; default: smart.
        faces: Find faces in the photos of a folder, so that crops keep them; for a library, set it with `render library
            add`.
        video_frames: Also use this many frames of each video in a folder; for a library, set it with `render library
            add` (0 to 1000).
        skip_duplicates: Keep only the best of each group of near-duplicates.
        since: Only photos taken on or after this date: 2024-05-31, 2024-05 or 2024; a photo without a capture date has
            the date of its file.
        until: Only photos taken on or before this date.
        exclude: Exclude photos by file name or folder name, or by a pattern such as 'screenshots/*'; repeatable.
        library_dir: Folder that contains your libraries; default: the environment variable MOSAIC_RENDERER_LIBRARIES,
            or the operating system's folder for data.
        ban: Remove a photo from all cells: its path, its name, or a pattern such as 'screenshots/*'; repeatable.
        swap: Show a photo in a cell: COLUMN,ROW=PHOTO, counted from 0, with the photo's path or name; repeatable.
        columns: Number of columns of cells across the whole cover, before it is cropped to the frame; default: as many
            as make about 5,000 cells (1 to 10000).
        cell_size: Shorter side of a cell; use instead of columns= (cover pixels, 1 to 10000).
        adaptive: Use smaller cells on faces, edges and a mask's outline, and larger ones in flat areas; without a mask,
            the number of cells stays the same.
        smallest_cell: Side of the smallest cells with adaptive=, relative to a regular cell.
        largest_cell: Side of the largest cells with adaptive=, relative to a regular cell.
        tile_shape: Shape of the tiles: square, circle, hexagon, mixed (landscape and portrait photos), or a ratio of
            width and height such as 3:2.
        corner_radius: Radius of the tiles' corners, relative to the shorter side (0 to 0.5).
        gap: Gap between tiles, relative to the shorter side of a cell (0 to 0.9).
        border: Width of a border inside each tile, relative to the tile's shorter side (0 to 0.45).
        border_colour: Colour of the border.
        mask: Use only a part of the cover: heart, circle, star, hexagon, diamond, rounded, or a picture file, whose
            opaque part (or bright part, if it is opaque) is used; default: the cover's own transparency.
        mask_threshold: Share of a cell that must be inside the mask (0 to 1).
        cover_font: Font file for a cover text:WORDS; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and
            Hebrew).
        fill: What fills a cover text:WORDS or shape:NAME: a colour, a gradient such as '#e63946,#457b9d', a picture
            file, or photos (your photos in their own colours).
        match: What is compared: structure (shapes and colours), mean or lab (mean colours, in RGB or CIELAB), or pixels
            (32 x 32).
        max_uses: Maximum uses of each photo; 0: unlimited; default: 3 times the average.
        repeat_distance: No photo appears twice within this distance; 0: no minimum; default: 5, or less if there are
            few photos (cells, 0 to 1000).
        unique: Use each photo at most once.
        use_all: Use every photo at least once.
        prefer: Prefer photos of people, or of places, in which no faces are found: as tiles where they match nearly as
            well, and to land on; default: people to land on, no preference for tiles.
        merge_duplicates: If the square tiles of several photos look nearly the same, use only the first of these
            photos.
        mirror: Allow mirrored photos; turn off for photos with text in them.
        turns: Allow photos rotated by 90, 180 and 270 degrees, for textures such as galaxies and leaves.
        tone: How strongly the colour and contrast of small (distant) tiles are adjusted to the cover; 1: as strongly as
            possible without visibly degrading the photos; auto: 1, in letters and shapes 0.5, or 0.3 without fill= (0
            to 1).
        contrast: Minimum of the contrast that tone leaves to the photos, on average; less makes the mosaic more similar
            to the cover (0 to 1).
        adapt_palette: Shift the cover's colours into the range of the photos' colours, as far as faces keep the colour
            of skin: sunset photos turn a blue cover orange.
        blend: Strength of the cover-colour overlay on each tile (0 to 1).
        match_seed: Random seed for the matching search.
        save_map: Also save the mosaic to a .mosaic file, which later commands accept as the cover.
        credits: Also write a text file that lists the photos used and their authors.
        size: Frame size in pixels; default: the cover's aspect ratio, with long_side= (16 to 8192).
        long_side: Longer side of the frame, without size=; default: 1920, or 640 for GIF, WebP and APNG (pixels, 16 to
            8192).
        fps: Frames per second; 23.976, 29.97 and 59.94 mean the exact NTSC fractions.
        duration: Length of the video; default: the animation's own (seconds, 0.05 to 14400).
        fit: How to fit a cover of another shape: crop it, or show it whole on the background colour (pad) or a blurred
            copy (blur).
        covered: Strip that an app's controls hide at each edge, as a fraction of the frame's height or width: the
            title, the logo and the subject are kept out of these strips (0 to 0.6).
        subject: Point of the cover that fit=crop keeps in view, as fractions of the cover's width and height; default:
            faces and other salient areas (0 to 1).
        background: Background: a colour name, #rrggbb, blur (the blurred cover) or transparent; default: black, or
            white around letters, shapes and masks.
        transparent: Transparent background, for formats that support it.
        motion_blur: Time the shutter is open, as a fraction of a frame; default: 0.5, as in film, for flying tiles, 0
            for the camera (0 to 1).
        seed: Random seed for the animation.
        memory: Memory to use, ffmpeg included, such as 2GB; decides how many threads there are, never the result;
            default: a third of the free memory.
        title: Title text; \n starts a new line.
        title_at: Position of the title.
        title_size: Height of the title's letters, as a fraction of the frame's shorter side (0.01 to 0.5).
        title_time: When the title is visible; default: always (seconds, 0 to 14400).
        title_colour: Colour of the title: a name or #rrggbb.
        font: Font file for the title; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and Hebrew).
        logo: Logo: a picture file, preferably a PNG with a transparent background.
        logo_at: Position of the logo.
        logo_size: Height of the logo, as a fraction of the frame's shorter side (0.01 to 1).
        logo_opacity: Opacity of the logo (0.01 to 1).
        margin: Distance of title and logo from the frame's edges, as a fraction of its shorter side (0 to 0.4).
        format: File format; default: from the name's extension.
        codec: Video codec: h264, hevc (MP4, MOV), av1 (MP4, WebM), vp9 (WebM), prores (MOV); default: h264, or vp9 in
            WebM.
        encoder: Video encoder: software (best quality), auto (first working hardware encoder), or a specific one.
        quality: Encoding quality; a higher quality takes longer and makes a larger file.
        profile: H.264 profile; default: high.
        b_frames: Maximum number of consecutive B-frames, in H.264 and HEVC (0 to 8).
        gop_seconds: Time between key frames, where players seek and editors cut (seconds, 0.1 to 60).
        max_rate: Maximum bitrate, for a decoder with a buffer of one second (VBV) (Mbit/s, 0.05 to 1000).
        max_size: Maximum file size, such as 20MB (20,000,000 bytes); uses two passes if necessary.
        segment_seconds: Length of the segments of which an MP4, MOV or WebM of more than 20 seconds is made, to be
            resumable; 0: one (seconds, 0 to 3600).
        poster: Also write a representative frame as a picture next to the video.
        music: Soundtrack, trimmed or looped to the video's length.
        music_start: Position in the track to start from (seconds, 0 to 86400).
        music_fade: Length of the fade-in and of the fade-out, each at most half the video (seconds, 0 to 60).
        loudness: Integrated loudness of the normalized track, as in EBU R 128 (LUFS, -40 to -5).
        music_bitrate: Audio bitrate in kbit/s.
        **parameters: The animation's own parameters, if it is passed by name.

    Returns:
        A summary of what was written: the file, its size, the number of frames, the seconds that each stage took.
            Its `as_json()` has the same keys as the command's JSON output.

    Raises:
        InputError: An argument is invalid, a file cannot be used, or the output exists.
        RenderError: The work failed for another reason.

    Examples:
        >>> renderer.render("cover.jpg", "zoom", "out.mp4", tiles="photos", size=(1080, 1920), direction="inout")
    """

def frame(
    source: Source,
    animation: str | Animation,
    *,
    at: float,
    preset: str | Path | None = None,
    draft: bool = False,
    progress: Progress | ProgressFunction | None = None,
    tiles: str | Path | Sequence[str | Path] = (),
    crop: Literal["smart", "centre"] | None = None,
    faces: bool = True,
    video_frames: int | None = None,
    skip_duplicates: bool = False,
    since: date | str | None = None,
    until: date | str | None = None,
    exclude: str | Path | Sequence[str | Path] = (),
    library_dir: str | Path | None = None,
    ban: str | Path | Sequence[str | Path] = (),
    swap: str | Path | Sequence[str | Path] = (),
    columns: int | None = None,
    cell_size: int | None = None,
    adaptive: bool = False,
    smallest_cell: Literal["1", "1/2", "1/4"] = "1/2",
    largest_cell: Literal["1", "2", "4"] = "2",
    tile_shape: str = "square",
    corner_radius: float = 0.0,
    gap: float = 0.0,
    border: float = 0.0,
    border_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    mask: str | None = None,
    mask_threshold: float = 0.5,
    cover_font: str | Path | None = None,
    fill: str = "#222222",
    match: Literal["structure", "mean", "lab", "pixels"] = "structure",
    max_uses: int | None = None,
    repeat_distance: int | None = None,
    unique: bool = False,
    use_all: bool = False,
    prefer: Literal["people", "places"] | None = None,
    merge_duplicates: bool = False,
    mirror: bool = True,
    turns: bool = False,
    tone: float | Literal["auto"] = "auto",
    contrast: float = 0.5,
    adapt_palette: bool = False,
    blend: float = 0.0,
    match_seed: int = 0,
    save_map: str | Path | None = None,
    credits: str | Path | None = None,
    size: tuple[int, int] | str | None = None,
    long_side: int | None = None,
    fps: float | Fraction | str = Fraction(30, 1),
    duration: float | None = None,
    fit: Literal["crop", "pad", "blur"] = "crop",
    covered: tuple[float, float, float, float] | str = (0.0, 0.0, 0.0, 0.0),
    subject: tuple[float, float] | str | None = None,
    background: Literal["blur", "transparent"] | tuple[float, float, float] | str | None = None,
    transparent: bool = False,
    motion_blur: float | None = None,
    seed: int = 0,
    memory: int | str | None = None,
    title: str | None = None,
    title_at: Literal["top", "middle", "bottom"] = "bottom",
    title_size: float = 0.075,
    title_time: tuple[float, float] | str | None = None,
    title_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    font: str | Path | None = None,
    logo: str | Path | None = None,
    logo_at: Literal["top-left", "top-right", "bottom-left", "bottom-right", "middle"] = "top-right",
    logo_size: float = 0.14,
    logo_opacity: float = 0.9,
    margin: float = 0.06,
    **parameters: object,
) -> Pixels:
    r"""Draw one frame of an animation: the same pixels as in the video.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        at: The time of the frame in the video, in seconds.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Draw a small frame, as the preset `draft` does.
        progress: The same as for `renderer.render`.
        tiles: Photos to use: a folder, a file, a glob pattern, or the name of a library; repeatable. Default: your
            default library, or else pieces of the cover, as with tiles=pieces.
        crop: Crop of each photo in a folder: smart (its salient area and faces) or centre; for a library, set it with
            `render library add`; default: smart.
        faces: Find faces in the photos of a folder, so that crops keep them; for a library, set it with `render library
            add`.
        video_frames: Also use this many frames of each video in a folder; for a library, set it with `render library
            add` (0 to 1000).
        skip_duplicates: Keep only the best of each group of near-duplicates.
        since: Only photos taken on or after this date: 2024-05-31, 2024-05 or 2024; a photo without a capture date has
            the date of its file.
        until: Only photos taken on or before this date.
        exclude: Exclude photos by file name or folder name, or by a pattern such as 'screenshots/*'; repeatable.
        library_dir: Folder that contains your libraries; default: the environment variable MOSAIC_RENDERER_LIBRARIES,
            or the operating system's folder for data.
        ban: Remove a photo from all cells: its path, its name, or a pattern such as 'screenshots/*'; repeatable.
        swap: Show a photo in a cell: COLUMN,ROW=PHOTO, counted from 0, with the photo's path or name; repeatable.
        columns: Number of columns of cells across the whole cover, before it is cropped to the frame; default: as many
            as make about 5,000 cells (1 to 10000).
        cell_size: Shorter side of a cell; use instead of columns= (cover pixels, 1 to 10000).
        adaptive: Use smaller cells on faces, edges and a mask's outline, and larger ones in flat areas; without a mask,
            the number of cells stays the same.
        smallest_cell: Side of the smallest cells with adaptive=, relative to a regular cell.
        largest_cell: Side of the largest cells with adaptive=, relative to a regular cell.
        tile_shape: Shape of the tiles: square, circle, hexagon, mixed (landscape and portrait photos), or a ratio of
            width and height such as 3:2.
        corner_radius: Radius of the tiles' corners, relative to the shorter side (0 to 0.5).
        gap: Gap between tiles, relative to the shorter side of a cell (0 to 0.9).
        border: Width of a border inside each tile, relative to the tile's shorter side (0 to 0.45).
        border_colour: Colour of the border.
        mask: Use only a part of the cover: heart, circle, star, hexagon, diamond, rounded, or a picture file, whose
            opaque part (or bright part, if it is opaque) is used; default: the cover's own transparency.
        mask_threshold: Share of a cell that must be inside the mask (0 to 1).
        cover_font: Font file for a cover text:WORDS; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and
            Hebrew).
        fill: What fills a cover text:WORDS or shape:NAME: a colour, a gradient such as '#e63946,#457b9d', a picture
            file, or photos (your photos in their own colours).
        match: What is compared: structure (shapes and colours), mean or lab (mean colours, in RGB or CIELAB), or pixels
            (32 x 32).
        max_uses: Maximum uses of each photo; 0: unlimited; default: 3 times the average.
        repeat_distance: No photo appears twice within this distance; 0: no minimum; default: 5, or less if there are
            few photos (cells, 0 to 1000).
        unique: Use each photo at most once.
        use_all: Use every photo at least once.
        prefer: Prefer photos of people, or of places, in which no faces are found: as tiles where they match nearly as
            well, and to land on; default: people to land on, no preference for tiles.
        merge_duplicates: If the square tiles of several photos look nearly the same, use only the first of these
            photos.
        mirror: Allow mirrored photos; turn off for photos with text in them.
        turns: Allow photos rotated by 90, 180 and 270 degrees, for textures such as galaxies and leaves.
        tone: How strongly the colour and contrast of small (distant) tiles are adjusted to the cover; 1: as strongly as
            possible without visibly degrading the photos; auto: 1, in letters and shapes 0.5, or 0.3 without fill= (0
            to 1).
        contrast: Minimum of the contrast that tone leaves to the photos, on average; less makes the mosaic more similar
            to the cover (0 to 1).
        adapt_palette: Shift the cover's colours into the range of the photos' colours, as far as faces keep the colour
            of skin: sunset photos turn a blue cover orange.
        blend: Strength of the cover-colour overlay on each tile (0 to 1).
        match_seed: Random seed for the matching search.
        save_map: Also save the mosaic to a .mosaic file, which later commands accept as the cover.
        credits: Also write a text file that lists the photos used and their authors.
        size: Frame size in pixels; default: the cover's aspect ratio, with long_side= (16 to 8192).
        long_side: Longer side of the frame, without size=; default: 1920, or 640 for GIF, WebP and APNG (pixels, 16 to
            8192).
        fps: Frames per second; 23.976, 29.97 and 59.94 mean the exact NTSC fractions.
        duration: Length of the video; default: the animation's own (seconds, 0.05 to 14400).
        fit: How to fit a cover of another shape: crop it, or show it whole on the background colour (pad) or a blurred
            copy (blur).
        covered: Strip that an app's controls hide at each edge, as a fraction of the frame's height or width: the
            title, the logo and the subject are kept out of these strips (0 to 0.6).
        subject: Point of the cover that fit=crop keeps in view, as fractions of the cover's width and height; default:
            faces and other salient areas (0 to 1).
        background: Background: a colour name, #rrggbb, blur (the blurred cover) or transparent; default: black, or
            white around letters, shapes and masks.
        transparent: Transparent background, for formats that support it.
        motion_blur: Time the shutter is open, as a fraction of a frame; default: 0.5, as in film, for flying tiles, 0
            for the camera (0 to 1).
        seed: Random seed for the animation.
        memory: Memory to use, ffmpeg included, such as 2GB; decides how many threads there are, never the result;
            default: a third of the free memory.
        title: Title text; \n starts a new line.
        title_at: Position of the title.
        title_size: Height of the title's letters, as a fraction of the frame's shorter side (0.01 to 0.5).
        title_time: When the title is visible; default: always (seconds, 0 to 14400).
        title_colour: Colour of the title: a name or #rrggbb.
        font: Font file for the title; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and Hebrew).
        logo: Logo: a picture file, preferably a PNG with a transparent background.
        logo_at: Position of the logo.
        logo_size: Height of the logo, as a fraction of the frame's shorter side (0.01 to 1).
        logo_opacity: Opacity of the logo (0.01 to 1).
        margin: Distance of title and logo from the frame's edges, as a fraction of its shorter side (0 to 0.4).
        **parameters: The animation's own parameters, if it is passed by name.

    Returns:
        The frame as an array (height, width, 3) of uint8, sRGB; with `transparent`, (height, width, 4) with straight
        alpha.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: The work failed for another reason.

    Examples:
        >>> renderer.frame(mosaic, "zoom", at=3.5, size=(640, 360)).shape
        (360, 640, 3)
    """

def frames(
    source: Source,
    animation: str | Animation,
    *,
    preset: str | Path | None = None,
    draft: bool = False,
    frames: str | None = None,
    progress: Progress | ProgressFunction | None = None,
    tiles: str | Path | Sequence[str | Path] = (),
    crop: Literal["smart", "centre"] | None = None,
    faces: bool = True,
    video_frames: int | None = None,
    skip_duplicates: bool = False,
    since: date | str | None = None,
    until: date | str | None = None,
    exclude: str | Path | Sequence[str | Path] = (),
    library_dir: str | Path | None = None,
    ban: str | Path | Sequence[str | Path] = (),
    swap: str | Path | Sequence[str | Path] = (),
    columns: int | None = None,
    cell_size: int | None = None,
    adaptive: bool = False,
    smallest_cell: Literal["1", "1/2", "1/4"] = "1/2",
    largest_cell: Literal["1", "2", "4"] = "2",
    tile_shape: str = "square",
    corner_radius: float = 0.0,
    gap: float = 0.0,
    border: float = 0.0,
    border_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    mask: str | None = None,
    mask_threshold: float = 0.5,
    cover_font: str | Path | None = None,
    fill: str = "#222222",
    match: Literal["structure", "mean", "lab", "pixels"] = "structure",
    max_uses: int | None = None,
    repeat_distance: int | None = None,
    unique: bool = False,
    use_all: bool = False,
    prefer: Literal["people", "places"] | None = None,
    merge_duplicates: bool = False,
    mirror: bool = True,
    turns: bool = False,
    tone: float | Literal["auto"] = "auto",
    contrast: float = 0.5,
    adapt_palette: bool = False,
    blend: float = 0.0,
    match_seed: int = 0,
    save_map: str | Path | None = None,
    credits: str | Path | None = None,
    size: tuple[int, int] | str | None = None,
    long_side: int | None = None,
    fps: float | Fraction | str = Fraction(30, 1),
    duration: float | None = None,
    fit: Literal["crop", "pad", "blur"] = "crop",
    covered: tuple[float, float, float, float] | str = (0.0, 0.0, 0.0, 0.0),
    subject: tuple[float, float] | str | None = None,
    background: Literal["blur", "transparent"] | tuple[float, float, float] | str | None = None,
    transparent: bool = False,
    motion_blur: float | None = None,
    seed: int = 0,
    memory: int | str | None = None,
    title: str | None = None,
    title_at: Literal["top", "middle", "bottom"] = "bottom",
    title_size: float = 0.075,
    title_time: tuple[float, float] | str | None = None,
    title_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    font: str | Path | None = None,
    logo: str | Path | None = None,
    logo_at: Literal["top-left", "top-right", "bottom-left", "bottom-right", "middle"] = "top-right",
    logo_size: float = 0.14,
    logo_opacity: float = 0.9,
    margin: float = 0.06,
    **parameters: object,
) -> Generator[Pixels, None, None]:
    r"""Draw the frames of an animation one after another.

    Arguments are checked at once; the cover is matched and photos are opened when the first frame is requested. The
    generator releases its threads and textures when it is exhausted or closed.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Draw small frames, as the preset `draft` does.
        frames: Only the frames A to B, as `"A-B"`, counted from 0, both included.
        progress: The same as for `renderer.render`.
        tiles: Photos to use: a folder, a file, a glob pattern, or the name of a library; repeatable. Default: your
            default library, or else pieces of the cover, as with tiles=pieces.
        crop: Crop of each photo in a folder: smart (its salient area and faces) or centre; for a library, set it with
            `render library add`; default: smart.
        faces: Find faces in the photos of a folder, so that crops keep them; for a library, set it with `render library
            add`.
        video_frames: Also use this many frames of each video in a folder; for a library, set it with `render library
            add` (0 to 1000).
        skip_duplicates: Keep only the best of each group of near-duplicates.
        since: Only photos taken on or after this date: 2024-05-31, 2024-05 or 2024; a photo without a capture date has
            the date of its file.
        until: Only photos taken on or before this date.
        exclude: Exclude photos by file name or folder name, or by a pattern such as 'screenshots/*'; repeatable.
        library_dir: Folder that contains your libraries; default: the environment variable MOSAIC_RENDERER_LIBRARIES,
            or the operating system's folder for data.
        ban: Remove a photo from all cells: its path, its name, or a pattern such as 'screenshots/*'; repeatable.
        swap: Show a photo in a cell: COLUMN,ROW=PHOTO, counted from 0, with the photo's path or name; repeatable.
        columns: Number of columns of cells across the whole cover, before it is cropped to the frame; default: as many
            as make about 5,000 cells (1 to 10000).
        cell_size: Shorter side of a cell; use instead of columns= (cover pixels, 1 to 10000).
        adaptive: Use smaller cells on faces, edges and a mask's outline, and larger ones in flat areas; without a mask,
            the number of cells stays the same.
        smallest_cell: Side of the smallest cells with adaptive=, relative to a regular cell.
        largest_cell: Side of the largest cells with adaptive=, relative to a regular cell.
        tile_shape: Shape of the tiles: square, circle, hexagon, mixed (landscape and portrait photos), or a ratio of
            width and height such as 3:2.
        corner_radius: Radius of the tiles' corners, relative to the shorter side (0 to 0.5).
        gap: Gap between tiles, relative to the shorter side of a cell (0 to 0.9).
        border: Width of a border inside each tile, relative to the tile's shorter side (0 to 0.45).
        border_colour: Colour of the border.
        mask: Use only a part of the cover: heart, circle, star, hexagon, diamond, rounded, or a picture file, whose
            opaque part (or bright part, if it is opaque) is used; default: the cover's own transparency.
        mask_threshold: Share of a cell that must be inside the mask (0 to 1).
        cover_font: Font file for a cover text:WORDS; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and
            Hebrew).
        fill: What fills a cover text:WORDS or shape:NAME: a colour, a gradient such as '#e63946,#457b9d', a picture
            file, or photos (your photos in their own colours).
        match: What is compared: structure (shapes and colours), mean or lab (mean colours, in RGB or CIELAB), or pixels
            (32 x 32).
        max_uses: Maximum uses of each photo; 0: unlimited; default: 3 times the average.
        repeat_distance: No photo appears twice within this distance; 0: no minimum; default: 5, or less if there are
            few photos (cells, 0 to 1000).
        unique: Use each photo at most once.
        use_all: Use every photo at least once.
        prefer: Prefer photos of people, or of places, in which no faces are found: as tiles where they match nearly as
            well, and to land on; default: people to land on, no preference for tiles.
        merge_duplicates: If the square tiles of several photos look nearly the same, use only the first of these
            photos.
        mirror: Allow mirrored photos; turn off for photos with text in them.
        turns: Allow photos rotated by 90, 180 and 270 degrees, for textures such as galaxies and leaves.
        tone: How strongly the colour and contrast of small (distant) tiles are adjusted to the cover; 1: as strongly as
            possible without visibly degrading the photos; auto: 1, in letters and shapes 0.5, or 0.3 without fill= (0
            to 1).
        contrast: Minimum of the contrast that tone leaves to the photos, on average; less makes the mosaic more similar
            to the cover (0 to 1).
        adapt_palette: Shift the cover's colours into the range of the photos' colours, as far as faces keep the colour
            of skin: sunset photos turn a blue cover orange.
        blend: Strength of the cover-colour overlay on each tile (0 to 1).
        match_seed: Random seed for the matching search.
        save_map: Also save the mosaic to a .mosaic file, which later commands accept as the cover.
        credits: Also write a text file that lists the photos used and their authors.
        size: Frame size in pixels; default: the cover's aspect ratio, with long_side= (16 to 8192).
        long_side: Longer side of the frame, without size=; default: 1920, or 640 for GIF, WebP and APNG (pixels, 16 to
            8192).
        fps: Frames per second; 23.976, 29.97 and 59.94 mean the exact NTSC fractions.
        duration: Length of the video; default: the animation's own (seconds, 0.05 to 14400).
        fit: How to fit a cover of another shape: crop it, or show it whole on the background colour (pad) or a blurred
            copy (blur).
        covered: Strip that an app's controls hide at each edge, as a fraction of the frame's height or width: the
            title, the logo and the subject are kept out of these strips (0 to 0.6).
        subject: Point of the cover that fit=crop keeps in view, as fractions of the cover's width and height; default:
            faces and other salient areas (0 to 1).
        background: Background: a colour name, #rrggbb, blur (the blurred cover) or transparent; default: black, or
            white around letters, shapes and masks.
        transparent: Transparent background, for formats that support it.
        motion_blur: Time the shutter is open, as a fraction of a frame; default: 0.5, as in film, for flying tiles, 0
            for the camera (0 to 1).
        seed: Random seed for the animation.
        memory: Memory to use, ffmpeg included, such as 2GB; decides how many threads there are, never the result;
            default: a third of the free memory.
        title: Title text; \n starts a new line.
        title_at: Position of the title.
        title_size: Height of the title's letters, as a fraction of the frame's shorter side (0.01 to 0.5).
        title_time: When the title is visible; default: always (seconds, 0 to 14400).
        title_colour: Colour of the title: a name or #rrggbb.
        font: Font file for the title; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and Hebrew).
        logo: Logo: a picture file, preferably a PNG with a transparent background.
        logo_at: Position of the logo.
        logo_size: Height of the logo, as a fraction of the frame's shorter side (0.01 to 1).
        logo_opacity: Opacity of the logo (0.01 to 1).
        margin: Distance of title and logo from the frame's edges, as a fraction of its shorter side (0 to 0.4).
        **parameters: The animation's own parameters, if it is passed by name.

    Yields:
        Each frame as a new array, in the format that `renderer.frame` returns.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: The work failed for another reason.

    Examples:
        >>> for frame in renderer.frames(mosaic, "zoom", size=(640, 360)):
        ...     show(frame)
    """

def as_clip(
    source: Source,
    animation: str | Animation,
    *,
    preset: str | Path | None = None,
    draft: bool = False,
    progress: Progress | ProgressFunction | None = None,
    tiles: str | Path | Sequence[str | Path] = (),
    crop: Literal["smart", "centre"] | None = None,
    faces: bool = True,
    video_frames: int | None = None,
    skip_duplicates: bool = False,
    since: date | str | None = None,
    until: date | str | None = None,
    exclude: str | Path | Sequence[str | Path] = (),
    library_dir: str | Path | None = None,
    ban: str | Path | Sequence[str | Path] = (),
    swap: str | Path | Sequence[str | Path] = (),
    columns: int | None = None,
    cell_size: int | None = None,
    adaptive: bool = False,
    smallest_cell: Literal["1", "1/2", "1/4"] = "1/2",
    largest_cell: Literal["1", "2", "4"] = "2",
    tile_shape: str = "square",
    corner_radius: float = 0.0,
    gap: float = 0.0,
    border: float = 0.0,
    border_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    mask: str | None = None,
    mask_threshold: float = 0.5,
    cover_font: str | Path | None = None,
    fill: str = "#222222",
    match: Literal["structure", "mean", "lab", "pixels"] = "structure",
    max_uses: int | None = None,
    repeat_distance: int | None = None,
    unique: bool = False,
    use_all: bool = False,
    prefer: Literal["people", "places"] | None = None,
    merge_duplicates: bool = False,
    mirror: bool = True,
    turns: bool = False,
    tone: float | Literal["auto"] = "auto",
    contrast: float = 0.5,
    adapt_palette: bool = False,
    blend: float = 0.0,
    match_seed: int = 0,
    save_map: str | Path | None = None,
    credits: str | Path | None = None,
    size: tuple[int, int] | str | None = None,
    long_side: int | None = None,
    fps: float | Fraction | str = Fraction(30, 1),
    duration: float | None = None,
    fit: Literal["crop", "pad", "blur"] = "crop",
    covered: tuple[float, float, float, float] | str = (0.0, 0.0, 0.0, 0.0),
    subject: tuple[float, float] | str | None = None,
    background: Literal["blur", "transparent"] | tuple[float, float, float] | str | None = None,
    transparent: bool = False,
    motion_blur: float | None = None,
    seed: int = 0,
    memory: int | str | None = None,
    title: str | None = None,
    title_at: Literal["top", "middle", "bottom"] = "bottom",
    title_size: float = 0.075,
    title_time: tuple[float, float] | str | None = None,
    title_colour: tuple[float, float, float] | str = (1.0, 1.0, 1.0),
    font: str | Path | None = None,
    logo: str | Path | None = None,
    logo_at: Literal["top-left", "top-right", "bottom-left", "bottom-right", "middle"] = "top-right",
    logo_size: float = 0.14,
    logo_opacity: float = 0.9,
    margin: float = 0.06,
    **parameters: object,
) -> MosaicClip:
    r"""Make a MoviePy clip of an animation. MoviePy must be installed: `pip install 'mosaic-renderer[moviepy]'`.

    A clip has no alpha channel: `transparent` must be False.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Draw small frames, as the preset `draft` does.
        progress: The same as for `renderer.render`; called while the cover is matched.
        tiles: Photos to use: a folder, a file, a glob pattern, or the name of a library; repeatable. Default: your
            default library, or else pieces of the cover, as with tiles=pieces.
        crop: Crop of each photo in a folder: smart (its salient area and faces) or centre; for a library, set it with
            `render library add`; default: smart.
        faces: Find faces in the photos of a folder, so that crops keep them; for a library, set it with `render library
            add`.
        video_frames: Also use this many frames of each video in a folder; for a library, set it with `render library
            add` (0 to 1000).
        skip_duplicates: Keep only the best of each group of near-duplicates.
        since: Only photos taken on or after this date: 2024-05-31, 2024-05 or 2024; a photo without a capture date has
            the date of its file.
        until: Only photos taken on or before this date.
        exclude: Exclude photos by file name or folder name, or by a pattern such as 'screenshots/*'; repeatable.
        library_dir: Folder that contains your libraries; default: the environment variable MOSAIC_RENDERER_LIBRARIES,
            or the operating system's folder for data.
        ban: Remove a photo from all cells: its path, its name, or a pattern such as 'screenshots/*'; repeatable.
        swap: Show a photo in a cell: COLUMN,ROW=PHOTO, counted from 0, with the photo's path or name; repeatable.
        columns: Number of columns of cells across the whole cover, before it is cropped to the frame; default: as many
            as make about 5,000 cells (1 to 10000).
        cell_size: Shorter side of a cell; use instead of columns= (cover pixels, 1 to 10000).
        adaptive: Use smaller cells on faces, edges and a mask's outline, and larger ones in flat areas; without a mask,
            the number of cells stays the same.
        smallest_cell: Side of the smallest cells with adaptive=, relative to a regular cell.
        largest_cell: Side of the largest cells with adaptive=, relative to a regular cell.
        tile_shape: Shape of the tiles: square, circle, hexagon, mixed (landscape and portrait photos), or a ratio of
            width and height such as 3:2.
        corner_radius: Radius of the tiles' corners, relative to the shorter side (0 to 0.5).
        gap: Gap between tiles, relative to the shorter side of a cell (0 to 0.9).
        border: Width of a border inside each tile, relative to the tile's shorter side (0 to 0.45).
        border_colour: Colour of the border.
        mask: Use only a part of the cover: heart, circle, star, hexagon, diamond, rounded, or a picture file, whose
            opaque part (or bright part, if it is opaque) is used; default: the cover's own transparency.
        mask_threshold: Share of a cell that must be inside the mask (0 to 1).
        cover_font: Font file for a cover text:WORDS; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and
            Hebrew).
        fill: What fills a cover text:WORDS or shape:NAME: a colour, a gradient such as '#e63946,#457b9d', a picture
            file, or photos (your photos in their own colours).
        match: What is compared: structure (shapes and colours), mean or lab (mean colours, in RGB or CIELAB), or pixels
            (32 x 32).
        max_uses: Maximum uses of each photo; 0: unlimited; default: 3 times the average.
        repeat_distance: No photo appears twice within this distance; 0: no minimum; default: 5, or less if there are
            few photos (cells, 0 to 1000).
        unique: Use each photo at most once.
        use_all: Use every photo at least once.
        prefer: Prefer photos of people, or of places, in which no faces are found: as tiles where they match nearly as
            well, and to land on; default: people to land on, no preference for tiles.
        merge_duplicates: If the square tiles of several photos look nearly the same, use only the first of these
            photos.
        mirror: Allow mirrored photos; turn off for photos with text in them.
        turns: Allow photos rotated by 90, 180 and 270 degrees, for textures such as galaxies and leaves.
        tone: How strongly the colour and contrast of small (distant) tiles are adjusted to the cover; 1: as strongly as
            possible without visibly degrading the photos; auto: 1, in letters and shapes 0.5, or 0.3 without fill= (0
            to 1).
        contrast: Minimum of the contrast that tone leaves to the photos, on average; less makes the mosaic more similar
            to the cover (0 to 1).
        adapt_palette: Shift the cover's colours into the range of the photos' colours, as far as faces keep the colour
            of skin: sunset photos turn a blue cover orange.
        blend: Strength of the cover-colour overlay on each tile (0 to 1).
        match_seed: Random seed for the matching search.
        save_map: Also save the mosaic to a .mosaic file, which later commands accept as the cover.
        credits: Also write a text file that lists the photos used and their authors.
        size: Frame size in pixels; default: the cover's aspect ratio, with long_side= (16 to 8192).
        long_side: Longer side of the frame, without size=; default: 1920, or 640 for GIF, WebP and APNG (pixels, 16 to
            8192).
        fps: Frames per second; 23.976, 29.97 and 59.94 mean the exact NTSC fractions.
        duration: Length of the video; default: the animation's own (seconds, 0.05 to 14400).
        fit: How to fit a cover of another shape: crop it, or show it whole on the background colour (pad) or a blurred
            copy (blur).
        covered: Strip that an app's controls hide at each edge, as a fraction of the frame's height or width: the
            title, the logo and the subject are kept out of these strips (0 to 0.6).
        subject: Point of the cover that fit=crop keeps in view, as fractions of the cover's width and height; default:
            faces and other salient areas (0 to 1).
        background: Background: a colour name, #rrggbb, blur (the blurred cover) or transparent; default: black, or
            white around letters, shapes and masks.
        transparent: Transparent background, for formats that support it.
        motion_blur: Time the shutter is open, as a fraction of a frame; default: 0.5, as in film, for flying tiles, 0
            for the camera (0 to 1).
        seed: Random seed for the animation.
        memory: Memory to use, ffmpeg included, such as 2GB; decides how many threads there are, never the result;
            default: a third of the free memory.
        title: Title text; \n starts a new line.
        title_at: Position of the title.
        title_size: Height of the title's letters, as a fraction of the frame's shorter side (0.01 to 0.5).
        title_time: When the title is visible; default: always (seconds, 0 to 14400).
        title_colour: Colour of the title: a name or #rrggbb.
        font: Font file for the title; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and Hebrew).
        logo: Logo: a picture file, preferably a PNG with a transparent background.
        logo_at: Position of the logo.
        logo_size: Height of the logo, as a fraction of the frame's shorter side (0.01 to 1).
        logo_opacity: Opacity of the logo (0.01 to 1).
        margin: Distance of title and logo from the frame's edges, as a fraction of its shorter side (0 to 0.4).
        **parameters: The animation's own parameters, if it is passed by name.

    Returns:
        A `moviepy.VideoClip` with frames (height, width, 3) of uint8. Use it in a `with` block, or close it.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: MoviePy is not installed, or the work failed for another reason.

    Examples:
        >>> with renderer.as_clip(mosaic, "zoom", size=(640, 360)) as clip:
        ...     clip.write_videofile("out.mp4")
    """
