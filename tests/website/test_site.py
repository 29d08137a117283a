"""The built site: each link ends somewhere, and nothing comes from another host."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.require import PROJECT_ROOT, require
from support.site_pages import Page, is_elsewhere


def test_the_pages_that_a_reader_looks_for_are_there(pages: dict[str, Page]) -> None:
    wanted = [
        *("index.html", "install.html", "how-to/loader.html", "reference/api/loader.html"),
        *("reference/configuration.html", "reference/errors.html"),
        *("explanation/architecture.html", "explanation/security.html"),
        *("benchmarks/index.html", "inside/CHANGELOG.html", "inside/CONTRIBUTING.html", "inside/csrc.html"),
        *("inside/csrc/decode/jpeg.html", "inside/python/penstock.html"),
    ]
    assert [name for name in wanted if name not in pages] == []


def test_every_internal_link_and_anchor_ends_somewhere(site: Path, pages: dict[str, Page]) -> None:
    broken, checked = [], 0
    for name, page in pages.items():
        if name == "404.html":
            # A server shows it at any address, so that its own links begin with a slash.
            continue
        for link in page.links:
            if is_elsewhere(link):
                continue
            parts, path = urlsplit(link), name
            if parts.path:
                path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
            checked += 1
            if not (site / path).is_file():
                broken.append(f"{name}: {link}: there is no such file")
            elif parts.fragment and unquote(parts.fragment) not in pages[path].anchors:
                broken.append(f"{name}: {link}: there is no such anchor")
    assert not broken, "\n".join(broken)
    assert checked > 1000


def test_no_link_is_absolute_or_of_this_machine(pages: dict[str, Page]) -> None:
    odd = [
        (name, link)
        for name, page in pages.items()
        for link in page.links
        if name != "404.html" and (link.startswith("/") or urlsplit(link).scheme not in ("", "http", "https", "mailto"))
    ]
    assert odd == []


def test_pages_load_nothing_from_another_host(site: Path, pages: dict[str, Page]) -> None:
    loaded = 0
    for name, page in pages.items():
        for address in page.loads:
            assert address.startswith("data:") or not is_elsewhere(address), f"{name} loads {address}"
            if name != "404.html" and not address.startswith("data:"):
                assert (site / posixpath.dirname(name) / unquote(urlsplit(address).path)).is_file(), (name, address)
                loaded += 1
    assert loaded > 100


def test_styles_load_nothing_from_another_host(site: Path) -> None:
    styles = list(site.rglob("*.css"))
    assert len(styles) >= 3
    for file in styles:
        for address in re.findall(r"""(?:url\(\s*["']?|@import\s+["'])([^"')\s]+)""", file.read_text(encoding="utf-8")):
            assert address.startswith("data:") or not is_elsewhere(address), f"{file.name} loads {address}"


def test_pictures_are_copied_byte_for_byte(site: Path) -> None:
    copied = [file.relative_to(site / "files") for file in (site / "files").rglob("*.png")]
    assert Path("benchmarks/results/decode.png") in copied
    for file in copied:
        assert (site / "files" / file).read_bytes() == (PROJECT_ROOT / file).read_bytes()


def test_no_role_of_sphinx_is_left_and_references_are_links(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        if name.startswith("reference/"):
            assert not re.search(r":(class|func|meth|mod|attr):`", page.text), name
    assert "dataset.html#penstock.open" in pages["reference/api/loader.html"].links


def test_a_page_that_is_named_as_code_is_a_link(pages: dict[str, Page]) -> None:
    # In a docstring, and in a README outside docs/.
    assert "../../explanation/shuffling.html" in pages["reference/api/loader.html"].links
    assert "../../how-to/adding-a-step.html" in pages["inside/python/penstock.html"].links


def test_errors_that_are_named_as_code_are_links(pages: dict[str, Page]) -> None:
    links = pages["reference/api/dataset.html"].links
    # One of several in one line, too.
    for name in ("DatasetFormatError", "CertificateError"):
        assert f"../errors.html#penstock.errors.{name}" in links


def test_defaults_have_their_values(pages: dict[str, Page]) -> None:
    # In the code it is another class's attribute.
    assert re.search(r"shuffle_window:\s*int\s*=\s*16\b", pages["reference/api/loader.html"].text)


def test_a_source_file_that_is_linked_is_a_page(pages: dict[str, Page]) -> None:
    assert "train_detector" in pages["source/examples/train.py.html"].text


@pytest.mark.parametrize("name", ["torch", "penstock", "numpy", "mmdet"])
def test_the_environment_of_the_site_cannot_import_what_it_documents(name: str) -> None:
    packages = next((Path(require("docs")).parents[1] / "lib").glob("python3*")) / "site-packages"
    assert (packages / "mkdocs").is_dir()
    assert not (packages / name).exists()
