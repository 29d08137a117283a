"""Where Deep Lake 3 keeps what, relative to the dataset's directory."""

from __future__ import annotations

__all__ = [
    "CHUNK_IDS",
    "CHUNK_SET",
    "DATASET_INFO",
    "DATASET_META",
    "DEEPLAKE4_FILES",
    "DEEPLAKE4_LOG",
    "FIRST_COMMIT_ID",
    "SEQUENCES",
    "TENSOR_INFO",
    "TENSOR_META",
    "TILES",
    "VERSION_INFO",
    "VERSION_INFO_PICKLED",
    "VIEWS",
    "VIEWS_FOLDER",
    "in_commit",
    "is_safe_key",
]

# The first commit's files lie in the dataset's directory itself, those of later ones under
# versions/<commit>/.
FIRST_COMMIT_ID = "firstdbf9474d461a19e9333c2fd19b46115348f"

DATASET_META = "dataset_meta.json"
DATASET_INFO = "dataset_info.json"
VERSION_INFO = "version_control_info.json"
# Hub 2's name of the same: a pickle.
VERSION_INFO_PICKLED = "version_control_info"
DEEPLAKE4_LOG = "_deeplake_log"
# Of the files there, those that every dataset has: a bucket has no folders to ask for.
DEEPLAKE4_FILES = (f"{DEEPLAKE4_LOG}/_meta/0000000001c00000000.jsonl", f"{DEEPLAKE4_LOG}/_meta/next_base")
# A tensor's files beside its chunks.
TENSOR_META = ("tensor_meta.json",)
TENSOR_INFO = ("tensor_info.json",)
CHUNK_IDS = ("chunks_index", "unsharded")
CHUNK_SET = ("chunk_set",)
TILES = ("tiles_index", "unsharded")
SEQUENCES = ("sequence_index", "unsharded")
# Saved views: the list of them, and a dataset for each.
VIEWS = "queries.json"
VIEWS_FOLDER = ".queries"


def in_commit(commit: str, *parts: str) -> str:
    """Key of a file of a commit: ``in_commit(c, "images", "tensor_meta.json")``."""
    if commit == FIRST_COMMIT_ID:
        return "/".join(parts)
    return "/".join(("versions", commit, *parts))


def is_safe_key(key: str) -> bool:
    """Whether a name from the metadata stays inside the dataset's directory when used as a path."""
    # JSON may hold halves of characters, which no file's name can.
    if any("\ud800" <= character <= "\udfff" for character in key):
        return False
    return bool(key) and "\0" not in key and "\\" not in key and not set(key.split("/")) & {"", ".", ".."}
