"""What happens to personal data at the door, before anything is written.

- `Keyring` replaces identifiers by keyed hashes: HMAC-SHA256 under the installation's own key,
  each kind of identifier under its own purpose, cut to 128 bits and shown as a UUID.
- `scrub` takes e-mail addresses, phone and card numbers and IP addresses out of text.
- `network_of` cuts an IP address to its network: /24, or /48 for IPv6.

The key lies beside the database, never in it. Whoever has the database alone cannot find out
whose rows a person's are; whoever has both can, for support and for erasure: `sightline key`.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from loaders.settings import data_folder

# Ids that apps send when they have none. A person called "undefined" would own half the events.
_NO_IDENTIFIERS = """
    0 -1 null (null) none nil nan undefined unknown anonymous guest not_authenticated true false
    distinct_id distinctid user_id userid id email n/a na object
    00000000-0000-0000-0000-000000000000
"""
NO_IDENTIFIERS = {"", "[object object]", *_NO_IDENTIFIERS.split()}

# Keys of properties that never hold anything but personal data or a secret, whatever the app.
_PERSONAL_KEYS = """
    email emailaddress mail phone phonenumber mobile mobilenumber telephone password passwd
    secret token accesstoken refreshtoken idtoken sessiontoken apikey authorization cookie
    firstname lastname fullname surname username displayname name streetaddress postaladdress
    homeaddress ssn socialsecuritynumber birthdate dateofbirth creditcard cardnumber iban
    givenname familyname middlename maidenname nickname author customername contactname learnername
    studentname teachername parentname authorname userfullname ownername personname
    auth bearer jwt csrftoken xsrftoken setcookie xapikey clientsecret privatekey credentials
    passphrase pin otp useragent
    userid sessionid deviceid anonymousid visitorid
"""
PERSONAL_KEYS = set(_PERSONAL_KEYS.split())

_LONGEST_CACHE = 500_000


class KeyProblem(Exception):
    """The key is missing, unreadable or not the one that the warehouse was loaded with."""


def key_file() -> Path:
    return data_folder() / "keys" / "identity.key"


def load_secret() -> bytes:
    """The installation's key: from SIGHTLINE_KEY, else from its file, made on first use."""
    given = os.environ.get("SIGHTLINE_KEY")
    if given is not None:
        if len(given.strip()) < 32:
            raise KeyProblem(
                "SIGHTLINE_KEY is shorter than 32 characters. Make one: "
                "python3 -c 'import secrets; print(secrets.token_hex(32))'"
            )
        return given.strip().encode()
    path = key_file()
    if not path.exists():
        _make_key(path)
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyProblem(f"{path}: the key cannot be read ({error.__class__.__name__})") from None
    if len(text) < 32:
        raise KeyProblem(f"{path}: this is no key; put the right one back from your backup")
    return text.encode()


def _make_key(path: Path) -> None:
    """Written whole, private and to the disk before anyone uses it: rows without it are orphans."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_private(draft, secrets.token_hex(32).encode() + b"\n")
        with suppress(FileExistsError):  # another process was first: theirs is the key
            os.link(draft, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyProblem(
            f"{path}: the key cannot be made ({error.strerror}). Is SIGHTLINE_DATA a folder that "
            "may be written, and is there room on the disk?"
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if os.write(descriptor, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Name(NamedTuple):
    """An identifier as it was sent: its text, or what it was instead, and how to look for it."""

    text: str | None
    instead: str | None
    needle: bytes
    own: int  # how often the needle stands in the identifier as it was sent


# What is looked for where there is nothing to look for: JSON text never holds it.
_NOWHERE = b"\n"
NOBODY = Name(None, None, _NOWHERE, 0)
# A shorter id stands in too many words to look for it inside of them.
SHORTEST_INSIDE = 8


def name_identifier(value: object) -> tuple[str | None, str | None]:
    """(the identifier as text, None), or (None, what it was instead of an identifier)."""
    if value is None:
        return None, None
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None, type(value).__name__
    text = str(value).strip()
    if text.lower() in NO_IDENTIFIERS:
        return None, text.lower() or "empty"
    return text, None


class Keyring:
    """Keyed hashes for identifiers, remembered: a person's id comes a thousand times a file."""

    def __init__(self, secret: bytes):
        self._secret = secret
        self._columns: dict[tuple[str, str, bool], Remembered] = {}
        self.names, self.ids, self.words = Names(), ShownIds(self), ShownWords()
        self.key_id = self.digest("key id", "").hex()[:8]

    def digest(self, purpose: str, text: str) -> bytes:
        # The separator cannot be in a purpose, so no two (purpose, text) give one message.
        message = f"{purpose}\x1f{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, message, "sha256")[:16]

    def fingerprint(self, content: bytes) -> bytes:
        """A keyed hash of a whole record: quicker than HMAC, and as silent without the key."""
        return hashlib.blake2b(content, digest_size=16, key=self._secret[:64]).digest()

    def column(self, kind: str, scope: str, sha256_first: bool = False) -> Remembered:
        """The hashes of one kind of identifier within one app, by identifier."""
        which = (kind, scope, sha256_first)
        if which not in self._columns:
            self._columns[which] = Remembered(self, f"{kind}\x1f{scope}", sha256_first)
        return self._columns[which]

    def user_key(self, source: str, user_id: str, sha256_first: bool = False) -> uuid.UUID | None:
        text, _ = name_identifier(user_id)
        if text is None:
            return None
        return uuid.UUID(bytes=self.column("user", source, sha256_first)[text])


