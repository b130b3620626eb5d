"""The contract test that is shipped for learners: ``check_learner("my_module:make")``.

It plays a few hundred steps of real games, so it needs a minute at most, and raises an error with the first
thing that is not as the contract says. ``amtlb check`` runs it in a process of its own, as runs are.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Never

import numpy as np
import numpy.typing as npt

from protocol import AmtlbError, BudgetExhausted, LearnerError, Protocol, current_protocol
from suite.digests import folder_digest
from suite.lanes.environment import LaneEnv
from suite.lanes.shape import checked_actions
from suite.learners.answering import say_error
from suite.learners.boundary import learners_own
from suite.learners.contract import Learner, MakeLearner, Resumable, checked_configuration, find_learner
from suite.learners.practice import CHECKED_GAMES, CHECKED_STEPS, practice_lanes

_RUNS_CODE = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
"""The opcodes with which a pickle names or calls a function, of any protocol."""


def check_learner(
    name: str, *, steps_per_lane: int = CHECKED_STEPS, overrun: Callable[[str], None] | None = None
) -> None:
    """Check that a learner satisfies the contract (see suite.learners.contract).

    Checked: the configuration is JSON-able and the same for every seed; ``act`` gives integers (L,) from 0 to
    17 and changes neither its inputs nor the weights; ``learn`` plays until the budget is spent; ``save``
    writes plain files and nothing that names its folder; a loaded learner saves what it was loaded from, and
    learns on; the same seed learns the same to the bit and acts the same from a checkpoint, and another seed
    acts otherwise; one that can be resumed acts on from its state as if it had not been broken off. At the end
    it prints that all of this passed, and what it did not try.

    It plays a few hundred steps of real games and takes a minute at most.

    Args:
        name: ``module:function``.
        steps_per_lane: agent steps that each lane plays; give more than the learner needs to learn once.
        overrun: called with an error if ``learn`` catches every error and never ends; None: it never ends.

    Raises:
        UnknownName: there is no such learner.
        LearnerError: the contract is broken; the message says where.
        ValueError: ``learn`` gave the lanes actions that cannot be played.
        Exception: the learner's own.

    Example:
        >>> import amtlb
        >>> amtlb.check_learner("baselines.uniform:make")  # doctest: +ELLIPSIS
        passed: baselines.uniform:make keeps the contract in 320 agent steps of breakout and pong
        ...
    """
    protocol = current_protocol()
    make = find_learner(name)
    practice = partial(practice_lanes, steps_per_lane=steps_per_lane, overrun=overrun)
    first = _trained(make, protocol, practice)
    if checked_configuration(first)[1] != checked_configuration(make(2, protocol.lanes))[1]:
        raise LearnerError("configuration differs between seeds; it may hold hyper-parameters only")
    with tempfile.TemporaryDirectory(prefix="amtlb-") as scratch:
        saved = _saved(first, Path(scratch) / "first")
        twice = _saved(first, Path(scratch) / "twice")
        _same(saved, twice, "save, called twice, wrote different files: it may write what was learned only")
        _check_act(first, protocol)
        _same(saved, _saved(first, Path(scratch) / "acted"), "act changed what save writes: it must not learn")
        second = _trained(make, protocol, practice)
        again = _saved(second, Path(scratch) / "again")
        _same(saved, again, "the same seed saved another checkpoint: learning is not deterministic")
        loaded = make(3, protocol.lanes)
        loaded.load(Path(scratch) / "first")
        _same(saved, _saved(loaded, Path(scratch) / "loaded"), "load and save give another checkpoint")
        _check_seeds(make, protocol, Path(scratch) / "first")
        _check_resuming(make, protocol, Path(scratch))
        _play_all(loaded, protocol, practice())
        learned = _learned(make, protocol, saved, Path(scratch) / "new")
    print(_report(name, protocol, steps_per_lane, learned))


def _learned(make: MakeLearner, protocol: Protocol, saved: str, folder: Path) -> bool:
    """True if training changed what is saved, or if the learner cannot save before it has learned."""
    try:
        return _saved(make(1, protocol.lanes), folder) != saved
    except Exception:
        return True


def _report(name: str, protocol: Protocol, steps_per_lane: int, learned: bool) -> str:
    steps, others = steps_per_lane * protocol.lanes, len(protocol.games) - len(CHECKED_GAMES)
    lines = [
        f"passed: {name} keeps the contract in {steps:,} agent steps of {' and '.join(CHECKED_GAMES)}",
        "not tried: what it learns, the whole budget of a run, its memory and its time "
        "(`amtlb benchmark --dry-run` estimates those)",
        f"not tried: the other {others} games, a GPU, a box, other types of CPU, a stop while it learns",
        "not tried: whether it holds knowledge of particular games (rule I1): reviewers read its code for that",
    ]
    if not learned:
        lines.insert(1, f"not tried: learning; {steps_per_lane} steps per lane left what it saves as it was")
    return "\n".join(lines)


def _trained(make: MakeLearner, protocol: Protocol, practice: Callable[[], LaneEnv]) -> Learner:
    learner = make(1, protocol.lanes)
    _play_all(learner, protocol, practice())
    return learner


def _play_all(learner: Learner, protocol: Protocol, env: LaneEnv) -> None:
    """Let a learner learn on practice lanes; it must spend their budget."""
    try:
        learner.learn(env)
    except BudgetExhausted:
        pass
    env.reset()
    try:
        env.step(np.zeros(protocol.lanes, np.int64))
    except BudgetExhausted:
        return
    raise LearnerError("learn returned before the budget was spent; play until env.step raises BudgetExhausted")


def _saved(learner: Learner, folder: Path) -> str:
    folder.mkdir()
    learner.save(folder)
    if not any(folder.iterdir()):
        raise LearnerError("save wrote nothing")
    for path in folder.rglob("*"):
        if path.is_file() and str(folder).encode() in path.read_bytes():
            raise LearnerError(
                f"save wrote the name of its folder into {path.name}; the digest would depend on it"
            )
        if path.is_file() and holds_pickle(path):
            raise LearnerError(
                f"{path.name} holds a pickle, and reading a pickle runs code; use safetensors or JSON"
            )
    return folder_digest(folder)


def holds_pickle(path: Path) -> bool:
    """True if a file is a pickle, an array of objects, or a zip that has one, as ``torch.save`` writes it."""
    if not zipfile.is_zipfile(path):
        return _is_pickle(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        return any(_is_pickle(archive.read(name)) for name in archive.namelist())


def _is_pickle(data: bytes) -> bool:
    if data.startswith(np.lib.format.MAGIC_PREFIX):
        try:
            np.load(io.BytesIO(data), allow_pickle=False)
        except ValueError:  # an array of objects
            return True
        return False
    try:
        opcodes = [(opcode.name, place) for opcode, _, place in pickletools.genops(data)]
    except Exception:  # whatever else it is; genops fails in many ways
        return False
    if data[:1] == pickle.PROTO:
        return True
    ends = opcodes[-1][1] == len(data) - 1  # text may begin as a pickle of protocol 0 does
    return ends and not _RUNS_CODE.isdisjoint(name for name, _ in opcodes)


def _same(one: str, other: str, complaint: str) -> None:
    if one != other:
        raise LearnerError(complaint)


def _observations(protocol: Protocol) -> npt.NDArray[np.uint8]:
    shape = (protocol.lanes, *protocol.environment.observation_shape)
    return np.random.Generator(np.random.Philox(key=0)).integers(0, 256, shape, np.uint8)


def _check_act(learner: Learner, protocol: Protocol) -> None:
    observations = _observations(protocol)
    episode_start = np.ones(protocol.lanes, np.bool_)
    before = observations.copy()
    try:
        checked_actions(learner.act(observations, episode_start), protocol.lanes, protocol.environment.actions)
    except ValueError as error:
        raise LearnerError(f"act gave {error}") from error
    if not (np.array_equal(observations, before) and episode_start.all()):
        raise LearnerError("act changed its inputs")


def _check_seeds(make: MakeLearner, protocol: Protocol, checkpoint: Path) -> None:
    observations, episode_start = _observations(protocol), np.ones(protocol.lanes, np.bool_)

    def acts(seed: int) -> list[list[int]]:
        learner = make(seed, protocol.lanes)
        learner.load(checkpoint)
        return [np.asarray(learner.act(observations, episode_start)).tolist() for _ in range(20)]

    if acts(4) != acts(4):
        raise LearnerError("the same seed and checkpoint act differently")
    if acts(4) == acts(5) and acts(4)[0] != acts(4)[-1]:
        raise LearnerError("two seeds draw the same actions: the learner does not use its seed")


def _check_resuming(make: MakeLearner, protocol: Protocol, scratch: Path) -> None:
    """Break off a learner that acts, if it can be resumed; training is broken off in its runs only."""
    learner = make(4, protocol.lanes)
    if not isinstance(learner, Resumable):
        if has := [name for name in ("save_state", "load_state") if callable(getattr(learner, name, None))]:
            raise LearnerError(f"it has {has[0]} alone; to be resumed it needs save_state and load_state")
        return
    observations, state = _observations(protocol), scratch / "state"

    def acts(one: Learner) -> list[list[int]]:
        going_on = np.zeros(protocol.lanes, np.bool_)
        return [np.asarray(one.act(observations, going_on)).tolist() for _ in range(20)]

    learner.load(scratch / "first")
    acts(learner)
    state.mkdir()
    learner.save_state(state)
    unbroken = acts(learner)
    resumed = make(4, protocol.lanes)
    assert isinstance(resumed, Resumable)
    resumed.load_state(state)
    if acts(resumed) != unbroken:
        raise LearnerError("after load_state it acts otherwise than the learner that wrote the state")
    _same(
        _saved(learner, scratch / "unbroken"),
        _saved(resumed, scratch / "resumed"),
        "after load_state it saves another checkpoint than the learner that wrote the state",
    )


def _main(name: str, steps_per_lane: int) -> int:
    """Check a learner; its error is the last line of standard error, below where it failed."""

    def overrun(error: str) -> Never:
        os._exit(say_error(LearnerError(error)))  # the learner catches whatever is raised

    try:
        with learners_own("the check"):
            check_learner(name, steps_per_lane=steps_per_lane, overrun=overrun)
    except AmtlbError as error:
        return say_error(error)
    except BaseException as error:
        traceback.print_exc()  # it leads into the learner's own code
        return say_error(f"learner {name!r} failed with {type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else CHECKED_STEPS))
