"""The studio's server: the files of its page, and an interface of JSON and pictures for them."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from renderer.data_files import parse_json
from renderer.errors import InputError, RenderError
from renderer.grid import find_cell
from renderer.job import Summary, named_output, render_videos
from renderer.messages import Spelling, named, names_in, spelled
from renderer.parameters import parse_cell, parse_colour
from renderer.plugins import installed, load_animation
from renderer.preset import load_preset, preset_files
from renderer.settings import SECTIONS
from renderer.studio.controls import animation_table, controls_of, values_as_json
from renderer.studio.guard import Guard
from renderer.studio.looks import Look
from renderer.studio.music import TRACKS, Music
from renderer.studio.saved import save_look
from renderer.studio.session import NotMatched, Replaced, Session, as_jpeg, as_png
from renderer.studio.work import Work

if TYPE_CHECKING:
    from renderer.cover_names import CoverName

Made = TypeVar("Made")

_LOOKS: Final = 256  # that are remembered; the page sends one again that was forgotten
_CONNECTIONS: Final = 64
_HEADER_SECONDS: Final = 10.0  # until a connection must have sent a request
_SIDES: Final = range(16, 4097)  # of a frame, in pixels
_SHELF: Final = 60  # photos that are told at once
_MOST_TRACKS: Final = 100

_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class ForgottenError(Exception):
    """A look is not remembered."""


FormatLook = Callable[[str, Mapping[str, object]], str]
"""Formats an animation and its values as a command line."""


class Texts(NamedTuple):
    """How a look and a message are written, which the command line knows."""

    command: FormatLook  # to copy
    stored: FormatLook  # for the metadata of a file: without local paths
    spelling: Spelling


class Studio:
    """What the page can ask for.

    Owns four threads: those of the session, one that encodes pictures, and one that renders videos; and the folder of
    the music.
    """

    def __init__(self, cover: CoverName | None, first: Look, texts: Texts) -> None:
        """Begin to match the mosaic of the first look."""
        self._cover, self._texts, self._spelling = cover, texts, texts.spelling
        self._looks: dict[str, Look] = {}
        self._encoders = ThreadPoolExecutor(1, thread_name_prefix="studio-encoding")
        self._renderer = ThreadPoolExecutor(1, thread_name_prefix="studio-rendering")
        self._files: list[Path] = []  # that were rendered
        self.rendering = Work()
        self.rendering.running = False
        self._first = first
        self.quit: Callable[[], None] = lambda: None  # ends the server
        self.session, self._music = Session(), Music()
        self.session.match(first)

    def close(self) -> None:
        """Stop all threads, and close the mosaic."""
        self.rendering.cancel()
        self.session.close()
        self._encoders.shutdown()
        self._renderer.shutdown(cancel_futures=True)
        self._music.close()

    def routes(self) -> list[Route]:
        """Return the routes of the interface."""
        page = files("renderer.studio") / "page"
        static = [
            Route("/" if each.name == "studio.html" else f"/{each.name}", partial(_file, each.read_bytes(), each.name))
            for each in page.iterdir()
            if each.name.rpartition(".")[2] in _TYPES
        ]
        return [
            *static,
            Route("/api/start", self._answered(self._start)),
            Route("/api/look", self._answered(self._look), methods=["POST"]),
            Route("/api/match/{look}", self._answered(self._match), methods=["POST"]),
            Route("/api/matching", self._answered(self._matching)),
            Route("/api/render/{look}", self._answered(self._render), methods=["POST"]),
            Route("/api/rendering", self._answered(self._rendering)),
            Route("/api/rendering/cancel", self._answered(self._cancel_render), methods=["POST"]),
            Route("/api/file/{number:int}", self._answered(self._made)),
            Route("/api/save", self._answered(self._save), methods=["POST"]),
            Route("/api/quit", self._answered(self._quit), methods=["POST"]),
            Route("/api/matching/cancel", self._answered(self._cancel), methods=["POST"]),
            Route("/api/frame/{look}/{number:int}", self._answered(self._frame)),
            Route("/api/place/{look}/{number:int}", self._answered(self._place)),
            Route("/api/cell/{look}", self._answered(self._cell)),
            Route("/api/landings/{look}", self._answered(self._landings)),
            Route("/api/photos/{look}", self._answered(self._photos)),
            Route("/api/photo/{mosaic:int}/{number:int}", self._answered(self._photo)),
            Route("/api/waveform/{look}", self._answered(self._waveform)),
            Route("/api/sound/{look}", self._answered(self._sound)),
        ]

    def _answered(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that tells errors as JSON, in one sentence."""

        async def endpoint(request: Request) -> Response:
            try:
                return await answer(request)
            except Replaced:
                return Response(status_code=204)
            except NotMatched as error:
                return JSONResponse({"error": error.message(self._spelling), "matching": True}, 409)
            except ForgottenError:
                return JSONResponse({"error": "this look is not known any more", "forgotten": True}, 410)
            except RenderError as error:
                return JSONResponse({"error": error.message(self._spelling), "names": names_in(error.text)}, 400)
            except ClientDisconnect:
                return Response(status_code=400, headers={"Connection": "close"})  # the body is too long, or late
            except Exception as error:  # of a plugin, for example: the page says it, and goes on
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 500)

        return endpoint

    def _known(self, request: Request) -> Look:
        """Return the look that a request names. Raises ForgottenError for one that is not remembered."""
        look = self._looks.get(request.path_params["look"])
        if look is None:
            raise ForgottenError
        return look

    # -- Endpoints -------------------------------------------------------------------------------------------------

    async def _start(self, _request: Request) -> Response:
        kinds: dict[str, Any] = {}
        notices: list[str] = []
        for name in installed():
            try:
                kinds[name] = animation_table(name, load_animation(name))
            except InputError as error:
                notices.append(error.message(self._spelling))
        presets = []
        for name in preset_files():
            try:
                preset = load_preset(name)
            except InputError as error:
                notices.append(error.message(self._spelling))
            else:
                own = {each: values_as_json(values) for each, values in preset.animations.items()}
                values = values_as_json(preset.values)
                presets.append({"name": name, "about": preset.description, "values": values, "animations": own})
        settings = [{"title": title, "controls": controls_of(owner)} for title, owner in SECTIONS.items()]
        return JSONResponse({
            "animations": kinds, "settings": settings, "presets": presets, "notices": notices,
            "look": self._first.as_table(), "tracks": self._tracks(),
        })  # fmt: skip

    def _tracks(self) -> list[str]:
        """Return the music in the current folder and in that of the cover."""
        folders = dict.fromkeys([Path(), *([self._cover.parent] if isinstance(self._cover, Path) else [])])
        found = [each for folder in folders for each in folder.iterdir() if each.suffix.lower() in TRACKS]
        return sorted(str(each) for each in found)[:_MOST_TRACKS]

    async def _look(self, request: Request) -> Response:
        """Check a look, remember it, and tell how long it is and how it is made on the command line."""
        look = Look.read(self._cover, await _json(request))
        self._looks.pop(look.key, None)
        self._looks[look.key] = look
        while len(self._looks) > _LOOKS:
            del self._looks[next(iter(self._looks))]
        output = look.job.output
        told = {
            "look": look.key, "frames": look.frames, "fps": float(output.fps), "entries": look.entries(),
            "command": self._texts.command(look.animation, _with_preset(look)),
            "campaign": look.as_campaign(), "preset": look.as_preset(), "sound": look.job.sound.music is not None,
        }  # fmt: skip
        try:
            shown = self.session.shown(look)
        except NotMatched:
            return JSONResponse({**told, "matched": False})
        size = output.frame_size(shown.mosaic.placement.cover_size, even=False)
        notices = [spelled(each, self._spelling) for each in shown.notices]
        return JSONResponse({**told, "matched": True, "mosaic": shown.number, "size": size, "notices": notices})

    async def _match(self, request: Request) -> Response:
        return self._told(self.session.match(self._known(request)))

    async def _matching(self, _request: Request) -> Response:
        return self._told(self.session.matching)

    async def _cancel(self, _request: Request) -> Response:
        self.session.matching.cancel()
        return self._told(self.session.matching)

    async def _render(self, request: Request) -> Response:
        """Render a look to a new file in the current folder; also for several presets, each to a file."""
        look = self._known(request)
        match await _json(request):
            case {"presets": [_, *_] as names}:
                looks = [look.with_preset(str(name)) for name in dict.fromkeys(map(str, names))]
            case _:
                looks = [look]
        _ = [each.job for each in looks]
        if self.rendering.running:
            raise InputError("A video is being rendered: wait for it, or cancel it")
        self.rendering = Work()
        self._renderer.submit(self.rendering.run, partial(self._write, looks, self.rendering))
        return self._told(self.rendering)

    async def _rendering(self, _request: Request) -> Response:
        return self._told(self.rendering)

    async def _cancel_render(self, _request: Request) -> Response:
        self.rendering.cancel()
        return self._told(self.rendering)

    def _write(self, looks: Sequence[Look], work: Work) -> object:
        jobs = []
        for look in looks:
            suffix = f".{look.job.file.format or 'mp4'}"
            path = free_path(named_output(None, self._cover, look.animation, look.preset, suffix))
            jobs.append(replace(look.job, path=path, command=self._texts.stored(look.animation, _with_preset(look))))
        made = []
        for summary in render_videos(jobs, work):
            self._files.append(summary.output)
            folder = str(summary.output.absolute().parent)
            name = summary.output.name
            made.append({"file": len(self._files) - 1, "name": name, "folder": folder, "rules": _rules(summary)})
        return made

    async def _made(self, request: Request) -> Response:
        """Return a file that was rendered, by its number."""
        number = request.path_params["number"]
        if number >= len(self._files):
            raise InputError("there is no such file")
        return FileResponse(self._files[number])

    def _told(self, work: Work) -> Response:
        return JSONResponse(work.as_json(self._spelling))

    async def _save(self, request: Request) -> Response:
        """Save a look beside its cover."""
        path = await run_in_threadpool(save_look, Look.read(self._cover, await _json(request)))
        return JSONResponse({"name": path.name})

    async def _quit(self, _request: Request) -> Response:
        self.quit()
        return JSONResponse({})

    async def _frame(self, request: Request) -> Response:
        """Draw a frame. `page`: whose newest request this is; `exact`: as a PNG, instead of a JPEG."""
        look, number = self._known(request), request.path_params["number"]
        query = request.query_params
        future = self.session.picture(look, number, _size(request, look), query.get("page", ""))
        picture = await asyncio.wrap_future(future)
        exact = "exact" in query
        encode = as_png if exact else as_jpeg
        content = await asyncio.get_running_loop().run_in_executor(self._encoders, encode, picture)
        return Response(content, media_type="image/png" if exact else "image/jpeg")

    async def _place(self, request: Request) -> Response:
        """Tell which photo a frame shows at a point: `x` and `y` in fractions of the frame."""
        look = self._known(request)
        size = _size(request, look)
        try:
            x, y = (float(request.query_params.get(axis, "")) * side for axis, side in zip("xy", size, strict=True))
        except ValueError as error:
            raise InputError("x and y are numbers from 0 to 1") from error
        photos = self.session.shown(look).photos
        cell = await asyncio.wrap_future(self.session.place(look, request.path_params["number"], size, (x, y)))
        return JSONResponse({"place": None if cell is None else photos.place(cell)})

    async def _cell(self, request: Request) -> Response:
        """Tell which photo a cell shows: `cell`, its column and row."""
        photos = self.session.shown(self._known(request)).photos
        position = parse_cell(request.query_params.get("cell", ""), "cell")
        return JSONResponse({"place": photos.place(find_cell(photos.placement.grid, position))})

    async def _landings(self, request: Request) -> Response:
        """Tell the best cells to land on, the best first."""
        shown = self.session.shown(self._known(request))
        cells = await self._while_shown(shown.number, partial(getattr, shown.mosaic, "landings"))
        return JSONResponse({"mosaic": shown.number, "places": [shown.photos.place(cell) for cell in cells]})

    async def _photos(self, request: Request) -> Response:
        """Tell a page of the photos that match: `text`, `colour` (#rrggbb), `used` (0 or 1), `start`."""
        shown, query = self.session.shown(self._known(request)), request.query_params
        colour = parse_colour(query["colour"], "colour") if query.get("colour") else None
        used, start = {"0": False, "1": True}.get(query.get("used", "")), _whole(query.get("start", ""))
        found = await run_in_threadpool(partial(shown.photos.search, query.get("text", ""), colour, used=used))
        some = [shown.photos.as_json(number) for number in found[start : start + _SHELF]]
        return JSONResponse({"mosaic": shown.number, "total": len(found), "photos": some})

    async def _photo(self, request: Request) -> Response:
        """Return a small picture of a photo. `mosaic`: the number of the one that it belongs to."""
        mosaic, number = request.path_params["mosaic"], request.path_params["number"]
        photos = self.session.photos_of(mosaic)
        if photos is None or number >= len(photos):
            raise InputError("there is no such photo")
        content = await self._while_shown(mosaic, lambda: as_jpeg(photos.thumbnail(number)))
        return Response(content, media_type="image/jpeg")

    async def _while_shown(self, mosaic: int, work: Callable[[], Made]) -> Made:
        """Do work with a mosaic in another thread. Raises NotMatched if it fails as another one is shown meanwhile."""
        try:
            return await run_in_threadpool(work)
        except RenderError as error:
            if self.session.photos_of(mosaic) is None:
                raise NotMatched("another mosaic is shown") from error
            raise

    async def _waveform(self, request: Request) -> Response:
        look = self._known(request)
        return JSONResponse({"peaks": await run_in_threadpool(self._music.peaks, look)})

    async def _sound(self, request: Request) -> Response:
        path = await run_in_threadpool(self._music.sound, self._known(request))
        return FileResponse(path, media_type="audio/ogg")