class Names(dict):
    """identifier as sent → its `Name`."""

    def __init__(self):
        super().__init__({None: NOBODY})

    def __missing__(self, value: object) -> Name:
        if len(self) > _LONGEST_CACHE:
            self.clear()
            self[None] = NOBODY
        text, instead = name_identifier(value)
        needle = _NOWHERE
        if text is not None:
            written = orjson.dumps(text)
            # A number may stand without quotes.
            is_bare = len(text) >= SHORTEST_INSIDE or text.isdigit()
            needle = written[1:-1] if is_bare else written
        own = orjson.dumps(value).count(needle)
        name = self[value] = Name(text, instead, needle, own)
        return name

    def of(self, values: list) -> list[Name]:
        if set(map(type, values)) <= {str, type(None)}:
            return [self[value] for value in values]
        # Equal keys of a dict can be different things (1, 1.0, True), and lists are no keys.
        return [self[value] if type(value) is str else self._unlike(value) for value in values]

    def _unlike(self, value: object) -> Name:
        text, instead = name_identifier(value)
        if text is None:
            return Name(None, instead, _NOWHERE, 0)
        # A number stands without the quotes that a short text is looked for in.
        needle = self[text].needle
        return Name(text, None, needle, orjson.dumps(value).count(needle))


class Remembered(dict):
    """identifier → 16 bytes. A dict's own lookup is what makes it quick; misses come here."""

    def __init__(self, keyring: Keyring, purpose: str, sha256_first: bool):
        super().__init__({None: None})
        self._keyring, self._purpose, self._sha256_first = keyring, purpose, sha256_first

    def __missing__(self, text: str) -> bytes:
        _forget_if_full(self)
        key = self[text] = self._keyring.digest(
            self._purpose, sha256_of_id(text) if self._sha256_first else text
        )
        return key


class ShownIds(dict):
    """id of an event or object → the id as it is shown: itself, but hashed whole where it holds
    an address or a number of a person. It has to stay one id, so it is not scrubbed."""

    def __init__(self, keyring: Keyring):
        super().__init__({None: None})
        self._keyring = keyring

    def __missing__(self, text: str) -> str:
        _forget_if_full(self)
        is_clean = scrub(text, free=False) == text
        shown = self[text] = text if is_clean else self.hide(text)
        return shown

    def hide(self, text: str) -> str:
        return f"hidden-{self._keyring.digest('hidden', text).hex()}"


class ShownWords(dict):
    """Event types, categories, titles: scrubbed, and remembered since few differ."""

    def __init__(self):
        super().__init__({None: None})

    def __missing__(self, text: str) -> str:
        _forget_if_full(self)
        shown = self[text] = scrub(text, free=False)
        return shown


def _forget_if_full(remembered: dict) -> None:
    """Memory stays bounded however many people and objects there are."""
    if len(remembered) > _LONGEST_CACHE:
        remembered.clear()
        remembered[None] = None


_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


def sha256_of_id(text: str) -> str:
    """Where one server sends SHA-256 of its ids and another the ids, both become the SHA-256."""
    lower = text.lower()
    return lower if _SHA256.fullmatch(lower) else hashlib.sha256(lower.encode()).hexdigest()


# ── text ──────────────────────────────────────────────────────────────────────────────────────

