"""A user agent string → browser family, major version, operating system, device class.

Coarse on purpose: enough to tell a browser's fault from ours, too little to tell a person.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Client(NamedTuple):
    browser: str | None
    browser_version: int | None
    os: str | None
    device_type: str | None


NOTHING = Client(None, None, None, None)

# The first that matches wins: browsers name their ancestors, so descendants come first.
_BROWSERS = tuple(
    (family, re.compile(pattern))
    for family, pattern in (
        ("Edge", r"(?:Edg|EdgA|EdgiOS|Edge)/(\d+)"),
        ("Opera", r"(?:OPR|OPiOS|Opera)[/ ](\d+)"),
        ("Samsung Internet", r"SamsungBrowser/(\d+)"),
        ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
        ("Chrome", r"(?:Chrome|CriOS|HeadlessChrome|Chromium)/(\d+)"),
        ("Safari", r"Version/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/"),
        ("Internet Explorer", r"(?:MSIE |Trident/.*rv:)(\d+)"),
    )
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_BOT = re.compile(r"bot\b|crawl|spider|slurp|curl/|python-|wget/|HeadlessChrome", re.IGNORECASE)
_TABLET = re.compile(r"iPad|Tablet|Android(?!.*Mobile)")
_MOBILE = re.compile(r"Mobi|iPhone|Android")


def describe_client(user_agent: object) -> Client:
    if not isinstance(user_agent, str) or not user_agent.strip():
        return NOTHING
    text = user_agent[:1000]  # the telling parts stand first; a longer one is not an honest one
    browser = version = None
    for family, pattern in _BROWSERS:
        if found := pattern.search(text):
            browser, version = family, int(found[1][:6])
            break
    system = next((name for mark, name in _SYSTEMS if mark in text), None)
    if _BOT.search(text):
        device = "bot"
    elif _TABLET.search(text):
        device = "tablet"
    elif _MOBILE.search(text):
        device = "mobile"
    else:
        device = "desktop" if system else None
    return Client(browser, version, system, device)
