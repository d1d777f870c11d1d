"""What stands between the studio's server and other programs, pages and users of this machine.

Only the page that was opened with the token may use the interface. Other pages in the same browser can send requests
to 127.0.0.1, under any name that resolves to it; so the host, the origin and what the browser says about the sender are
checked on every request, also for files without secrets. Sources: the Fetch Metadata and CSP specifications of the W3C.
"""

from __future__ import annotations

import asyncio
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY: Final = 1_000_000
"""Bytes of a request; the longest look has a few thousand."""

_BODY_SECONDS: Final = 10.0  # that a body may take from one part to the next

OPEN: Final = "/open"
"""Where the page exchanges the token for a cookie."""

_INTERFACE: Final = "/api/"

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of all answers. A file of the studio may change with the next version, so none is kept."""


class Guard:
    """Passes on the requests of the studio's own page, and refuses all others.

    `once`: another token, which opens one page only.
    """

    def __init__(self, app: ASGIApp, port: int, token: str, once: str) -> None:
        self._app, self._token, self._once = app, token, once
        self._host = f"127.0.0.1:{port}"
        self._cookie = f"studio-{port}"  # the ports of a host share their cookies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on with its body limited."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *ours]}
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None and scope["path"] == OPEN:
            refusal = await self._open(scope, receive)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, _limited(receive), send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request that does not come from the studio's page; None for one that does."""
        if headers.getlist("host") != [self._host]:
            return PlainTextResponse("another host", 421)
        if headers.get("origin", f"http://{self._host}") != f"http://{self._host}":
            return PlainTextResponse("another origin", 403)
        typed = scope["method"] == "GET" and scope["path"] == "/"  # into the address bar
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", *(("none",) if typed else ())):
            return PlainTextResponse("another site", 403)
        if not headers.get("content-length", "0").isdecimal() or int(headers.get("content-length", "0")) > LARGEST_BODY:
            return PlainTextResponse("too large", 413)
        if scope["path"].startswith(_INTERFACE) and not self._is_known(headers):
            return PlainTextResponse("no token", 401)
        return None

    def _is_known(self, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return cookie is not None and secrets.compare_digest(cookie.value.encode(), self._token.encode())

    async def _open(self, scope: Scope, receive: Receive) -> Response:
        """Answer a request with a token as its body: with a cookie."""
        if scope["method"] != "POST":
            return PlainTextResponse("not allowed", 405)
        body = b""
        receive_part = _limited(receive)
        while True:
            message = await receive_part()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if self._once and secrets.compare_digest(body, self._once.encode()):
            self._once = ""
        elif not secrets.compare_digest(body, self._token.encode()):
            return PlainTextResponse("another token", 401)
        answer = Response(status_code=204)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer


def _limited(receive: Receive) -> Receive:
    """Return a function that receives at most `LARGEST_BODY` bytes, without waiting for long; then the client is gone.

    An answer that is being made goes on waiting for the client's end.
    """
    left, complete = LARGEST_BODY, False

    async def receive_limited() -> Message:
        nonlocal left, complete
        if complete:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), _BODY_SECONDS)
        except TimeoutError:
            return {"type": "http.disconnect"}
        left -= len(message.get("body", b""))
        complete = not message.get("more_body")
        return message if left >= 0 else {"type": "http.disconnect"}

    return receive_limited
