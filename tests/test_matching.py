import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from renderer.adaptive_grid import adapt_grid
from renderer.choices import Metric
from renderer.cover_pixels import cell_means, cell_signatures, cover_signature, cut_cells
from renderer.descriptors import describe_structure, mean_lab, signatures
from renderer.errors import InputError
from renderer.fidelity import ciede2000, colour_names, far_view, likeness, ssim, turned
from renderer.grid import Grid, make_grid
from renderer.kernels.matching import evaluate_choices
from renderer.library import Library, Photo
from renderer.masked_grid import masked
from renderer.matching import MatchStyle, match_photos, perceptual_search
from renderer.matching.assignment import assign
from renderer.matching.candidates import cheapest
from renderer.matching.cell_raster import rasterize_cells
from renderer.matching.description import describe_cover, flat_error, part_of
from renderer.matching.palette import adapted_palette
from renderer.matching.repetition import RepetitionRules, resolve_limits
from renderer.matching.structure import COLOUR, LOSS, MISS, SHIFT, StructureCosts, Weights
from renderer.matching.tone import (
    CONTRAST,
    MAX_GAIN,
    NARROW_GAIN,
    TIGHT_GAIN,
    CountedTiles,
    GainBounds,
    Shades,
    channel_gains,
    choices,
    colour_range,
    shades_of,
    tone_input,
)
from renderer.messages import as_argument, spelled
from renderer.pictures import Pixels, read_picture
from renderer.placement import PlacementMap
from renderer.progress import Silent
from renderer.shapes import TileShape
from renderer.threads import run_blocks

ANY = RepetitionRules(max_uses=0, repeat_distance=0)


def plain(metric: Metric) -> MatchStyle:
    """Return a style that uses a metric as defined, with unchanged photos."""
    return MatchStyle(metric, mirror=False, tone=0.0)


def library_of(tiles: Pixels) -> Library:
    means = tiles.mean(axis=(1, 2)) / 255
    photos = [
        Photo(Path(f"{i}.jpg"), str(i), (32, 32), (0, 0, 32, 32), (float(m[0]), float(m[1]), float(m[2])))
        for i, m in enumerate(means)
    ]
    return Library(photos, tiles)


def tiles_from(cover: Path, count: int, seed: int = 1) -> Pixels:
    """Return 32 × 32 pieces of a photo."""
    pixels = read_picture(cover).pixels
    random = np.random.default_rng(seed)
    corners = zip(random.integers(0, 427 - 32, count), random.integers(0, 640 - 32, count), strict=True)
    return np.stack([pixels[y : y + 32, x : x + 32] for y, x in corners])


def test_the_metric_pixels_finds_the_same_photos_as_a_plain_loop(cover: Path) -> None:
    tiles = tiles_from(cover, 80)
    tiles[50] = tiles[10]  # of two equal photos, the first is chosen
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, cell_size=32)
    found = match_photos(pixels, grid, library_of(tiles), Silent(), style=plain("pixels"), rules=ANY)
    for cell, picture in enumerate(cut_cells(pixels, grid)):
        distances = [np.linalg.norm(picture.astype(float) - tile.astype(float)) for tile in tiles]
        assert found.photos[found.photo[cell]].digest == str(int(np.argmin(distances)))
        assert found.cost[cell] == pytest.approx(min(distances), rel=1e-6)


@pytest.mark.parametrize("metric", ["mean", "lab"])
def test_without_repetition_rules_each_cell_shows_the_nearest_mean(cover: Path, metric: Metric) -> None:
    tiles = tiles_from(cover, 200)
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=40)
    found = match_photos(pixels, grid, library_of(tiles), Silent(), style=plain(metric), rules=ANY)
    if metric == "mean":
        means, targets = tiles.reshape(200, -1, 3).mean(axis=1), cell_means(pixels, grid).astype(float)
    else:
        library = library_of(tiles)
        cells = cell_signatures(cover_signature(pixels, grid), grid)
        means, targets = (rgb2lab(light_mean(signatures)) for signatures in (library.signatures, cells))
    for cell, mean in enumerate(targets):
        assert found.cost[cell] == pytest.approx(np.linalg.norm(means - mean, axis=1).min(), abs=0.02)


def light_mean(signatures: Pixels) -> np.ndarray:
    """Return the means of signatures in linear light, as sRGB 0…1, by IEC 61966-2-1."""
    value = signatures / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).mean(axis=(1, 2))
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def test_copies_count_as_one_photo_and_ties_are_resolved_by_order(cover: Path) -> None:
    tiles = tiles_from(cover, 40)
    photos = list(library_of(tiles).photos)
    copies = [replace(photo, path=Path(f"copy{i}.jpg")) for i, photo in enumerate(photos)]
    library = Library([*photos, *copies], np.concatenate([tiles, tiles]))
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=30)
    for metric in ("structure", "mean", "pixels"):
        found = match_photos(pixels, grid, library, Silent(), style=MatchStyle(metric))  # type: ignore[arg-type]  # a literal of the loop
        assert not [photo for photo in found.photos if photo.path.name.startswith("copy")]
        assert found.equal_neighbours() == 0


