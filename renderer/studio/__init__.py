"""The studio: a page on this machine in which an animation plays and every parameter is a control.

`looks` describes what is seen, and `saved` keeps it beside its cover; `session` matches its mosaic and draws its
frames, each in a thread; `work` is what takes long; `server` answers the page (`page/`), and `guard` refuses everything
else. `controls` turns declarations of parameters into JSON.
"""

from renderer.studio.controls import as_label
from renderer.studio.looks import Look
from renderer.studio.saved import load_look
from renderer.studio.server import Studio, Texts, serve

__all__ = ["Look", "Studio", "Texts", "as_label", "load_look", "serve"]