# How an at sign is written: escaped for addresses, for pages, and wide.
_AT_SIGNS = "@|%40|%2540|&#64;|\uff20"
# What may stand between the digits of one number.
_BETWEEN = " ()./\\-\t\r\n\u00a0\u2013\u2014"
# Anything that `scrub` would change matches this (RE2 and Python read it alike). It is asked of
# every record, so it is one pass over the text; whatever it marks is looked at properly. In JSON a
# tab is written as two characters.
SUSPICIOUS = (
    rf"{_AT_SIGNS}|\+\d|\d(?:(?:[{_BETWEEN}]|\\[trn]){{0,3}}\d){{8,}}|\(\d{{2,4}}\)"
    r"|\d\.\d{1,3}\.\d{1,3}\.\d"
    r"|::|(?:[0-9A-Fa-f]{1,4}:){3}"
)
# However the key is written (phone_number, Phone-Number); five letters are enough to look again.
SUSPICIOUS_KEYS = '"[_-]*(?:{})'.format(
    "|".join(
        # A quote may be escaped: a text can hold JSON.
        "[_-]*".join(key[:5]) + ("" if len(key) > 5 else r'[_-]*\\?"')
        for key in sorted(PERSONAL_KEYS)
    )
)
_suspicious = re.compile(SUSPICIOUS, re.ASCII)

_AT = re.compile(_AT_SIGNS)
_MAILBOX = re.compile(r"[\w.+\-'%]{1,64}\Z")
_HOST = re.compile(r"[\w\-]{1,63}(?:\.[\w\-]{1,63})+")
_ANY_HOST = re.compile(r"[^\s\"'<>,;()]{1,255}")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)", re.ASCII)
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+")
# What looks like a number of a person and is none comes first, and is stepped over.
_NUMBERS = re.compile(
    r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    rf"|(?P<run>[+(]?\d(?:[{_BETWEEN}]{{0,3}}\d){{6,}})",
    re.ASCII,
)
_DIGITS = re.compile(r"\d+", re.ASCII)
# Where one number ends and the next begins, the surest sign first.
_PARTINGS = tuple(
    re.compile(pattern)
    for pattern in (r"(\s+/\s+|[\r\n\t]+|\s{2,})", r"(\s+(?=\(?0))", r"(/)", r"(\s+)")
)
# What stood beside something hidden may only then be told apart; more than this is no honest text.
_MOST_PASSES = 5


def scrub(text: str, free: bool = True) -> str:
    """Take out what points at a person. Text that a person typed (`free`) is judged more harshly:
    there, any nine digits in a row count as a phone number.

        scrub("call 020 7946 0958 or ask ann@example.org") == "call [phone] or ask [email]"
    """
    if text.startswith(("/", "http://", "https://")) and "?" in text and " " not in text:
        text = strip_url(text)
    for _ in range(_MOST_PASSES):
        if not _suspicious.search(text) or (scrubbed := _scrub_once(text, free)) == text:
            break
        text = scrubbed
    return text


def _scrub_once(text: str, free: bool) -> str:
    # Each pattern only where it can match: a text may be a megabyte long, and hostile.
    if _AT.search(text):
        text = _hide_addresses(text, free)
    if "." in text:
        text = _IPV4.sub(_hide_ip, text)
    text = _NUMBERS.sub(_hide_number if free else _hide_formatted_number, text)
    return _IPV6.sub(_hide_ipv6, text) if ":" in text else text


def _hide_addresses(text: str, free: bool) -> str:
    """E-mail addresses, from each @ outwards. In free text the host may be any word."""
    shown, done = [], 0
    for at in _AT.finditer(text):
        if at.start() < done:
            continue
        before = text[max(done, at.start() - 64) : at.start()]
        mailbox = _MAILBOX.search(before)
        host = _HOST.match(text, at.end()) or (_ANY_HOST.match(text, at.end()) if free else None)
        if mailbox and host:
            shown += [text[done : at.start() - len(mailbox[0])], "[email]"]
            done = host.end()
    return "".join([*shown, text[done:]])


def _hide_ip(found: re.Match) -> str:
    return "[ip]" if _is_address(found[0]) else found[0]


def _hide_ipv6(found: re.Match) -> str:
    """The address in a run of hex digits and colons: 'ip:2001:db8::7', '2001:db8::7: refused'."""
    run, text = found[0], found.string
    if run.count(":") < 2 or len(run) > 100:  # a longer one is no address
        return run
    start = len(run) - len(run.lstrip("."))
    start += run.startswith(":", start) and not run.startswith("::", start)
    if start == 0 and text[max(0, found.start() - 1) : found.start()].isalnum():
        return run  # the end of a word: std::dead
    body = run[start:].rstrip(".:") if not run.endswith("::") else run[start:]
    # A port may follow, and looks like one more group.
    for address in (body, body.rpartition(":")[0]):
        # '::1' is everybody's, and a[::2] no address at all.
        if len(address) > 6 and _is_address(address):
            return f"{run[:start]}[ip]{run[start + len(address) :]}"
    return run


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _hide_number(found: re.Match) -> str:
    return _hide_numbers(found, _is_phone)


