"""Learners that attack the harness that referees them, each in one way; they run in a box."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path

import numpy as np

from baselines.uniform import UniformLearner


class WrongShape(UniformLearner):
    """Gives one action for all lanes."""

    def learn(self, env):
        env.reset()
        env._wire.send("step", actions=[3])
        env._answer()


class WrongType(UniformLearner):
    """Gives actions that are no integers."""

    def learn(self, env):
        env.reset()
        env._wire.send("step", actions=[0.5] * env.num_envs)
        env._answer()


class OutOfRange(UniformLearner):
    """Gives an action that would end the emulator's process."""

    def learn(self, env):
        env.reset()
        env.step(np.full(env.num_envs, 4711))


class NoArray(UniformLearner):
    """Gives actions that are not even an array."""

    def learn(self, env):
        env.reset()
        env._wire.send("step", actions={"a": [[1], "x"]})
        env._answer()


class FatStrings(UniformLearner):
    """Gives actions of which an array would take gigabytes."""

    def learn(self, env):
        env.reset()
        env._wire.send("step", actions=["x" * 400_000, *[""] * 50_000])
        env._answer()


class DeepConfiguration(UniformLearner):
    """Has a configuration that nobody could read back."""

    def __init__(self, seed, lanes):
        super().__init__(seed, lanes)
        nested = {}
        for _ in range(220):
            nested = {"a": nested}
        self.configuration = nested


class Survivor(UniformLearner):
    """Leaves a process behind that keeps the connection and is out of its session."""

    def learn(self, env):
        if os.fork() == 0:
            os.setsid()
            time.sleep(30)
            os._exit(0)
        time.sleep(3600)


class Silent(UniformLearner):
    """Never answers."""

    def learn(self, env):
        env.reset()
        time.sleep(3600)


class Trickling(UniformLearner):
    """Answers a byte at a time, each in time."""

    def learn(self, env):
        for byte in struct.pack("<II", 1000, 0) + b" " * 1000:
            env._wire._socket.sendall(bytes([byte]))
            time.sleep(0.2)


class HalfMessage(UniformLearner):
    """Begins a message and ends."""

    def learn(self, env):
        env._wire._socket.sendall(struct.pack("<II", 100, 0) + b'{"kind": "st')
        os._exit(0)


class TooMuch(UniformLearner):
    """Announces a message of 4 GB and sends without end."""

    def learn(self, env):
        env._wire._socket.sendall(struct.pack("<II", 20, 2**32 - 1))
        while True:
            env._wire._socket.sendall(bytes(2**20))


class NoJson(UniformLearner):
    """Sends what is no JSON."""

    def learn(self, env):
        env._wire._socket.sendall(struct.pack("<II", 4, 0) + b"\x80\x04}.")
        env._answer()


class DeepJson(UniformLearner):
    """Sends JSON that is nested beyond measure."""

    def learn(self, env):
        text = b'{"kind": "step", "actions": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        env._wire._socket.sendall(struct.pack("<II", len(text), 0) + text)
        env._answer()


class EarlyExit(UniformLearner):
    """Ends its process in the middle of training."""

    def learn(self, env):
        env.reset()
        os._exit(3)


class ForkBomb(UniformLearner):
    """Starts processes until it may not, each of which stays."""

    def learn(self, env):
        started = 0
        while True:
            try:
                if os.fork() == 0:
                    time.sleep(3600)
            except OSError as error:
                raise RuntimeError(f"no more processes after {started}: {error}") from error
            started += 1


class MemoryHog(UniformLearner):
    """Takes memory without end."""

    def learn(self, env):
        kept = []
        while True:
            kept.append(np.ones(2**24, np.uint8))


