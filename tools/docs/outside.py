"""Files of the repository outside docs/ that pages link to: each gets a place in the site."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path

from links import is_external, link_targets, replace_links

__all__ = ["Outside"]

#: Shown in a page of their own as highlighted code; the words are Pygments'.
_LANGUAGES = {
    ".py": "python", ".cpp": "cpp", ".h": "cpp", ".sh": "bash", ".toml": "toml", ".json": "json", ".yml": "yaml",
    ".yaml": "yaml", ".txt": "text", "": "text",
}  # fmt: skip
_PICTURES = (".png", ".svg", ".jpg", ".gif")
#: The site's home is written for the site. README.md is that of the repository.
_INSTEAD = {"README.md": "index.md"}


class Outside:
    """Places of files outside docs/.

    Markdown files become pages under inside/; a folder's README.md has the folder's name there. Pictures are copied to
    files/. Any other file is a page under source/ with its text, and a folder is one that lists its files.

    Args:
        root: The repository.
        begin: Markdown files that are pages whether they are linked to or not, relative to ``root``.
        pages: Pages of docs/, as the site names them. Their links are followed, and those of what they link to.
        tracked: Whether a file belongs to the repository.

    Attributes:
        places: {file relative to root: its place in the site}.

    Raises:
        ValueError: A link names a file that does not exist, or that is no part of the repository.
    """

    def __init__(self, root: Path, begin: Iterable[str], pages: Iterable[str], tracked: Callable[[Path], bool]) -> None:
        self._root = root
        self._tracked = tracked
        self.places: dict[str, str] = {}
        for name in begin:
            self._add(name, "mkdocs.yml")
        for page in pages:
            self._follow(f"docs/{page}")

    def page(self, file: str) -> str:
        """The Markdown of the page of ``file``, its links rewritten."""
        path = self._root / file
        if path.is_dir():
            names = sorted(child.name for child in path.iterdir() if self._tracked(child))
            listed = "\n".join(f"- [`{name}`]({self._relative(f'{file}/{name}', self.places[file])})" for name in names)
            return f"# `{file}/`\n\n{listed}\n"
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md":
            return self.rewritten(text, file, self.places[file])
        fence = "`" * 6
        head = "---\nsearch:\n  exclude: true\n---\n\n"
        return f"{head}# `{file}`\n\n{fence}{_LANGUAGES[path.suffix]}\n{text.rstrip()}\n{fence}\n"

    def rewritten(self, text: str, file: str, place: str) -> str:
        """Markdown of ``file`` as it stands at ``place`` of the site: links go to where files are there."""

        def replace(target: str) -> str:
            name, hash_mark, anchor = target.partition("#")
            if is_external(target) or not name:
                return target
            found = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
            return self._relative(found, place) + hash_mark + anchor

        return replace_links(text, replace)

    def _relative(self, file: str, place: str) -> str:
        there = file[len("docs/") :] if file.startswith("docs/") else self.places[file]
        return posixpath.relpath(there, posixpath.dirname(place))

    def _follow(self, file: str) -> None:
        for target in link_targets((self._root / file).read_text(encoding="utf-8")):
            name = target.partition("#")[0]
            if name and not is_external(target):
                found = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
                if not found.startswith("docs/"):
                    self._add(found, file)

    def _add(self, file: str, by: str) -> None:
        if file in self.places:
            return
        path = self._root / file
        if file.startswith("..") or not path.exists() or not self._tracked(path):
            raise ValueError(f"{by} has a link to '{file}', which the repository does not have. Correct the link.")
        if path.is_dir():
            self.places[file] = f"source/{file}/index.md"
            for child in sorted(path.iterdir()):
                if self._tracked(child):
                    self._add(f"{file}/{child.name}", by)
        elif path.suffix == ".md":
            # The page of a folder has the folder's name: as an index it would stand for the whole section.
            name = file.removesuffix("/README.md")
            self.places[file] = _INSTEAD.get(file, f"inside/{name.removesuffix('.md')}.md")
            self._follow(file)
        elif path.suffix in _PICTURES:
            self.places[file] = f"files/{file}"
        elif path.suffix in _LANGUAGES:
            self.places[file] = f"source/{file}.md"
        else:
            raise ValueError(f"{by} has a link to '{file}', and tools/docs/outside.py does not know such files.")