def _hide_formatted_number(found: re.Match) -> str:
    return _hide_numbers(found, _is_formatted_phone)


def _hide_numbers(found: re.Match, is_phone: Callable[[str, int], bool]) -> str:
    """In a run of digits, cards wherever they begin; then phones in what is left."""
    run, text = found["run"], found.string
    if run is None:
        return found[0]
    before = text[max(0, found.start() - 2) : found.start()]
    is_apart = not (
        before[-1:].isalnum()
        or text[found.end() : found.end() + 1].isalnum()
        or (before[-1:] in ("-", "+", ".", ":") and before[:1].isdigit())
    )
    groups = [group.span() for group in _DIGITS.finditer(run)]
    parts, done, first = [], 0, 0
    while first < len(groups):
        last = _end_of_card(run, groups, first)
        if last is None:
            first += 1
            continue
        parts += [run[done : groups[first][0]], "[card]"]
        done, first = groups[last][1], last + 1
    parts.append(run[done:])
    if is_apart:
        parts[::2] = [_hide_phones(part, is_phone) for part in parts[::2]]
    return "".join(parts)


def _end_of_card(run: str, groups: list[tuple[int, int]], first: int) -> int | None:
    digits = ""
    for last in range(first, len(groups)):
        digits += run[slice(*groups[last])]
        if len(digits) > 19:
            return None
        if _is_card(list(map(int, digits))):
            return last
    return None


def _hide_phones(text: str, is_phone: Callable[[str, int], bool], parting: int = 0) -> str:
    """A text of digits and what stands between them: one phone number, or several, or none."""
    number = text.strip(" ./-\t\r\n\u00a0\u2013\u2014")
    count = sum(map(str.isdigit, number))
    if count < 7:
        return text
    if is_phone(number, count):
        return text.replace(number, "[phone]")
    if count <= 15 or parting == len(_PARTINGS):
        return text
    pieces = _PARTINGS[parting].split(text)
    return "".join(
        piece if place % 2 else _hide_phones(piece, is_phone, parting + 1)
        for place, piece in enumerate(pieces)
    )


def _is_phone(number: str, count: int) -> bool:
    """In what a person typed."""
    if number[0] in "+(":
        return 7 <= count <= 15
    return 9 <= count <= 19 and not re.fullmatch(r"\d+\.\d+", number)


def _is_formatted_phone(number: str, count: int) -> bool:
    """Where ids and counters are at home as well."""
    if number[0] in "+(":
        return 7 <= count <= 15
    separators = len(number) - count
    return (9 <= count <= 15 and separators >= 2) or (
        10 <= count <= 15 and separators == 1 and number[0] == "0"
    )


def _is_card(digits: list[int]) -> bool:
    """Issued by a bank, by its first digit, and right by its last (Luhn)."""
    if not 13 <= len(digits) <= 19 or digits[0] not in (2, 3, 4, 5, 6):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def scrub_number(number: float) -> float | str:
    """A card's number that was written as a number."""
    if number < 10**12 or number > 10**19 or number != int(number):
        return number
    return "[card]" if _is_card(list(map(int, str(int(number))))) else number


def is_personal_key(key: str) -> bool:
    return key.lower().replace("_", "").replace("-", "") in PERSONAL_KEYS


def mask(text: bytes, longest: int = 160) -> str:
    """The shape of a line that may not be shown: letters become a, digits 9, length stays."""
    shown = text[:longest].decode("utf-8", "replace")
    return "".join(
        "a" if character.isalpha() else
        "9" if character.isdigit() else
        character if " " <= character <= "~" else "?"
        for character in shown
    )  # fmt: skip


# ── addresses ─────────────────────────────────────────────────────────────────────────────────


def network_of(address: object) -> str | None:
    """'203.0.113.77' → '203.0.113.0/24', IPv6 to its /48. What is no address becomes None."""
    if not isinstance(address, str):
        return None
    text = address.split(",")[0].strip().strip("[]")  # a proxy's list begins with the client
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed.sixtofour or parsed
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


def strip_url(url: str) -> str:
    """Scheme, host and path: queries and fragments carry tokens, addresses and search terms."""
    bare = re.split(r"[?#;]", url, maxsplit=1)[0]
    scheme, marker, rest = bare.partition("://")
    if not marker:
        return bare
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
