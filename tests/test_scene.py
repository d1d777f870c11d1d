from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import InputError
from renderer.parameters import parameters
from renderer.scene import EASINGS, Animation, Motion, Stage, ease, parameter


@pytest.mark.parametrize("name", EASINGS)
def test_easings_run_from_rest_to_rest(name: str) -> None:
    x = np.linspace(0, 1, 2001)
    y = EASINGS[name](x)
    assert y[0] == pytest.approx(0)
    assert y[-1] == pytest.approx(1)
    assert (np.diff(y) >= -1e-12).all()
    assert np.abs(y + y[::-1] - 1).max() < 1e-9
    if name != "linear":
        assert max(y[1], 1 - y[-2]) < 1e-5


@given(st.floats(-5, 5), st.floats(0, 0.9))
def test_easing_stays_within_its_span(progress: float, start: float) -> None:
    assert 0 <= float(ease(progress, "cruise", start, start + 0.1)) <= 1


def test_a_cruise_is_steady_in_the_middle() -> None:
    middle = np.diff(EASINGS["cruise"](np.linspace(0.4, 0.6, 50)))
    assert middle.std() < 1e-12


@dataclass(frozen=True)
class Spin(Animation):
    """Turn."""

    turns: float = parameter(1.0, "How often", unit="turns", low=-10, high=10)
    axis: tuple[float, float] | None = parameter(None, "X,Y", low=0, high=1)

    def prepare(self, stage: Stage) -> Motion:
        return lambda _progress: stage.scene(stage.whole_camera())


def test_parameters_are_declared_once_and_checked() -> None:
    assert parameters(Spin)["turns"].unit == "turns"
    Spin(turns=10, axis=(0.0, 1.0))
    for wrong in ({"turns": 10.5}, {"turns": float("nan")}, {"axis": (0.5, 1.5)}):
        with pytest.raises(InputError, match=r"(turns|axis)=.* is out of range: it must be from"):
            Spin(**wrong)  # type: ignore[arg-type]  # the table mixes types
