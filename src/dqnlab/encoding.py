"""Text files in whatever encoding an editor or a shell wrote them."""

import codecs

# What a file begins with to say how it is written; the mark of UTF-32 begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decoded(data: bytes) -> str:
    r"""The text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, whose lines end in \n.

    Windows' own editor and shell begin files with such a mark.

    Raises:
        ValueError: it is in another encoding, or no text; the message follows the file's name.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        if not mark and b"\0" in data:
            raise ValueError("is not text, or is UTF-16 without a byte order mark: save it as UTF-8") from error
        line = data.count(b"\n", 0, error.start) + 1
        where = f"{error.reason} at byte {error.start:,}" if mark else f"byte 0x{data[error.start]:02x} in line {line}"
        raise ValueError(f"is not valid {encoding.upper()} ({where}): save it as UTF-8") from error
