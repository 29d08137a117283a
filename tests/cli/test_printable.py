"""Names that a terminal would obey are written as text."""

from penstock.errors import DatasetFormatError
from penstock.printable import printable


def test_controls_are_escaped_and_letters_stay() -> None:
    assert printable("a\x1b[31m\nb\u202ec\x9b") == "a\\x1b[31m\\nb\\u202ec\\x9b"
    for text in ("Größe", "犬　猫", "C:\\new", "👩\u200d🚒"):
        assert printable(text) == text


def test_errors_name_tensors_as_text() -> None:
    error = DatasetFormatError("there is no '\x1b[2J'", tensor="a\nb", path="p\x07")
    assert str(error) == "there is no '\\x1b[2J' (tensor 'a\\nb', dataset 'p\\x07')"
