"""A real browser, which several slow tests drive."""

import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    path = shutil.which("chromium")
    assert path, "there is no chromium; `make browser` installs Debian's"
    sync_api = pytest.importorskip("playwright.sync_api", reason="no browser is driven in the image")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()
