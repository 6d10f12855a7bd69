"""Who may ask: the page that this server sent to this machine's browser, and nobody else's page.

A page of any site can make a browser send requests to 127.0.0.1, or, by DNS rebinding, to a name that points
there. So the Host must be a name we go by, an Origin must be ours, and from other machines a token is asked.
What logs hold is shown under a policy that runs no script but our own.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "rushlight-board"
VISDOM_COOKIE = "user_password"  # the one cookie that Visdom's client sends with its socket
PAGE = Path(__file__).parent.parent / "page"


def policy() -> str:
    """The content security policy: scripts are our files and the import map of the page, by its hash."""
    inline = re.findall(
        r'<script type="importmap">(.*?)</script>', (PAGE / "index.html").read_text("utf-8"), re.S
    )
    hashes = " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in inline)
    return f"script-src 'self' {hashes}; {_POLICY}"


_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


class Guard:
    """ASGI middleware: checks Host and Origin, asks for the token if there is one, adds the headers."""

    def __init__(self, app: ASGIApp, names: tuple[str, ...] = LOOPBACK, token: str | None = None) -> None:
        self.app, self.names, self.token, self.policy = app, names, token, policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        refusal = self.refusal(scope)
        if refusal is not None:
            return await self._refuse(refusal, scope, receive, send)
        if self.token is not None and scope.get("method") == "POST" and scope["path"] == "/":
            return await self._log_in(scope, receive, send)
        if self._token_in_address(scope):
            return await self._remember(scope, receive, send)
        await self.app(scope, receive, _with_headers(send, self.policy))

    def refusal(self, scope: Scope) -> str | None:
        """Why a request is refused, in words; None if it isn't."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if "*" not in self.names and _hostname(f"//{host}") not in self.names:
            known = ", ".join(self.names)
            return f"This board answers to {known}, not to {host!r}. Start it with --host to change that."
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host:
            return f"A page of {origin} may not ask this board."
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return "A page of another site may not ask this board."
        logs_in = scope["type"] == "http" and scope.get("method") == "POST" and scope["path"] == "/"
        if self.token is not None and not logs_in and not self._knows_token(scope, headers):
            return "This board asks for a token: open the address it printed when it started."
        return None

    def _knows_token(self, scope: Scope, headers: Headers) -> bool:
        assert self.token is not None
        given = [_cookie(headers.get("cookie", ""), name) for name in (COOKIE, VISDOM_COOKIE)]
        given += [headers.get("authorization", "").removeprefix("Bearer ")]
        given += parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return any(hmac.compare_digest(text.encode(), self.token.encode()) for text in given)

    def _token_in_address(self, scope: Scope) -> bool:
        query = scope["query_string"].decode("latin-1")
        return (
            self.token is not None and scope["type"] == "http" and scope["path"] == "/" and "token=" in query
        )

    async def _remember(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn the token of the first address into a cookie, so that it isn't in the ones that follow."""
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            COOKIE,
            self.token or "",
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",  # a board itself speaks plain http
            max_age=30 * 86400,
        )
        await response(scope, receive, send)

    async def _log_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What visdom.Visdom(username, password) posts first; the password is the token, sent as SHA-256."""
        body, more = b"", True
        while more and len(body) < 1 << 12:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        try:
            given = str(json.loads(body)["password"])
        except (ValueError, LookupError, TypeError, RecursionError):
            given = ""
        known = sha256((self.token or "").encode()).hexdigest()
        if not hmac.compare_digest(given.encode("utf-8", "replace"), known.encode()):
            why = "The password of Visdom's client is this board's token."
            return await self._refuse(why, scope, receive, send)
        response = PlainTextResponse("")
        for name in (COOKIE, VISDOM_COOKIE):
            response.set_cookie(name, self.token or "", httponly=True, samesite="strict")
        await response(scope, receive, send)

    async def _refuse(self, why: str, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": why[:120]})
        else:
            await PlainTextResponse(why + "\n", status_code=403)(scope, receive, send)


def _cookie(text: str, name: str) -> str:
    try:
        cookie = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _place(origin: str) -> str | None:
    """The host and port of an origin; None of what is none ("null", a file's)."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send, policy: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", policy)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
