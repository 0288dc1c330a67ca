"""User agents: family, major version, system, device class, and nothing else of them."""

from __future__ import annotations

import pytest

from loaders.user_agents import NOTHING, describe_client

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) "
)
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        (WINDOWS + "Chrome/124.0.6367.91 Safari/537.36", ("Chrome", 124, "Windows", "desktop")),
        (WINDOWS + "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51",
         ("Edge", 124, "Windows", "desktop")),
        (WINDOWS + "Chrome/124.0.0.0 Safari/537.36 OPR/109.0.0.0",
         ("Opera", 109, "Windows", "desktop")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
         ("Firefox", 125, "Linux", "desktop")),
        (MAC + "Version/17.4 Safari/605.1.15", ("Safari", 17, "macOS", "desktop")),
        (IPHONE + "Version/17.4 Mobile/15E148 Safari/604.1", ("Safari", 17, "iOS", "mobile")),
        (IPHONE + "CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1",
         ("Chrome", 124, "iOS", "mobile")),
        (ANDROID + "Chrome/124.0.0.0 Mobile Safari/537.36", ("Chrome", 124, "Android", "mobile")),
        (ANDROID + "Chrome/124.0.0.0 Safari/537.36", ("Chrome", 124, "Android", "tablet")),
        (ANDROID + "SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
         ("Samsung Internet", 24, "Android", "mobile")),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/124.0.0.0 Safari/537.36",
         ("Chrome", 124, "ChromeOS", "desktop")),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://example.org/bot.html)",
         (None, None, None, "bot")),
        ("curl/8.5.0", (None, None, None, "bot")),
        ("something of their own", (None, None, None, None)),
    ],
)  # fmt: skip
def test_what_is_told(user_agent, client):
    assert describe_client(user_agent) == client


@pytest.mark.parametrize("value", [None, "", "  ", 7, [], {"userAgent": "Chrome/1"}])
def test_what_is_no_user_agent(value):
    assert describe_client(value) == NOTHING


def test_a_hostile_one_is_bounded():
    described = describe_client("Chrome/" + "9" * 5_000 + "x" * 1_000_000)
    assert described.browser_version <= 999_999
