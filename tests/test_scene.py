from dataclasses import dataclass

import numpy as np
import pytest
from conftest import StageFactory
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import InputError
from renderer.parameters import parameters
from renderer.scene import EASINGS, Animation, Camera, Motion, Stage, ease, parameter
from renderer.timeline import Show


@pytest.mark.parametrize("name", EASINGS)
def test_easings_start_and_end_at_speed_zero(name: str) -> None:
    x = np.linspace(0, 1, 2001)
    y = EASINGS[name](x)
    assert y[0] == pytest.approx(0)
    assert y[-1] == pytest.approx(1)
    assert (np.diff(y) >= -1e-12).all()
    assert np.abs(y + y[::-1] - 1).max() < 1e-9
    if name != "linear":
        assert max(y[1], 1 - y[-2]) < 1e-5


@given(st.floats(-5, 5), st.floats(0, 0.9))
def test_eased_progress_stays_between_zero_and_one(progress: float, start: float) -> None:
    assert 0 <= float(ease(progress, "cruise", start, start + 0.1)) <= 1


def test_cruise_has_constant_speed_in_the_middle() -> None:
    middle = np.diff(EASINGS["cruise"](np.linspace(0.4, 0.6, 50)))
    assert middle.std() < 1e-12


@dataclass(frozen=True)
class Spin(Animation):
    """Turn."""

    turns: float = parameter(1.0, "Number of turns", unit="turns", low=-10, high=10)
    axis: tuple[float, float] | None = parameter(None, "X,Y", low=0, high=1)

    def prepare(self, stage: Stage) -> Motion:
        return lambda _progress: stage.scene(stage.whole_camera())


def test_parameters_out_of_range_are_refused() -> None:
    assert parameters(Spin)["turns"].unit == "turns"
    Spin(turns=10, axis=(0.0, 1.0))
    for wrong in ({"turns": 10.5}, {"turns": float("nan")}, {"axis": (0.5, 1.5)}):
        with pytest.raises(InputError, match=r"(turns|axis)=.* is out of range: it must be from"):
            Spin(**wrong)  # type: ignore[arg-type]  # the table mixes types


def test_a_drift_enlarges_by_its_share_at_a_constant_rate() -> None:
    camera, spin = Camera((3.0, 2.0), 40.0), Spin(drift=0.1)
    assert spin.drifted(camera, 0.0) == camera
    assert spin.drifted(camera, 1.0).scale == pytest.approx(44)
    assert spin.drifted(camera, -1.0).scale == pytest.approx(40 / 1.1)
    assert spin.drifted(camera, 0.5).scale ** 2 == pytest.approx(40 * 44)
    assert Spin(drift=0).drifted(camera, 0.5) == camera


def test_renamed_stage_methods_still_work_with_a_warning(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((96, 64))
    with pytest.warns(DeprecationWarning, match=r"Stage\.chance is now Stage\.rng"):
        assert stage.chance().random() == stage.rng().random()
    with pytest.warns(DeprecationWarning, match=r"Stage\.place is now Stage\.position"):
        assert stage.place((0.5, 0.25)) == stage.position((0.5, 0.25))
    tiles, camera = stage.resting_sprites(), Camera((12.0, 8.0), 45.0)
    with pytest.warns(DeprecationWarning, match=r"Stage\.seen_tiles is now Stage\.visible_tiles"):
        assert len(stage.seen_tiles(tiles, camera)) == len(stage.visible_tiles(tiles, camera))
    with pytest.warns(DeprecationWarning, match=r"Stage\.rest_shares is now Stage\.pause_shares"):
        assert (stage.rest_shares([1.0, 1.5]) == stage.pause_shares([1.0, 1.5])).all()
    stage.textures.close()


def test_an_overridden_lasts_still_sets_the_default_duration_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"Animation\.lasts is now Animation\.default_duration") as warned:

        class OldSpin(Spin):
            def lasts(self) -> float:
                return 3.0 + super().lasts()

    assert warned[0].filename == __file__
    with pytest.warns(DeprecationWarning, match=r"Animation\.lasts"):
        assert OldSpin().default_duration() == 13
    with pytest.warns(DeprecationWarning, match=r"Animation\.lasts"):
        assert OldSpin().lasts() == 13
    with pytest.warns(DeprecationWarning, match=r"Animation\.lasts"):
        assert Show(timeline="zoom 4s").lasts() == 4


def test_an_animation_for_both_versions_causes_no_warning() -> None:
    class BothSpin(Spin):
        def default_duration(self) -> float:
            return 3.0

        def lasts(self) -> float:
            return 4.0

    assert BothSpin().default_duration() == 3
