"""The start of the `render` command: `doctor` must run where nothing else can be imported."""

from __future__ import annotations

import sys
import warnings

from renderer.errors import RenderError
from renderer.streams import close_streams, open_streams


def main() -> int:
    """Run the command line; returns the exit code."""
    open_streams()
    return close_streams(_run())


def _run() -> int:
    if sys.argv[1:] == ["doctor"]:
        from renderer.doctor import main as doctor

        try:
            return doctor()
        except (RenderError, BrokenPipeError) as error:
            sys.stderr.write(f"render: {error}\n" if isinstance(error, RenderError) else "")
            return 1
    if not sys.warnoptions:  # what libraries warn of, with lines of their sources, is nothing that a user can mend
        warnings.simplefilter("ignore")
    try:
        from renderer.cli import main as command
    except ImportError as error:
        sys.stderr.write(f"render: a package can't be loaded ({error}): `render doctor` tells more\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return command()


if __name__ == "__main__":
    sys.exit(main())