def test_near_duplicates_count_as_one_photo_on_request(cover: Path) -> None:
    tiles = tiles_from(cover, 30)
    brighter = np.clip(tiles.astype(np.int16) + 2, 0, 255).astype(np.uint8)
    pixels = read_picture(cover).pixels
    library, grid = library_of(np.concatenate([tiles, brighter])), make_grid(640, 427, columns=6)
    assert len(match_photos(pixels, grid, library, Silent(), rules=RepetitionRules(unique=True)).photos) == 24
    with pytest.raises(InputError, match="use_all=True"):
        match_photos(pixels, grid, library, Silent(), rules=RepetitionRules(use_all=True))
    merged = match_photos(pixels, grid, library, Silent(), rules=RepetitionRules(unique=True, merge_duplicates=True))
    assert all(int(photo.digest) < 30 for photo in merged.photos)


# -- The metric `structure` --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_the_metric_structure_compares_all_photos_by_its_cost(cover: Path, strength: float) -> None:
    photos = describe_structure(library_of(tiles_from(cover, 700)).signatures)
    cells = describe_structure(library_of(tiles_from(cover, 30, seed=2)).signatures)
    weights = Weights.of_tone(strength)
    costs = StructureCosts(cells, photos, (0,), weights, lambda _cells: None)
    darkest, lightest = colour_range(photos, weights.tight_gain)
    expected = np.empty((30, 700))
    for i in range(30):
        product, own = photos.detail @ cells.detail[i], (photos.detail**2).sum(axis=1)
        gain = np.clip(product / own, 1 + strength * (CONTRAST - 1), 1 + strength * (MAX_GAIN - 1))
        detail = ((gain[:, None] * photos.detail - cells.detail[i]) ** 2).sum(axis=1)
        apart = ((photos.mean - cells.mean[i]) ** 2).sum(axis=1)
        missed = np.maximum(darkest - cells.colour[i], 0) + np.maximum(cells.colour[i] - lightest, 0)
        shift = COLOUR * (1 - strength) ** 2 + strength * SHIFT
        # The gain of a channel at which the distances of its extremes fit between the cell's colour and the limits.
        dark, light = (np.maximum(each, 1 / 255) for each in (cells.colour[i], 1 - cells.colour[i]))
        room = np.minimum(dark / np.maximum(darkest, 1e-9), light / np.maximum(1 - lightest, 1e-9)) * weights.tight_gain
        lost = 1 - np.minimum(room, 1)
        expected[i] = detail + shift * apart + strength**2 * (MISS * missed**2 + LOSS * lost**2).sum(axis=1)
    found = costs.nearest(np.arange(30), 5)
    assert found.cost == pytest.approx(np.sort(expected, axis=1)[:, :5], rel=1e-4, abs=1e-2)
    everything, symmetry = costs.block(np.arange(30))
    assert everything == pytest.approx(expected, rel=1e-4, abs=1e-2)
    prices = np.random.default_rng(0).random(700).astype(np.float32) * 500
    priced, same = costs.nearest(np.arange(30), 40, prices), cheapest(everything, symmetry, 40, prices)
    assert (priced.photo == same.photo).all()


@pytest.mark.parametrize(("mirror", "turns", "symmetries"), [(True, False, 2), (False, True, 4), (True, True, 8)])
def test_tiles_are_shown_under_their_best_symmetry(cover: Path, mirror: bool, turns: bool, symmetries: int) -> None:
    tiles = tiles_from(cover, 12)
    style = MatchStyle(mirror=mirror, turns=turns, tone=0.0)
    assert len(style.symmetries()) == symmetries
    for symmetry in style.symmetries():
        changed = turned(tiles, np.full(12, symmetry, np.uint8))
        cover_of_tiles = changed.reshape(3, 4, 32, 32, 3).swapaxes(1, 2).reshape(96, 128, 3)
        for metric in ("structure", "pixels"):
            found = match_photos(
                cover_of_tiles, make_grid(128, 96, columns=4), library_of(tiles), Silent(),
                style=replace(style, metric=metric), rules=RepetitionRules(unique=True),
            )  # fmt: skip
            assert [found.photos[i].digest for i in found.photo] == [str(i) for i in range(12)]
            assert (found.symmetry == symmetry).all()


