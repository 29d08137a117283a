"""Says what of a wheel would not work on another machine; exits with 1 if there is anything.

    python tools/wheel/check.py WHEEL

auditwheel checks versions of symbols. This checks what it lets pass: libraries of the machine that built it, a path to
look for them, symbols that would meet those of other extensions, licenses that are missing.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

#: Of glibc: every Linux with glibc has them.
_OF_GLIBC = re.compile(r"(libc|libm|libdl|librt|libpthread|ld-linux-[a-z0-9-]+)\.so\.\d+")
#: What is built in, each with a license that asks to be passed on.
BUILT_IN = frozenset(
    ["curl", "highway", "libjpeg-turbo", "libpng", "libwebp", "lz4", "nghttp2", "openssl", "xxhash", "zlib"],
)


def problems(wheel: Path) -> list[str]:
    """What is wrong with a wheel, in words."""
    found: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        extensions = [name for name in names if ".so" in Path(name).suffixes]
        if [Path(name).parent.name for name in extensions] != ["penstock"]:
            found.append(f"there should be one extension, in penstock/: {extensions}")
        for name in extensions:
            found += [f"{name}: {problem}" for problem in _of_extension(archive.read(name))]
        licensed = {Path(name).parent.name for name in names if "/licenses/" in name and not name.endswith("/")}
        found += [f"the license of {name} is missing" for name in sorted(BUILT_IN - licensed)]
    return found


def _of_extension(data: bytes) -> list[str]:
    elf = ELFFile(io.BytesIO(data))
    dynamic = elf.get_section_by_name(".dynamic")
    assert isinstance(dynamic, DynamicSection)
    found = [
        f"it asks for {tag.needed}"
        for tag in dynamic.iter_tags("DT_NEEDED")
        if not _OF_GLIBC.fullmatch(tag.needed)
    ]
    found += [f"it looks for libraries in {tag.rpath}" for tag in dynamic.iter_tags("DT_RPATH")]
    found += [f"it looks for libraries in {tag.runpath}" for tag in dynamic.iter_tags("DT_RUNPATH")]
    shown = [
        symbol.name
        for symbol in elf.get_section_by_name(".dynsym").iter_symbols()
        if symbol.entry.st_shndx != "SHN_UNDEF" and symbol.entry.st_info.bind in ("STB_GLOBAL", "STB_WEAK")
    ]
    if shown != ["PyInit__core"]:
        found.append(f"it shows {len(shown)} symbols to other extensions, {sorted(shown)[:5]} among them")
    return found


def main() -> int:
    found = problems(Path(sys.argv[1]))
    print("\n".join(found) or f"{Path(sys.argv[1]).name} needs nothing but glibc")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
