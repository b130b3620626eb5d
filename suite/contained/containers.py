"""A learner in a Docker container: no network, no privileges, a read-only root, limits on all that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import LogConfig

from protocol import BoxError
from suite.contained.jail import SOCKET, has_ended, owner
from suite.contained.spec import BoxSpec
from suite.untrusted.text import printable

LABEL = "amtlb.owner"
"""Names the harness process that a container belongs to."""
_USER = "65534:65534"  # nobody, in every image
_MOUNT = "/run/amtlb"
_LOG_BYTES = 2**20
_KILLED = 137


def image_id(image: str) -> str:
    """The digest of an image that the engine holds, 64 hexadecimal digits.

    Raises:
        BoxError: no engine answers, or it has no such image.
    """
    with _engine() as client:
        return str(_image(client, image).id).removeprefix("sha256:")


def remove_orphaned_containers() -> None:
    """Remove the containers of harness processes that have ended."""
    with _engine() as client:
        for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
            if has_ended(container.labels[LABEL]):
                _remove(container)


@contextmanager
def _engine() -> Iterator[Any]:
    try:
        client = docker.from_env()
        try:
            client.ping()
            yield client
        finally:
            client.close()
    except (DockerException, requests.RequestException) as error:
        reason = " ".join(str(error).split())[:300]
        raise BoxError(
            f"the Docker engine does not do as it is asked ({reason}); is it running, and may you use it? "
            "Or take --contained process"
        ) from error


def _image(client: Any, image: str) -> Any:
    try:
        return client.images.get(image)
    except ImageNotFound as error:
        raise BoxError(f"the engine has no image {image!r}; build or pull it first") from error


class ContainerJail:
    """A container that runs a learner's side (see suite.contained.jail.Jail).

    Args:
        spec: of the box.
        learner: ``module:function``, in the image.
        folder: holds the socket; the container sees it read-only.
        environment: of the learner's process.

    Raises:
        BoxError: no engine, no image, or the container cannot be started.
    """

    def __init__(self, spec: BoxSpec, learner: str, folder: Path, environment: dict[str, str]) -> None:
        self._spec = spec
        with _engine() as client:
            image = _image(client, f"sha256:{spec.image_sha256}")
            if volumes := image.attrs["Config"].get("Volumes"):
                raise BoxError(
                    f"the image has volumes ({', '.join(sorted(volumes))[:200]}), which no limit holds; "
                    "build it without VOLUME"
                )
            runtimes = client.info().get("Runtimes", {})
            command = ["python", "-m", "suite.contained.client", f"{_MOUNT}/{SOCKET}", learner]
            container = client.containers.create(
                image.id,
                entrypoint=command[:1],
                command=command[1:],
                environment=environment | {"HOME": "/tmp"},
                use_config_proxy=False,  # its address may hold a password
                healthcheck={"test": ["NONE"]},
                volumes={str(folder): {"bind": _MOUNT, "mode": "ro"}},
                labels={LABEL: owner()},
                runtime="runsc" if "runsc" in runtimes else None,
                **_confinement(spec),
            )
            self._id = container.id
            try:
                container.start()
            except DockerException as error:
                _remove(container)
                reason = printable(str(error))
                raise BoxError(
                    f"the image cannot be started ({reason}); it needs `python` with suite.contained.client"
                ) from error

    def may_call(self, pid: int) -> bool:
        """Anybody who reaches the socket: it lies where only the container and this user can."""
        return True

    def why_ended(self) -> str | None:
        """The engine's account of the container's end."""
        with _engine() as client:
            try:
                container = client.containers.get(self._id)
            except NotFound:
                return "its container is gone"
            with suppress(requests.RequestException):
                container.wait(timeout=1)  # one that is about to end
            container.reload()
            state = container.attrs["State"]
        if state["Running"]:
            return None
        memory = f"{self._spec.limits.memory_bytes / 2**20:,.0f} MiB"
        if state["OOMKilled"]:
            return f"it took more than its {memory} of memory and was killed"
        status = state["ExitCode"]
        if status == _KILLED:
            return f"its container was killed (exit status {status}); its limit of memory is {memory}"
        return f"its container has ended with exit status {status}"

    def kill(self) -> None:
        """Kill everything in the container."""
        with _engine() as client, suppress(DockerException):
            client.containers.get(self._id).kill()

    def remove(self, log: Callable[[str], None]) -> None:
        """Kill and remove the container; its last output goes to ``log``."""
        with _engine() as client:
            try:
                container = client.containers.get(self._id)
            except NotFound:
                return
            with suppress(DockerException, requests.RequestException):
                container.kill()
            with suppress(DockerException, requests.RequestException):
                log(container.logs(tail=2000)[-_LOG_BYTES:].decode("utf-8", "replace"))
            _remove(container)


def _confinement(spec: BoxSpec) -> dict[str, Any]:
    """The engine's options that confine a container."""
    limits = spec.limits
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": _USER,
        "pids_limit": limits.processes,
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "nano_cpus": round(limits.cpus * 1e9),
        # What a learner saves lies there until the referee has read it; it counts as memory, too.
        "tmpfs": {"/tmp": f"size={limits.output_bytes},mode=1777,nosuid,nodev"},
        "ipc_mode": "private",
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m", "max-file": "1"}),
    }


def _remove(container: Any) -> None:
    try:
        container.remove(force=True, v=True)
    except APIError as error:
        if error.status_code not in (404, 409):  # it is gone, or somebody else is removing it
            raise
