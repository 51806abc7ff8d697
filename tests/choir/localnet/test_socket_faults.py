"""Notifications that are lost, late, doubled, shuffled, stalled or cut off, as told."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.choir.localnet.helpers import RawRpc
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from choir.localnet import Localnet
from choir.localnet.faults import Fault, Faults
from choir.localnet.socket_faults import Disturber
from choir.localnet.testing import ManualClock


class Heard:
    """A socket that keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.open = True

    def send(self, message: str) -> None:
        self.messages.append(message)

    def cut(self) -> None:
        self.open = False


class Net:
    """A disturber with its faults and two sockets."""

    def __init__(self, seed: int = 0) -> None:
        self.faults = Faults(seed)
        self.clock = ManualClock()
        self.disturber = Disturber(self.faults, self.clock)
        self.socket, self.other = Heard(), Heard()

    def tell(self, *messages: str, method: str = "slotNotification") -> None:
        for message in messages:
            self.disturber.deliver(self.socket, method, message)


def test_a_message_is_lost_or_doubled() -> None:
    net = Net()
    net.faults.inject(Fault("loseMessage", skip=1, methods=("slotNotification",)))
    net.tell("account", method="accountNotification")
    net.tell("a", "b", "c")
    net.faults.inject(Fault("duplicateMessage"))
    net.tell("d", "e")
    assert net.socket.messages == ["account", "a", "c", "d", "d", "e"]


def test_messages_come_in_another_order_by_the_seed() -> None:
    def order(seed: int) -> list[str]:
        net = Net(seed)
        net.faults.inject(Fault("reorderMessage", messages=4))
        net.tell(*"abcd")
        assert sorted(net.socket.messages) == list("abcd")
        net.tell("e")
        assert net.socket.messages[4:] == ["e"]
        return net.socket.messages

    assert order(3) == order(3)
    assert len({tuple(order(seed)) for seed in range(20)}) > 5


def test_what_waits_for_others_comes_when_the_faults_are_over() -> None:
    net = Net()
    net.faults.inject(Fault("reorderMessage", messages=9))
    net.tell("a", "b")
    assert net.socket.messages == []
    net.faults.clear()
    assert net.socket.messages == ["a", "b"]


def test_a_stalled_socket_hears_it_all_later_and_others_hear_it_now() -> None:
    net = Net()
    net.faults.inject(Fault("stallSocket"))
    net.tell("a", "b")
    net.disturber.deliver(net.other, "slotNotification", "b")
    assert (net.socket.messages, net.other.messages) == ([], ["b"])
    net.faults.clear()
    net.tell("c")
    assert net.socket.messages == ["a", "b", "c"]


def test_nothing_is_kept_for_a_socket_that_is_gone() -> None:
    net = Net()
    net.faults.inject(Fault("stallSocket"))
    net.tell("a")
    net.disturber.forget(net.socket)
    net.faults.clear()
    assert net.socket.messages == []


async def test_a_late_message_is_overtaken() -> None:
    net = Net()
    net.faults.inject(Fault("delayMessage", seconds=5))
    net.tell("a", "b")
    await net.clock.waiting()
    assert net.socket.messages == ["b"]
    net.clock.tick(5)
    for _ in range(3):
        await asyncio.sleep(0)
    assert net.socket.messages == ["b", "a"]


@pytest.mark.parametrize(("before", "heard"), [(False, ["a"]), (True, [])])
def test_a_socket_is_cut(before: bool, heard: list[str]) -> None:
    net = Net()
    net.faults.inject(Fault("cutSocket", before=before))
    net.tell("a")
    assert net.socket.messages == heard
    assert not net.socket.open


async def test_it_reaches_real_sockets(localnet: Localnet, rpc: RawRpc) -> None:
    await rpc("localnet_injectFault", {"kind": "loseMessage"})
    await rpc("localnet_injectFault", {"kind": "cutSocket", "skip": 1})
    async with connect(localnet.ws_url) as socket:
        call = {"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe"}
        await socket.send(json.dumps(call))
        # What answers a request is no notification.
        assert json.loads(await socket.recv())["id"] == 1
        first = await rpc("localnet_advance", 3)
        told = [json.loads(await socket.recv())["params"]["result"]["slot"] for _ in range(2)]
        assert told == [first, first + 1]
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
