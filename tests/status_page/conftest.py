"""One browser for a file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.status_page.browser import Browser, chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip("chromium: install it, or set RESTORE_POINT_CHROMIUM to its command")
    running = Browser(tmp_path_factory.mktemp("chromium"))
    try:
        yield running
    finally:
        running.close()
