"""Work that takes long, as the page sees it: how far it is, what went wrong, and how it is cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from renderer.errors import Cancelled, RenderError
from renderer.messages import Spelling, spelled
from renderer.progress import Advance


class Work:
    """The `Progress` of one piece of work, which one thread does and others look at."""

    def __init__(self, subject: object = None) -> None:
        """Begin. `subject`: what it is about, to compare with."""
        self.subject = subject
        self.running = True
        self.cancelled = False
        self.error = ""  # one sentence, with parameters marked
        self.result: object = None
        self.notices: list[str] = []
        self._stage, self._done, self._total, self._unit = "", 0, 0, ""

    def cancel(self) -> None:
        """Stop the work at its next step."""
        self.cancelled = True

    def run(self, work: Callable[[], object]) -> None:
        """Do the work, and keep its result or what went wrong."""
        try:
            self.result = work()
        except Cancelled:
            self.cancelled = True
        except RenderError as error:
            self.error = error.text
        except Exception as error:  # of a plugin, for example
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self.running = False

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Count the units of a stage; raises Cancelled once the work is cancelled."""
        outer = self._stage, self._done, self._total, self._unit
        self._stage, self._done, self._total, self._unit = name, 0, total, unit

        def advance(units: int) -> None:
            if self._stage == name:  # not one within it
                self._done += units
            if self.cancelled:
                raise Cancelled

        advance(0)
        try:
            yield advance
        finally:
            self._stage, self._done, self._total, self._unit = outer if outer[0] else (name, total, total, unit)

    def notice(self, message: str) -> None:
        """Keep a line for the user."""
        self.notices.append(message)

    def as_json(self, spelling: Spelling) -> dict[str, object]:
        """Return its state as JSON."""
        return {
            "running": self.running, "cancelled": self.cancelled, "stage": self._stage, "done": self._done,
            "total": self._total, "unit": self._unit, "error": spelled(self.error, spelling),
            "notices": [spelled(each, spelling) for each in self.notices], "result": self.result,
        }  # fmt: skip