def test_the_perceptual_search_increases_similarity_to_the_cover(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid, library = make_grid(640, 427, columns=30), library_of(tiles_from(cover, 400))
    similarity = {}
    for metric in ("lab", "structure"):
        found = match_photos(pixels, grid, library, Silent(), style=MatchStyle(metric, tone=0.0), rules=ANY)  # type: ignore[arg-type]  # a literal of the loop
        similarity[metric] = likeness_of(found, pixels, grid, library)
    assert similarity["structure"].structure > similarity["lab"].structure + 0.1
    assert similarity["structure"].colour < similarity["lab"].colour


def likeness_of(found: PlacementMap, cover: Pixels, grid: Grid, library: Library):  # type: ignore[no-untyped-def]
    chosen = np.array([int(photo.digest) for photo in found.photos])[found.photo]
    tiles = turned(library.signatures[chosen], found.symmetry)
    return likeness(cover_signature(cover, grid), far_view(found.cell, found.size, tiles, found.gain, found.offset))


# -- Repetition --------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.data())
def test_repetition_rules_are_met_or_rejected(data: st.DataObject) -> None:
    count, columns, rows = (data.draw(st.integers(*limits)) for limits in ((1, 40), (1, 9), (1, 7)))
    random = np.random.default_rng(data.draw(st.integers(0, 9)))
    kind = data.draw(st.sampled_from(["noise", "black", "equal"]))
    tiles = random.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8) // (1 if kind == "noise" else 255)
    if kind != "noise":
        tiles[:] = tiles[:1]
    cover = random.integers(0, 256, (rows * 8, columns * 8, 3)).astype(np.uint8)
    rules = RepetitionRules(
        data.draw(st.sampled_from([None, 0, 1, 2, 3])), data.draw(st.sampled_from([None, 0, 1, 2, 3])),
        data.draw(st.booleans()), data.draw(st.booleans()),
    )  # fmt: skip
    metric: Metric = data.draw(st.sampled_from(["structure", "mean", "lab", "pixels"]))
    pins = [(0, None)] if count > 1 and data.draw(st.booleans()) else []
    grid = make_grid(columns * 8, rows * 8, cell_size=8)
    try:
        found = match_photos(cover, grid, library_of(tiles), Silent(), style=MatchStyle(metric), rules=rules, pins=pins)
    except InputError:
        assert rules.max_uses or rules.unique or rules.use_all or rules.repeat_distance  # defaults can always be met
        return
    digests = np.array([int(photo.digest) for photo in found.photos])[found.photo].reshape(rows, columns)
    uses = np.bincount(digests.ravel(), minlength=count)
    if rules.unique or rules.max_uses:
        assert uses.max() <= (1 if rules.unique else rules.max_uses)
    if rules.use_all:
        assert uses.min() >= 1
    if pins:
        assert uses[0] == 1
    distance = rules.repeat_distance or 0
    for y in range(rows):
        for x in range(columns):
            near = digests[max(y - distance, 0) : y + distance + 1, max(x - distance, 0) : x + distance + 1]
            assert (near == digests[y, x]).sum() == 1


