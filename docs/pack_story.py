"""Packs docs/dqn.md and its pictures for the drawer of the page that explains a run.

    python docs/pack_story.py

Writes src/dqnlab/explain/story.json: the text as blocks, `[kind, content]`, in English and Traditional Chinese, and the
pictures of docs/pictures drawn anew with letters as text, each with the hash of the file that it stands for. Links are
left out: in the page there is nowhere to go.
"""

import hashlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STORIES = {"en": HERE / "dqn.md", "zh-Hant": HERE / "dqn.zh-Hant.md"}
PACKED = HERE.parent / "src" / "dqnlab" / "explain" / "story.json"

_INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|\*(.+?)\*|\[((?:[^\]`]|`[^`]*`)+)\]\([^)]+\)")
_PICTURE = re.compile(r"!\[(.+?)\]\(pictures/([\w-]+)\.svg\)")
_BESIDE = re.compile(r"\]\(\.\./examples/")  # what to read it beside: not there where the drawer opens
_MARKS = ("code", "b", "i")


def main() -> None:
    """Writes the file."""
    packed = {"texts": {language: blocks(path.read_text("utf-8")) for language, path in STORIES.items()}}
    packed["pictures"] = pictures()
    PACKED.write_text(json.dumps(packed, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def blocks(text: str) -> list[list[Any]]:
    """The blocks of a page, without its title, its other languages, what to read it beside and its list of contents."""
    parts = [part for part in re.split(r"\n{2,}(?=(?:[^`]|```[^`]*```|`[^`]*`)*$)", text.strip()) if part]
    first = next(i for i, part in enumerate(parts) if part.startswith("## "))
    kept = [
        part
        for part in parts[:first]
        if not re.match(r"# |English ·|\[English\]|1\. \[", part) and not _BESIDE.search(part)
    ]
    return [_block(part) for part in (*kept, *parts[first:])]


def _block(part: str) -> list[Any]:
    lines = part.splitlines()
    if part.startswith("## "):
        return ["h3", inline(part[3:])]
    if part.startswith("```"):
        return ["pre", "\n".join(lines[1:-1])]
    if part.startswith("|"):
        rows = [[inline(cell.strip()) for cell in line.strip("|").split("|")] for line in lines]
        return ["table", [rows[0], *rows[2:]]]
    if part.startswith("> "):
        return ["blockquote", inline(part[2:])]
    if part.startswith("- "):
        return ["ul", [inline(line[2:]) for line in lines]]
    if picture := _PICTURE.fullmatch(part):
        return ["img", picture[2], picture[1]]
    return ["p", inline(part)]


def inline(text: str) -> list[Any]:
    """A line of text as its parts: plain text, or `[mark, parts]`."""
    found: list[Any] = []
    at = 0
    for match in _INLINE.finditer(text):
        found += [text[at : match.start()]] if match.start() > at else []
        marked = next((i for i in range(3) if match[i + 1]), None)
        if marked is None:
            found += inline(match[4])
        else:
            found.append([_MARKS[marked], [match[1]] if marked == 0 else inline(match[marked + 1])])
        at = match.end()
    return found + ([text[at:]] if at < len(text) else [])


def pictures() -> dict[str, dict[str, str]]:
    """Each picture as a small drawing, with the hash of the file in docs/pictures."""
    sys.path.insert(0, str(HERE / "pictures"))
    import draw
    from matplotlib import rc_context

    found = {}
    with rc_context({**draw.STYLE, "svg.fonttype": "none", "font.family": "sans-serif"}):
        for name, figure in draw.figures().items():
            for image in (image for axes in figure.axes for image in axes.images):
                image.set_interpolation("none")  # a pixel for each number: the browser smooths it
            written = io.StringIO()
            figure.savefig(written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
            found[name] = {"of": digest(name), "svg": _small(written.getvalue())}
    return found


def digest(name: str) -> str:
    """The hash of a picture's file."""
    return hashlib.sha256((HERE / "pictures" / f"{name}.svg").read_bytes()).hexdigest()


def _small(svg: str) -> str:
    """Without what nobody sees: a tenth of a point is enough."""
    images = re.findall(r'"data:image/png;base64,[^"]*"', svg)
    svg = re.sub(r'"data:image/png;base64,[^"]*"', '"@"', svg)
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"image-rendering: ?[^;\"]*;?", "", svg)
    svg = re.sub(r"\bfont-family: [^;\"]*", "font-family: sans-serif", svg)
    svg = re.sub(r"(?<![\w#])-?\d+\.\d{2,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), svg)
    svg = re.sub(r"> <", "><", re.sub(r"\s+", " ", svg))
    for image in images:
        svg = svg.replace('"@"', re.sub(r"\s", "", image), 1)
    return svg.strip()


if __name__ == "__main__":
    main()