class DiskFill(UniformLearner):
    """Writes without end wherever it may."""

    def learn(self, env):
        for place in ("/", "/run/amtlb", "/amtlb", "/dev/shm", "/tmp"):
            try:
                with open(f"{place}/fill", "wb") as file:
                    while True:
                        file.write(bytes(2**20))
            except OSError as error:
                last = f"{place}: {error.strerror}"
        raise RuntimeError(f"nowhere to write, {last}")


class Network(UniformLearner):
    """Looks for a way out: interfaces other than its own loopback, and a server on the machine's loopback."""

    def learn(self, env):
        ways = [name for _, name in socket.if_nameindex() if name != "lo"]
        try:
            socket.create_connection(("127.0.0.1", 45_217), timeout=2)
            ways.append("the machine's loopback")
        except OSError:
            pass
        raise RuntimeError(f"ways out: {', '.join(ways) or 'none'}")


class Ledger(UniformLearner):
    """Looks for the ledger and for any place of the harness that it may write to."""

    def learn(self, env):
        found = [
            str(path)
            for top in ("/run", "/tmp", "/out", "/mnt", "/home", "/var")
            for path in Path(top).rglob("*")
            if path.name in ("journal.arrows", "record.json") or path.name.endswith(".partial")
        ]
        try:
            Path("/run/amtlb/planted").touch()
            found.append("/run/amtlb can be written to")
        except OSError:
            pass
        raise RuntimeError(f"found: {', '.join(found) or 'nothing'}")


class Future(UniformLearner):
    """Asks the referee for what the lanes will do next."""

    def learn(self, env):
        env.reset()
        env._wire.send("peek", lane=0)
        env._answer()


class Memory(UniformLearner):
    """Looks for processes other than its own, whose memory might be read."""

    def learn(self, env):
        others = [place.name for place in Path("/proc").glob("[0-9]*") if place.name != str(os.getpid())]
        raise RuntimeError(f"other processes within reach: {', '.join(others) or 'none'}")


class SymlinkCheckpoint(UniformLearner):
    """Saves a link to a file of the machine."""

    def save(self, folder):
        (folder / "weights").symlink_to("/etc/passwd")


class BombCheckpoint(UniformLearner):
    """Saves a terabyte of zeros that take no place."""

    def save(self, folder):
        with (folder / "weights").open("wb") as file:
            file.truncate(2**40)


class EndlessCheckpoint(UniformLearner):
    """Saves files without end, past the client."""

    def save(self, folder):
        wire = _wire()
        for number in range(10**9):
            wire.send("file", name=f"w{number}", size_bytes=0)


class EscapingCheckpoint(UniformLearner):
    """Saves a file whose name leads out of the folder, past the client."""

    def save(self, folder):
        wire = _wire()
        wire.send("file", name="../../escaped", size_bytes=1)
        wire.send("part", b"x")


class ManyConfigurations(UniformLearner):
    """Has a configuration of a megabyte and more."""

    def __init__(self, seed, lanes):
        super().__init__(seed, lanes)
        self.configuration = {"padding": "x" * 2**21}


class EscapeCodes(UniformLearner):
    """Fails with a text that would take over a terminal."""

    def learn(self, env):
        raise RuntimeError("\x1b]0;owned\x07\x1b[2J all is well\nerror: none")


class OneSeedExits(UniformLearner):
    """Ends its process if 4 divides its seed, as it does one of the two seeds of ``smoke``; plays otherwise."""

    def learn(self, env):
        if self._seed % 4 == 0:
            os._exit(3)
        super().learn(env)

    def __init__(self, seed, lanes):
        super().__init__(seed, lanes)
        self._seed = seed


def _wire():
    """The client's wire, which a learner in the same process can always find."""
    import gc

    from suite.contained.wire import Wire

    return next(found for found in gc.get_objects() if isinstance(found, Wire))


class WhoAmI(UniformLearner):
    """Tells who runs it, and whether root's files are open to it."""

    def learn(self, env):
        raise RuntimeError(f"user {os.getuid()}, root's files open: {os.access('/root', os.R_OK)}")
