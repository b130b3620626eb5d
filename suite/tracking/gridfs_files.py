"""The files of runs in GridFS, under the names that Sacred gives them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol import ServerError
from suite.digests import file_digest
from suite.tracking.documents import CONTENT_TYPES, artifact_filename

if TYPE_CHECKING:
    from pymongo.database import Database


class ArtifactFiles:
    """The artifacts of one database."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        from gridfs import GridFS

        self._grid = GridFS(database)

    def put(self, number: int, name: str, path: Path) -> Any:
        """Write an artifact of a run; return its id."""
        with path.open("rb") as file:
            return self._grid.put(
                file,
                filename=artifact_filename(number, name),
                content_type=CONTENT_TYPES[name],
                metadata={"sha256": file_digest(path)},
            )

    def remove(self, number: int) -> None:
        """Delete all files with the names of a run's artifacts."""
        for name in CONTENT_TYPES:
            for file in self._grid.find({"filename": artifact_filename(number, name)}):
                self._grid.delete(file._id)

    def delete(self, file_id: Any) -> None:
        """Delete one file, if it is there."""
        self._grid.delete(file_id)

    def read(self, file_id: Any, max_bytes: int) -> bytes:
        """The content of a file.

        Raises:
            ServerError: the file is missing, incomplete, or larger than it can be.
        """
        from gridfs.errors import GridFSError

        try:
            file = self._grid.get(file_id)
            data = file.read(max_bytes + 1)
        except (GridFSError, TypeError) as error:
            raise ServerError(
                f"file {file_id} of the database cannot be read ({type(error).__name__}); publish its run again"
            ) from error
        if len(data) > max_bytes:
            raise ServerError(f"file {file_id} has more than {max_bytes:,} bytes, which cannot be right")
        return data

    def digest(self, file_id: Any) -> str | None:
        """SHA-256 of a file, in hexadecimal; None if it cannot be read."""
        from gridfs.errors import GridFSError

        digest = hashlib.sha256()
        try:
            file = self._grid.get(file_id)
            while part := file.read(2**20):
                digest.update(part)
        except (GridFSError, TypeError):
            return None
        return digest.hexdigest()