def _rules(summary: Summary) -> str:
    """Return how many rules of its preset's platform a video meets, and which it does not; "" without any."""
    broken = [f"{check.rule} is {check.found}, asked: {check.asked}" for check in summary.checks if not check.kept]
    if not summary.checks:
        return ""
    met = f"{len(summary.checks) - len(broken)} of {len(summary.checks)} rules of {summary.preset} met"
    return "; ".join([met, *broken])


def _size(request: Request, look: Look) -> tuple[int, int]:
    """Return the size of a frame that is asked for. Raises InputError for a wrong size, and for a wrong number."""
    query = request.query_params
    width, height = (_whole(query.get(side, "")) for side in ("w", "h"))
    if width not in _SIDES or height not in _SIDES:
        raise InputError(f"a frame has from {_SIDES[0]} to {_SIDES[-1]} pixels on each side")
    if request.path_params["number"] >= look.frames:
        raise InputError(f"the last frame is {look.frames - 1}")
    return width, height


def _whole(text: str) -> int:
    """Return a whole number, 0 for what is none or too long."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _with_preset(look: Look) -> Mapping[str, object]:
    """Return the values of a look's command line."""
    return {"preset": (look.preset,), **look.values} if look.preset else look.values


def free_path(path: Path) -> Path:
    """Return a path, or with a number added, one that does not exist."""
    for number in itertools.count(2):
        if not path.exists():
            break
        path = path.with_stem(f"{path.stem.removesuffix(f'-{number - 1}')}-{number}")
    return path


