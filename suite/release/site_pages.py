"""The project's pages for its site: Markdown as it stands, with a page for each file that a page links to."""

from __future__ import annotations

import posixpath
import re
import shutil
from functools import partial
from pathlib import Path
from typing import NamedTuple

from protocol import StoreError

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "artifacts/DATASHEET.md", "docs/*.md")
"""The pages, as patterns of paths below the root of the project."""
FILES = "files"
"""The folder of the pages about files."""
_PICTURES = (".png", ".svg", ".webp")
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)((?:#[^)\s]*)?)\)")
_LANGUAGES = {".py": "python", ".toml": "toml", ".yml": "yaml", ".json": "json", ".jsonl": "json"}
_MOST_CHARACTERS = 100_000
"""Of a file that is shown as a page; a larger one is only copied."""


def write_pages(root: Path, out: Path) -> list[Path]:
    """Write the project's pages, and what they link to, such that each link leads somewhere on the site.

    Args:
        root: of the project.
        out: a folder.

    Returns:
        the pages, as paths below the root.

    Raises:
        StoreError: a page links to what is not there.
    """
    pages = sorted(path.relative_to(root) for pattern in PAGES for path in root.glob(pattern))
    site = _Site(root, out, frozenset(pages))
    for page in pages:
        text = (root / page).read_text(encoding="utf-8")
        site.write(page, _LINK.sub(partial(site.link, page), text))
    return pages


class _Site(NamedTuple):
    """The sources of the pages, and the folder that they are written to.

    Attributes:
        root: of the project.
        out: of the site's sources.
        pages: that keep their places, as paths below the root.
    """

    root: Path
    out: Path
    pages: frozenset[Path]

    def write(self, path: Path, text: str) -> None:
        """Write a page."""
        target = self.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def link(self, page: Path, found: re.Match[str]) -> str:
        """The end of a link of a page, ``](...)``, so that it leads to the same thing on the site."""
        target, anchor = found.groups()
        path = Path(posixpath.normpath(posixpath.join(page.parent.as_posix(), target)))
        if path not in self.pages:
            if not (self.root / path).exists():
                raise StoreError(f"{page} links to {target}, which is not there; fix the link")
            path = self._taken_along(path)
        return f"]({posixpath.relpath(path, page.parent)}{anchor})"

    def _taken_along(self, path: Path) -> Path:
        """Put a picture, a file or a folder on the site; returns its place there."""
        if path.suffix in _PICTURES:
            return self._copied(path, path)
        place = Path(FILES, *(part.lstrip(".") for part in path.parts))
        if (self.root / path).is_dir():
            return self._folder_page(path, place / "index.md")
        return self._file_page(path, place)

    def _copied(self, path: Path, place: Path) -> Path:
        (self.out / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root / path, self.out / place)
        return place

    def _folder_page(self, path: Path, place: Path) -> Path:
        """A page that lists the files of a folder."""
        inside = sorted(
            one.relative_to(self.root)
            for one in (self.root / path).rglob("*")
            if one.is_file() and "__pycache__" not in one.parts
        )
        lines = [
            f"- [{one.relative_to(path)}]({posixpath.relpath(self._taken_along(one), place.parent)})"
            for one in inside
        ]
        self.write(place, f"# {path}\n\n" + "\n".join(lines) + "\n")
        return place

    def _file_page(self, path: Path, place: Path) -> Path:
        """A page that shows a file's text, or a copy of what is no text or too long."""
        try:
            text = (self.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return self._copied(path, place)
        if len(text) > _MOST_CHARACTERS:
            return self._copied(path, place)
        page = place.with_name(f"{place.name}.md")
        fence = "`" * (1 + max([2, *map(len, re.findall("`+", text))]))
        self.write(page, f"# {path}\n\n{fence}{_LANGUAGES.get(path.suffix, 'text')}\n{text}{fence}\n")
        return page
