"""A real Chromium without a window, the accessibility checker axe-core, and the layouts that pages are read at."""

import contextlib
import shutil

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

LAYOUTS = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]
SERIOUS = ("serious", "critical")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


@contextlib.contextmanager
def chromium():
    """Yields the browser; needs Debian's package chromium, or another Chromium on the path."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "the tests of pages need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*QUIET, "--disable-component-update"])
        yield browser
        browser.close()


def faults(page):
    """What axe-core finds serious or critical: its rule and where."""
    violations = Axe().run(page).response["violations"]
    return [
        (one["id"], one["nodes"][0]["target"], one["nodes"][0].get("failureSummary"))
        for one in violations
        if one["impact"] in SERIOUS
    ]


def laid_out(page, width, scheme):
    """Shows the page at a width, in light or dark colours."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
