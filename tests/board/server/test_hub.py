"""The hub alone: what a page is told that is just connecting."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("starlette")

from starlette.websockets import WebSocketDisconnect

from rushlight.board.logs.news import Changes
from rushlight.board.server.hub import Hub


class Slow:
    """A socket whose handshake takes until it is allowed to end; the page closes it after a message."""

    def __init__(self):
        self.opened, self.told, self.sent = asyncio.Event(), asyncio.Event(), []

    async def accept(self):
        await self.opened.wait()

    async def send_text(self, text):
        self.sent.append(json.loads(text)["type"])
        self.told.set()

    async def receive_text(self):
        await asyncio.wait_for(self.told.wait(), 5)
        raise WebSocketDisconnect


def test_what_changes_during_the_handshake_is_told_behind_it():
    async def connect():
        hub, socket = Hub(), Slow()
        serving = asyncio.create_task(hub.serve(socket))
        await asyncio.sleep(0)
        hub.publish(Changes(runs=True))
        assert socket.sent == []
        socket.opened.set()
        await serving
        assert not hub.clients
        return socket.sent

    with ThreadPoolExecutor(1) as elsewhere:  # a page test's browser keeps a loop in this thread
        assert elsewhere.submit(asyncio.run, connect()).result() == ["runs"]
