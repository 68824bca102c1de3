"""The picture of the page that explains a run, for docs/reading-the-page.md: trains CartPole and photographs its page.

python docs/pictures/page.py            # needs chromium
python docs/pictures/page.py RUN        # of a run that is there, whose page is written anew
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import dqnlab

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 1280, 800
MOST_COLOURS = 48  # so that the file stays small


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        run = Path(sys.argv[1]) if sys.argv[1:] else dqnlab.train("CartPole-v1", trackers=(), out=out).folder
        photograph(dqnlab.report(run).path)


def photograph(page: Path) -> None:
    """Writes page.png: the first screen, in English and light colours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        screen = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en")
        screen.goto(page.resolve().as_uri())
        screen.wait_for_timeout(1_500)
        shot = screen.screenshot()
        browser.close()
    image = Image.open(io.BytesIO(shot)).convert("RGB").quantize(MOST_COLOURS, dither=Image.Dither.NONE)
    image.save(HERE / "page.png", optimize=True)


if __name__ == "__main__":
    main()
