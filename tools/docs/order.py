"""The site's navigation: what "folder/*" in mkdocs.yml stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["expanded", "ordered"]


def ordered(folder: str, pages: Iterable[str], order: Sequence[str]) -> list[str]:
    """The pages of a folder: those that ``order`` names first, in its order, then all others by name.

    Args:
        folder: "how-to": only pages right in it count. "inside": pages of the folders within, too.
        pages: Pages of the site, such as "how-to/loader.md".
        order: Names without the folder and ".md". One that has no page is passed over.
    """
    within = [page for page in sorted(pages) if page.startswith(f"{folder}/")]
    if folder != "inside":
        within = [page for page in within if "/" not in page[len(folder) + 1 :]]
    place = {f"{folder}/{name}.md": number for number, name in enumerate(order)}
    return sorted(within, key=lambda page: (place.get(page, len(place)), page))


def expanded(nav: Sequence[Any], pages: Sequence[str], orders: Mapping[str, Sequence[str]]) -> list[Any]:
    """A navigation in which each "folder/*" is replaced by the folder's pages; an empty section is left out."""
    named = set(_named(nav))
    unnamed = [page for page in pages if page not in named]
    result: list[Any] = []
    for item in nav:
        title, value = next(iter(item.items())) if isinstance(item, Mapping) else (None, item)
        if isinstance(value, str) and value.endswith("/*"):
            folder = value[:-2]
            found: list[Any] = ordered(folder, unnamed, orders.get(folder, ()))
            if title is None:
                result += found
            elif found:
                result.append({title: found})
        elif isinstance(value, list):
            result.append({title: expanded(value, unnamed, orders)})
        else:
            result.append(item)
    return result


def _named(nav: Sequence[Any]) -> Iterable[str]:
    for item in nav:
        value = next(iter(item.values())) if isinstance(item, Mapping) else item
        if isinstance(value, list):
            yield from _named(value)
        elif not value.endswith("/*"):
            yield value