@pytest.mark.parametrize(
    ("rules", "photos", "message"),
    [
        (RepetitionRules(unique=True), 11, "unique=True needs at least 12 photos for 12 cells, not 11"),
        (RepetitionRules(max_uses=2), 5, "max_uses=2 needs at least 6 photos for 12 cells, not 5"),
        (RepetitionRules(repeat_distance=1), 3, "repeat_distance=1 needs about 4 photos, not 3"),
        (
            RepetitionRules(max_uses=1, use_all=True),
            13,
            "use_all=True needs at least 13 cells for 13 photos, not 12",
        ),
        (
            RepetitionRules(max_uses=2, unique=True),
            99,
            "unique=True limits each photo to one use, but max_uses=2 does not",
        ),
    ],
)
def test_too_few_photos_for_a_rule_are_rejected(rules: RepetitionRules, photos: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_limits(rules, rasterize_cells(make_grid(4, 3, columns=4)), photos)


@pytest.mark.parametrize(("photos", "uses", "distance"), [(1, 2400, 0), (60, 120, 1), (2000, 4, 5), (7200, 1, 0)])
def test_default_limits_follow_from_the_sizes(photos: int, uses: int, distance: int) -> None:
    limits = resolve_limits(RepetitionRules(), rasterize_cells(make_grid(60, 40, columns=60)), photos)
    assert (limits.uses, limits.distance) == (uses, distance)


@pytest.mark.parametrize("uses", [1, 2, 5])
def test_the_auction_is_within_2_percent_of_the_optimal_assignment(cover: Path, uses: int) -> None:
    photos = describe_structure(library_of(tiles_from(cover, 150)).signatures)
    cells = describe_structure(library_of(tiles_from(cover, 140, seed=2)).signatures)
    costs = StructureCosts(cells, photos, (0, 1), Weights.of_tone(0.0), lambda _cells: None)
    every = np.arange(140)
    found, _ = assign(costs, every, np.full(150, uses, np.int32), 8)
    assert np.bincount(found.photo[:, 0]).max() <= uses
    matrix = np.repeat(costs.block(every)[0], uses, axis=1)
    best = matrix[linear_sum_assignment(matrix)].sum()
    assert best * (1 - 1e-6) <= found.cost.sum() <= best * 1.02


# -- Tone --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["structure", "mean", "lab", "pixels"])
def test_repetition_rules_hold_in_adaptive_grids(cover: Path, metric: Metric) -> None:
    pixels = read_picture(cover).pixels
    grid = adapt_grid(make_grid(640, 427, columns=15), pixels, [(0.2, 0.2, 0.2, 0.3)], 0.25, 4.0)
    assert len(set(grid.cells[:, 2])) >= 3
    library = library_of(tiles_from(cover, 200))
    found = match_photos(
        pixels,
        grid,
        library,
        Silent(),
        style=MatchStyle(metric),
        rules=RepetitionRules(max_uses=3, repeat_distance=1),
        pins=[(7, (0.5, 0.5))],
    )
    assert found.uses().max() <= 3
    low, high = found.cell[:, :2], found.cell[:, :2] + found.cell[:, 2:]
    gap = np.maximum(low[:, None] - high, low - high[:, None]).max(axis=2)  # Chebyshev's, in units
    equal = (found.photo[:, None] == found.photo) & ~np.eye(len(found), dtype=bool)
    assert gap[equal].min() >= 1
    pinned = np.flatnonzero(np.array([photo.path.name for photo in found.photos])[found.photo] == "7.jpg")
    assert len(pinned) == 1
    assert (low[pinned[0]] <= np.array(found.size) / 2).all()
    assert (high[pinned[0]] >= np.array(found.size) / 2).all()


def test_adaptive_cells_increase_similarity_with_the_same_number_of_cells() -> None:
    random = np.random.default_rng(0)
    cover = np.full((128, 192, 3), 150, np.uint8)
    cover[40:80, 40:80] = random.integers(0, 256, (10, 10, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    colours = np.concatenate([random.integers(0, 256, (600, 3), np.uint8), cover[:1, 0]])
    tiles = np.broadcast_to(colours[:, None, None], (601, 32, 32, 3))
    regular, errors = make_grid(192, 128, cell_size=8), []
    for grid in (regular, adapt_grid(regular, cover, [])):
        figures = match_photos(cover, grid, library_of(tiles), Silent(), style=MatchStyle(tone=0.0), rules=ANY).recipe[
            "figures"
        ]
        assert isinstance(figures, dict)
        errors.append(figures["delta_e"])
    assert errors[1] < 0.8 * errors[0]  # type: ignore[operator]  # numbers of JSON


@pytest.mark.parametrize("dark", [False, True])
def test_tone_reduces_colour_errors_within_its_bounds(cover: Path, dark: bool) -> None:
    pixels = read_picture(cover).pixels
    if dark:  # little range for tone
        pixels = (pixels // 8).astype(np.uint8)
    grid, library = make_grid(640, 427, columns=30), library_of(tiles_from(cover, 300))
    found = {
        tone: match_photos(pixels, grid, library, Silent(), style=MatchStyle(tone=tone)) for tone in (0.0, 0.5, 1.0)
    }
    errors = [likeness_of(found[tone], pixels, grid, library).colour for tone in (0.0, 0.5, 1.0)]
    assert errors[0] > 1.2 * errors[1] > 1.4 * errors[2]
    assert (found[0.0].gain == 1).all()
    assert not found[0.0].offset.any()
    toned = found[1.0]
    assert toned.gain.mean() >= CONTRAST
    assert toned.gain.max() <= MAX_GAIN
    assert toned.gain.mean(axis=1).min() >= TIGHT_GAIN - 1e-6
    assert toned.gain.min() >= NARROW_GAIN - 1e-6
    chosen = np.array([int(photo.digest) for photo in toned.photos])[toned.photo]
    drawn = library.tiles[chosen] / 255 * toned.gain[:, None, None] + toned.offset[:, None, None]
    inner = (library.tiles[chosen] > 0) & (library.tiles[chosen] < 255)
    clipped = (inner & ((drawn < -0.5 / 255) | (drawn > 1 + 0.5 / 255))).any(axis=-1)
    assert clipped.mean() < 0.03
    figures = toned.recipe["figures"]
    assert isinstance(figures, dict)
    assert figures["clipped"] == pytest.approx(clipped.mean(), abs=1e-3)


def test_contrast_is_kept_at_least_as_much_as_asked(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    tiles = tiles_from(cover, 300)
    hard = np.argsort(tiles.std(axis=(1, 2, 3)))[-60:]  # photos of high contrast, which make no plain sky
    grid, library = make_grid(640, 427, columns=30), library_of(tiles[hard])
    contrasts = (0.2, CONTRAST, 0.8)
    found = [
        match_photos(pixels, grid, library, Silent(), style=MatchStyle(contrast=contrast)) for contrast in contrasts
    ]
    for contrast, each in zip(contrasts, found, strict=True):
        assert contrast <= each.gain.mean() < max(contrast, 0.4) + 0.05  # never without a benefit
    black = match_photos(pixels // 10, grid, library, Silent())  # each tile alone would give up most of it
    assert black.gain.mean() >= CONTRAST
    colour = [likeness_of(each, pixels, grid, library).colour for each in found]
    assert 1.2 * colour[0] < colour[1] < 0.7 * colour[2]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1), st.floats(0, 1))
def test_gains_of_channels_keep_their_bounds_and_are_those_of_the_choice(
    seed: int, strength: float, contrast: float
) -> None:
    random = np.random.default_rng(seed)
    cells, tiles = (describe_structure(random.integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)) for _ in range(2))
    shades = Shades(shades_of(random.integers(0, 256, (30, 4, 4, 3)).astype(np.uint8)), np.arange(30))
    bounds = GainBounds.of(strength, contrast)
    gains, margins = choices(strength, bounds)
    error, clipped, gained = np.empty((3, len(gains), 30), np.float32)
    evaluate_choices(
        tone_input(cells, tiles, shades, np.ones(30, np.float32), strength, bounds), gains, margins,
        error, clipped, gained, slice(0, 30),
    )  # fmt: skip
    for number, gain, margin in list(zip(range(len(gains)), gains, margins, strict=True))[::7]:
        each = channel_gains(cells.colour, tiles, np.full((30, 1), gain), np.full((30, 1), margin), bounds)
        assert each.mean(axis=1) == pytest.approx(gained[number], abs=1e-5)
        assert each.min() >= bounds.channel - 1e-6
        assert each.mean(axis=1).min() >= bounds.tile - 1e-5
        assert each.max() <= gain


def test_the_detail_of_a_tile_counts_more_in_a_larger_cell() -> None:
    area = np.array([0.25, 1, 4], np.float32)
    random = np.random.default_rng(1).integers(100, 156, (1, 8, 8, 3)).astype(np.uint8)
    plain, photos = describe_structure(np.full((3, 8, 8, 3), 128, np.uint8)), describe_structure(random.repeat(3, 0))
    shades = Shades(shades_of(random), np.zeros(3, np.int64))
    bounds = GainBounds.of(1.0, CONTRAST)
    gains, margins = choices(1.0, bounds)
    error, clipped, gained = np.empty((3, len(gains), 3), np.float32)
    choice = tone_input(plain, photos, shades, area, 1.0, bounds)
    evaluate_choices(choice, gains, margins, error, clipped, gained, slice(0, 3))
    extra = np.diff(error / area, axis=1)  # of colour, each unit of area counts the same
    assert (extra > 0).all()
    assert (extra[gains == gains.max()] > 1.5 * extra[gains == gains.min()]).all()


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_clipped_pixels_are_counted_exactly(seed: int) -> None:
    random = np.random.default_rng(seed)
    pictures = random.choice(np.array([0, 1, 60, 128, 254, 255], np.uint8), (5, 4, 6, 3))
    photo = random.integers(0, 5, 70)
    gain, offset = random.uniform(0.02, 1.3, (70, 3)), random.uniform(-1, 1, (70, 3))
    toned = pictures[photo] / 255 * gain[:, None, None] + offset[:, None, None]
    outside = (toned < -0.5 / 255) | (toned > 1 + 0.5 / 255)
    inner = (pictures[photo] > 0) & (pictures[photo] < 255)
    counted = CountedTiles(np.arange(70), pictures, photo).clipped(gain.astype(np.float32), offset.astype(np.float32))
    assert counted == pytest.approx((outside & inner).any(axis=3).mean(), abs=1e-3)


def test_blend_overlays_the_mean_colours_of_the_cells(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid, library = make_grid(640, 427, columns=12), library_of(tiles_from(cover, 50))
    plain_map, blended = (
        match_photos(pixels, grid, library, Silent(), style=MatchStyle(tone=0.0, blend=blend)) for blend in (0.0, 0.3)
    )
    assert (plain_map.photo == blended.photo).all()
    assert blended.gain == pytest.approx(0.7)
    cells = describe_structure(cell_signatures(cover_signature(pixels, grid), grid))
    assert blended.offset == pytest.approx(0.3 * cells.colour, abs=1e-5)


def test_an_adapted_palette_keeps_hues_apart() -> None:
    cover = np.repeat(np.array([[[200, 120, 90], [90, 140, 190], [120, 160, 90]]], np.uint8), 20, axis=0)
    before = rgb2lab(cover)[0, :, 1:]
    greyish = np.random.default_rng(1).normal((50, 4, 6), (20, 2, 2), (100, 3)).astype(np.float32)  # indoor portraits
    after = rgb2lab(adapted_palette(cover, greyish).apply(cover))[0, :, 1:]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        apart, kept = before[first] - before[second], after[first] - after[second]
        assert np.linalg.norm(kept) > 0.65 * np.linalg.norm(apart)
        assert apart @ kept > 0.98 * np.linalg.norm(apart) * np.linalg.norm(kept)  # in the same direction


@pytest.mark.parametrize(
    ("photos", "most"),
    [((60, 5, 5), 0.6), ((44, 2, -23), 0.3), ((49, 0, 0), 0.6), ((51, 32, 30), 0.3), ((16, 0, 0), 0.6)],
    ids=["indoor portraits", "blue", "grey", "red", "dark"],
)
def test_an_adapted_palette_keeps_the_colour_of_skin(photos: tuple[int, int, int], most: float) -> None:
    astronaut = skimage.data.astronaut()
    colours = np.random.default_rng(1).normal(photos, (10, 4, 5), (200, 3)).astype(np.float32)
    palette = adapted_palette(astronaut, colours)
    assert 0.05 < palette.share < most
    before, after = (
        rgb2lab(picture)[70:140, 190:250].reshape(-1, 3) for picture in (astronaut, palette.apply(astronaut))
    )  # cheeks, nose and mouth
    (light, *skin), (new_light, *new_skin) = np.median(before, axis=0), np.median(after, axis=0)
    assert 0.75 < np.hypot(*new_skin) / np.hypot(*skin) < 1.25
    assert abs(np.degrees(np.arctan2(*new_skin) - np.arctan2(*skin))) < 14
    assert abs(new_light - light) < 11
    assert adapted_palette(skimage.data.coffee(), colours).share == 1  # no face


def test_a_grey_portrait_gets_the_colours_of_the_photos() -> None:
    grey = np.repeat(skimage.data.astronaut()[..., :1], 3, axis=2)
    sunsets = np.random.default_rng(1).normal((60, 25, 30), 8, (200, 3)).astype(np.float32)
    assert rgb2lab(adapted_palette(grey, sunsets).apply(grey))[..., 2].mean() > 20


def test_the_covers_palette_is_adapted_to_the_photos(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    sunsets = np.clip(tiles_from(cover, 80) * np.array([1.0, 0.6, 0.3]) + [60, 20, 0], 0, 255).astype(np.uint8)
    grid, library = make_grid(640, 427, columns=20), library_of(sunsets)
    unchanged, adapted = (
        match_photos(
            pixels, grid, library, Silent(), style=MatchStyle(tone=0.0, adapt_palette=adapt), rules=ANY
        ).recipe["figures"]
        for adapt in (False, True)
    )
    assert isinstance(unchanged, dict)
    assert isinstance(adapted, dict)
    assert float(str(adapted["delta_e"])) < 0.7 * float(str(unchanged["delta_e"]))


# -- Figures -----------------------------------------------------------------------------------------------------------


def test_figures_equal_those_of_scikit_image(cover: Path) -> None:
    a = read_picture(cover).pixels[:96, :128]
    b = np.clip(a.astype(np.int16) + np.random.default_rng(3).integers(-40, 40, a.shape), 0, 255).astype(np.uint8)
    lab = [rgb2lab(picture).astype(np.float32) for picture in (a, b)]
    lab[0][:4, :4, 1:] = 0  # grey, which has no hue
    assert ciede2000(*lab) == pytest.approx(deltaE_ciede2000(*lab), abs=2e-3)
    grey = [picture[..., 1].astype(np.float32) / 255 for picture in (a, b)]
    assert ssim(*grey) == pytest.approx(structural_similarity(*grey, data_range=1), abs=1e-5)


def test_a_picture_is_identical_to_itself() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    same = likeness(picture, picture)
    assert (same.colour, same.colour_worst, same.structure) == (0, 0, pytest.approx(1))


def test_colours_have_plain_names() -> None:
    colours = {
        "black": (0, 0, 0), "white": (255, 255, 255), "dark blue": (10, 20, 90), "orange": (240, 140, 20),
        "dark brown": (90, 60, 30), "light green": (150, 220, 140), "grey": (128, 128, 128),
    }  # fmt: skip
    assert colour_names(rgb2lab(np.array(list(colours.values())) / 255).astype(np.float32)).tolist() == list(colours)


def figures_with(cover: Pixels, tiles: Pixels, columns: int, style: MatchStyle | None = None) -> tuple[float, str]:
    """Return the mean colour error of a mosaic, and the advice."""
    grid = make_grid(cover.shape[1], cover.shape[0], columns=columns)
    figures = match_photos(cover, grid, library_of(tiles), Silent(), style=style).recipe["figures"]
    assert isinstance(figures, dict)
    return float(str(figures["delta_e"])), spelled(str(figures["advice"]), as_argument)


def pieces_of(picture: Pixels, count: int) -> Pixels:
    """Return random pieces of a picture, (count, 32, 32, 3)."""
    random = np.random.default_rng(2)
    height, width = picture.shape[:2]
    corners = zip(random.integers(0, height - 32, count), random.integers(0, width - 32, count), strict=True)
    return np.stack([picture[y : y + 32, x : x + 32] for y, x in corners])


def test_advice_that_is_followed_lowers_the_colour_error(cover: Path) -> None:
    coffee = skimage.data.coffee()
    pieces = tiles_from(cover, 60)
    harsh = np.where(pieces < np.median(pieces, axis=(1, 2), keepdims=True), 15, 240).astype(np.uint8)
    before, advice = figures_with(coffee, harsh, 30)
    expected = re.search(
        r"too much contrast for the cover: contrast=0.3 lowers the mean colour error by about (\d+) %", advice
    )
    assert expected
    after, _ = figures_with(coffee, harsh, 30, MatchStyle(contrast=0.3))
    assert 1 - after / before == pytest.approx(int(expected[1]) / 100, abs=0.01)

    colours = re.search(
        r"\d+ % of the cells are (.+) or (.+), but few photos are: adding (\d+) such photos lowers the mean colour error "
        r"by about (\d+) %", advice,
    )  # fmt: skip
    assert colours
    others = pieces_of(coffee, 1000)
    names = colour_names(mean_lab(signatures(others)))
    more = [others[names == name][: int(colours[3]) // 2] for name in colours.group(1, 2)]
    after, _ = figures_with(coffee, np.concatenate([harsh, *more]), 30)
    assert 1 - after / before > 0.7 * int(colours[4]) / 100


def test_advice_on_colours_for_unchanged_photos(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    sunsets = np.full((40, 32, 32, 3), (220, 120, 40), np.uint8)
    sunsets += np.arange(40, dtype=np.uint8)[:, None, None, None] % 8
    before, advice = figures_with(pixels, sunsets, 24, MatchStyle(tone=0.0))
    names = re.fullmatch(r"\d+ % of the cells are (.+) or (.+), but few photos are: adding .+ by about \d+ %", advice)
    assert names
    others = tiles_from(cover, 400)
    such = np.isin(colour_names(mean_lab(signatures(others))), names.groups())
    assert figures_with(pixels, np.concatenate([sunsets, others[such]]), 24, MatchStyle(tone=0.0))[0] < 0.85 * before


def test_more_columns_are_advised_where_they_show_more(cover: Path) -> None:
    astronaut, tiles = skimage.data.astronaut(), tiles_from(cover, 300)
    before, advice = figures_with(astronaut, tiles, 24)
    assert re.fullmatch(
        r"smaller cells show more detail: columns=48 lowers the mean colour error by about \d+ %", advice
    )
    assert figures_with(astronaut, tiles, 48)[0] < 0.85 * before
    small = np.ascontiguousarray(astronaut[::8, ::8])  # too few pixels for smaller cells
    assert "columns" not in figures_with(small, tiles, 24)[1]
    assert "columns" not in figures_with(astronaut, tiles[:60], 24)[1]  # too few photos for more cells


def test_there_is_no_advice_where_nothing_would_help(cover: Path) -> None:
    pixels, tiles = read_picture(cover).pixels, tiles_from(cover, 300)
    assert figures_with(pixels, tiles, 40)[1] == ""
    error, advice = figures_with(pixels, tiles[:10], 40)
    assert error < 4
    assert "10 photos repeat often in 1040 cells: use at least 52 photos" in advice


@pytest.mark.parametrize("name", ["square", "3:2", "hexagon", "mixed", "adaptive", "masked"])
def test_changes_are_tried_in_a_part_that_represents_the_mosaic(cover: Path, name: str) -> None:
    pixels = read_picture(cover).pixels
    height, width = pixels.shape[:2]
    shape = TileShape.parse("square" if name in ("adaptive", "masked") else name)
    grid = make_grid(width, height, columns=50, tile_shape=shape)
    if name == "adaptive":
        grid = adapt_grid(grid, pixels, [], 0.5, 4.0)
    if name == "masked":
        grid = masked(grid, np.asarray(255 * np.tri(height, width), np.uint8))
    whole = describe_cover(pixels, grid)
    part, cells = part_of(whole, 300)
    assert len(part) == len(cells) == pytest.approx(300, rel=0.15)
    for number, cell in enumerate(cells):
        pictures = []
        for each, index in ((part, number), (whole, cell)):
            x, y, across, along = (8 * each.raster.box[index]).tolist()
            pictures.append(each.picture[y : y + along, x : x + across])
        assert np.array_equal(*pictures)
    assert part.cells.mean.mean(axis=0) == pytest.approx(whole.cells.mean.mean(axis=0), abs=4)  # CIELAB
    if name != "masked":  # it also counts what is outside the mask
        assert flat_error(part, 1) == pytest.approx(flat_error(whole, 1), rel=0.3)


# -- Seeds, pins, edge cases -------------------------------------------------------------------------------------------


def test_in_a_flat_cover_good_photos_are_everywhere(cover: Path) -> None:
    logo = np.full((240, 320, 3), 34, np.uint8)
    logo[:, 160:] = 40
    grid, library = make_grid(320, 240, columns=32), library_of(tiles_from(cover, 200))
    made = match_photos(logo, grid, library, Silent(), style=MatchStyle(tone=0.3))
    assert abs(np.corrcoef(made.cell[:, 1], made.cost)[0, 1]) < 0.15  # 0.28 if cells are filled row by row


def test_the_seed_changes_the_result(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=30)
    library = library_of(tiles_from(cover, 100))
    one, same, other = (match_photos(pixels, grid, library, Silent(), seed=seed) for seed in (1, 1, 2))
    assert (one.photo == same.photo).all()
    digests = [[m.photos[i].digest for i in m.photo] for m in (one, other)]
    assert digests[0] != digests[1]


@settings(max_examples=20)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_pinned_photo_is_used_once_in_its_cell(x: float, y: float) -> None:
    random = np.random.default_rng(0)
    cover = random.integers(0, 256, (60, 90, 3), np.uint8)
    library = library_of(random.integers(0, 256, (20, 32, 32, 3), np.uint8))
    grid = make_grid(90, 60, columns=9)
    found = match_photos(cover, grid, library, Silent(), pins=[(3, (x, y))])
    cells = [i for i in range(len(found)) if found.photos[found.photo[i]].digest == "3"]
    assert cells == [min(int(y * 6), 5) * 9 + min(int(x * 9), 8)]


def test_a_photo_pinned_without_a_point_is_near_the_centre(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=30)
    found = match_photos(pixels, grid, library_of(tiles_from(cover, 50)), Silent(), pins=[(0, None)])
    (cell,) = [i for i in range(len(found)) if found.photos[found.photo[i]].digest == "0"]
    y, x = divmod(cell, 30)
    assert 9 <= x <= 20
    assert 6 <= y <= 13


def test_small_libraries_and_covers_are_matched() -> None:
    one = library_of(np.full((1, 32, 32, 3), 9, np.uint8))
    for height, width in ((1, 1), (2, 500), (500, 2)):
        for colour, pins in ((0, [(0, None)]), (255, [])):
            cover = np.full((height, width, 3), colour, np.uint8)
            found = match_photos(cover, make_grid(width, height), one, Silent(), pins=pins)
            assert (found.photo == 0).all()
            assert np.isfinite(found.gain).all()
            assert np.isfinite(found.offset).all()
    with pytest.raises(InputError, match="No photo can be used"):
        match_photos(cover, make_grid(2, 2), library_of(np.empty((0, 32, 32, 3), np.uint8)), Silent())


def test_processing_in_bands_does_not_change_the_result(cover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, library, grid = read_picture(cover).pixels, library_of(tiles_from(cover, 60)), make_grid(640, 427, 18)
    maps = []
    for steps in (10**6, 40):  # one band, then bands of two rows of cells
        monkeypatch.setattr("renderer.matching.tone._BAND_STEPS", steps)
        monkeypatch.setattr("renderer.matching.perceptual_search._BAND", 64 * steps)
        maps.append(match_photos(pixels, grid, library, Silent()))
    assert (maps[0].photo == maps[1].photo).all()
    np.testing.assert_allclose(maps[0].offset, maps[1].offset, atol=1e-5)


FEW_USES = RepetitionRules(max_uses=3, repeat_distance=2)


@pytest.mark.parametrize(
    ("style", "rules"),
    [
        (MatchStyle(), RepetitionRules()),
        (MatchStyle(tone=0.0, turns=True), FEW_USES),
        (MatchStyle(tone=0.5), RepetitionRules(use_all=True)),
        (MatchStyle("pixels"), FEW_USES),
        (MatchStyle("lab"), FEW_USES),
    ],
    ids=["defaults", "no tone", "each photo", "pixels", "lab"],
)
def test_the_map_does_not_depend_on_the_number_of_threads(
    cover: Path, monkeypatch: pytest.MonkeyPatch, style: MatchStyle, rules: RepetitionRules
) -> None:
    pixels, library, grid = read_picture(cover).pixels, library_of(tiles_from(cover, 150)), make_grid(640, 427, 24)
    maps = []
    for cores in (1, 2, 5):
        monkeypatch.setenv("MOSAIC_RENDERER_CORES", str(cores))
        maps.append(match_photos(pixels, grid, library, Silent(), style=style, rules=rules))
    for other in maps[1:]:
        assert arrays_of(other) == arrays_of(maps[0])
        assert other.recipe == maps[0].recipe
        assert other.photos == maps[0].photos


def test_blocks_that_have_not_started_are_skipped_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSAIC_RENDERER_CORES", "2")
    done: list[int] = []
    before = threading.active_count()

    def stop(result: int) -> None:
        raise KeyboardInterrupt(result)

    with pytest.raises(KeyboardInterrupt, match="0"):
        run_blocks(lambda block: done.append(block) or time.sleep(0.01) or block, range(1000), stop)
    assert len(done) < 1000
    assert threading.active_count() == before


def arrays_of(found: PlacementMap) -> list[bytes]:
    return [each.tobytes() for each in (found.photo, found.symmetry, found.gain, found.offset, found.cost)]


@pytest.mark.parametrize(("rules", "min_swaps"), [(ANY, 0), (FEW_USES, 40)], ids=["any repetition", "few uses"])
def test_the_perceptual_search_does_not_depend_on_batches(
    cover: Path, monkeypatch: pytest.MonkeyPatch, rules: RepetitionRules, min_swaps: int
) -> None:
    pixels, library, grid = read_picture(cover).pixels, library_of(tiles_from(cover, 350)), make_grid(640, 427, 36)
    swaps, maps = [0], []
    count = perceptual_search.apply_swaps
    monkeypatch.setattr(perceptual_search, "apply_swaps", lambda *each: swaps.append(count(*each)) or swaps[-1])
    for cells in (1, 20, 1000):  # in order, in small batches, and all cells in one
        monkeypatch.setattr(perceptual_search, "_MIN_BATCH", cells)
        monkeypatch.setattr(perceptual_search, "_CELLS_PER_THREAD", cells)
        maps.append(match_photos(pixels, grid, library, Silent(), style=MatchStyle(tone=0.0), rules=rules))
    assert sum(swaps) >= 3 * min_swaps
    assert arrays_of(maps[1]) == arrays_of(maps[0])
    assert arrays_of(maps[2]) == arrays_of(maps[0])


def evenness(found: PlacementMap) -> float:
    """Return the mean distance of a use to the nearest one of the same photo, relative to an even spread of its uses.

    A random arrangement has 0.5, uses on a square lattice 1.
    """
    centre = found.cell[:, :2] + found.cell[:, 2:] / 2
    distances = []
    for photo in range(len(found.photos)):
        uses = centre[found.photo == photo]
        if len(uses) > 1:
            nearest = np.sort(np.linalg.norm(uses[:, np.newaxis] - uses, axis=2), axis=1)[:, 1]
            distances.append(nearest / np.sqrt(found.cell[:, 2:].prod(axis=1).sum() / len(uses)))
    return float(np.concatenate(distances).mean())


@pytest.mark.parametrize("photos", [50, 200])
@pytest.mark.parametrize("adaptive", [False, True], ids=["regular", "adaptive"])
def test_repeats_of_a_photo_are_spread(
    cover: Path, monkeypatch: pytest.MonkeyPatch, photos: int, *, adaptive: bool
) -> None:
    pixels, library, grid = read_picture(cover).pixels, library_of(tiles_from(cover, photos)), make_grid(640, 427, 36)
    grid = adapt_grid(grid, pixels, []) if adaptive else grid
    spread = match_photos(pixels, grid, library, Silent())
    monkeypatch.setattr(perceptual_search, "CROWDING", 0.0)
    gathered = match_photos(pixels, grid, library, Silent())
    assert evenness(gathered) < 0.5  # as in a random arrangement, or less
    assert evenness(spread) > max(evenness(gathered) + 0.1, 0.58)
    before, after = (found.recipe["figures"] for found in (gathered, spread))
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert float(str(after["delta_e"])) < 1.1 * float(str(before["delta_e"]))
    assert float(str(after["ssim"])) > float(str(before["ssim"])) - 0.01


def test_repeats_are_not_spread_without_a_repeat_distance(cover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, library, grid = read_picture(cover).pixels, library_of(tiles_from(cover, 50)), make_grid(640, 427, 24)
    maps = []
    for weight in (perceptual_search.CROWDING, 0.0):
        monkeypatch.setattr(perceptual_search, "CROWDING", weight)
        maps.append(match_photos(pixels, grid, library, Silent(), rules=RepetitionRules(repeat_distance=0)))
    assert arrays_of(maps[1]) == arrays_of(maps[0])


def test_the_descriptor_of_a_transformed_picture_is_transformed(cover: Path) -> None:
    library = library_of(tiles_from(cover, 16))
    symmetry = np.arange(16, dtype=np.uint8) % 8
    found = describe_structure(library.signatures).turned(symmetry)
    expected = describe_structure(turned(library.signatures, symmetry))
    np.testing.assert_allclose(found.detail, expected.detail, atol=1e-3)
    np.testing.assert_allclose(found.below, expected.below, atol=1e-6)
