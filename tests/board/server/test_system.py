"""The machine is sampled while somebody looks, and no longer."""

import json
import threading

from tests.board.asking import until


def sampling():
    return [t for t in threading.enumerate() if t.name == "rushlight-board-system"]


def samples(socket, count):
    found = []
    while len(found) < count:
        message = json.loads(socket.recv(10))
        found += [message["sample"]] if message["type"] == "system" else []
    return found


def test_samples_come_while_a_page_looks(asking):
    assert asking.json("/api/system")["history"] == [] and not sampling()
    with asking.socket() as socket:
        socket.send('{"type": "system", "on": true}')
        (sample,) = samples(socket, 1)
        assert sample["disk"]["total"] > 0 and sample["time"] > 1e9
        socket.send('{"type": "system", "on": false}')
        until(lambda: not sampling())
        socket.send('{"type": "system", "on": true}')
        samples(socket, 1)
    until(lambda: not sampling())
    found = asking.json("/api/system")
    assert len(found["history"]) >= 2 and found["facts"]["processors"] >= 1


def test_a_second_page_shares_the_thread(asking):
    with asking.socket() as one, asking.socket() as two:
        for socket in (one, two):
            socket.send('{"type": "system", "on": true}')
        assert samples(one, 1) and samples(two, 1) and len(sampling()) == 1
        one.send('{"type": "system"}')
        while json.loads(one.recv(10))["type"] != "error":
            pass
        one.send('{"type": "system", "on": false}')
        assert samples(two, 1)