async def _file(content: bytes, name: str, _request: Request) -> Response:
    return Response(content, media_type=_TYPES[name.rpartition(".")[2]])


async def _json(request: Request) -> object:
    try:
        return parse_json(await request.body())
    except ValueError as error:
        raise InputError("this is not JSON") from error


class _Server(uvicorn.Server):
    """A server that calls a function as soon as it answers, and signals end it in order."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], object]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start answering."""
        await super().startup(sockets)
        self._started()


class _Impatient(H11Protocol):
    """A connection that is closed if no request arrives."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start waiting."""
        super().connection_made(transport)
        self.loop.call_later(_HEADER_SECONDS, self._close_unused)

    def _close_unused(self) -> None:
        if not self.cycle:
            self.transport.close()


def serve(studio: Studio, port: int, opened: Callable[[str, str], None]) -> None:
    """Serve a studio on 127.0.0.1 until the process is interrupted, or the page ends it.

    `port`: 0 for a free one. `opened`: called as soon as the page answers, with its address, and with another one that
    can be used once: for a browser's command line, which all users of the machine can read. Raises InputError if the
    port is in use.
    """
    token, once = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    # asyncio switches Nagle's algorithm off only if the protocol is named; short answers would take 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        if os.name == "posix":  # elsewhere, another program could listen at the same port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                f"{named('port', port)} can't be used ({error.strerror}): choose another one, or 0 for a free one"
            ) from error
        listening.listen(256)
        number = listening.getsockname()[1]
        app = Guard(Starlette(routes=studio.routes()), number, token, once)
        config = uvicorn.Config(
            app, http=_Impatient, ws="none", lifespan="off", log_config=None, log_level="critical", access_log=False,
            server_header=False, limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=2,
        )  # fmt: skip
        page = f"http://127.0.0.1:{number}/#"
        server = _Server(config, partial(opened, f"{page}{token}", f"{page}{once}"))
        studio.quit = partial(setattr, server, "should_exit", True)
        server.run(sockets=[listening])
