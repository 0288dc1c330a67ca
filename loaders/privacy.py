"""What happens to personal data at the door, before anything is written.

- `Keyring` replaces identifiers by keyed hashes: HMAC-SHA256 under the installation's own key,
  each kind of identifier under its own purpose, cut to 128 bits and shown as a UUID.
- `scrub` takes e-mail addresses, phone and card numbers and IP addresses out of text, and the
  query out of an address on the web.
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
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
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
    email emailaddress mail phone phonenumber mobile mobilenumber telephone name displayname
    realname legalname preferredname author authorname childname contactname contactperson
    creatorname customername employeename guardianname instructorname learnername membername
    ownername parentname personname pupilname recipientname sendername studentname teachername
    streetaddress postaladdress homeaddress ssn socialsecuritynumber birthdate dateofbirth
    creditcard cardnumber iban useragent
    password passwd passphrase passcode currentpassword oldpassword newpassword userpassword
    confirmpassword secret clientsecret privatekey secretkey credential credentials pin otp
    token accesstoken refreshtoken idtoken sessiontoken authtoken bearertoken bearer jwt jwttoken
    csrftoken xsrftoken xcsrftoken xxsrftoken xauthtoken apikey xapikey auth authorization
    proxyauthorization cookie cookies setcookie sessioncookie
    userid sessionid deviceid anonymousid visitorid
"""
# These are a person's also behind other words (user_first_name), as `…name` alone is not: topics,
# materials and features have names too.
_NAMES = """
    firstname lastname fullname givenname familyname middlename maidenname nickname surname username
"""
_PERSONAL_ENDINGS = tuple(_NAMES.split())
PERSONAL_KEYS = {*_PERSONAL_KEYS.split(), *_PERSONAL_ENDINGS}

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
    try:
        if not path.exists():
            _make_key(path)
    except OSError as error:
        raise KeyProblem(
            f"{path}: the key cannot be made ({_what(error)}). Make its folder one that you can "
            "write to and that has space, or give a key as SIGHTLINE_KEY"
        ) from None
    try:
        text = _read_privately(path).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyProblem(
            f"{path}: the key cannot be read ({_what(error)}). Make it readable for you, or put "
            "the right one back from your backup"
        ) from None
    if len(text) < 32:
        raise KeyProblem(f"{path}: this is no key; put the right one back from your backup")
    return text.encode()


def _what(error: Exception) -> str:
    """In words and without a path, which the sentence around it has."""
    return (isinstance(error, OSError) and error.strerror) or error.__class__.__name__


def _read_privately(path: Path) -> bytes:
    """The file's content. A copy from a backup may have come back readable for others."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            with suppress(OSError):  # on a disk that is read-only it stays as it is
                os.fchmod(file.fileno(), 0o600)
        return file.read()


def _make_key(path: Path) -> None:
    """Written whole, private and to the disk before anyone uses it: rows without it are orphans."""
    if path.is_symlink():
        raise OSError(errno.ENOENT, "it is a link to a file that is not there")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write_to_disk(draft, secrets.token_hex(32).encode() + b"\n")
        with suppress(FileExistsError):  # another process was first: theirs is the key
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_to_disk(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if os.write(descriptor, content) != len(content):
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

# What may stand between the digits of one number: spaces and dashes of all kinds, and ( ) . /
_BETWEEN = " ().\\-/\t\n\r\u00a0\u00ad\u2000-\u2015\u202f\u2060\u2212\u3000\ufeff"
_AT_SIGN = "[@\uff20\ufe6b]|%(?:25)*40|&#0*64;|&#[xX]0*40;|&commat;"
_QUERY = r'[?#][^\s"=?#]+='
# Anything that `scrub` would change matches this (RE2 and Python read it alike), also where it
# stands in JSON: `\n` may be two characters, and a text in a text can write any sign as \u0040.
# It is asked of every record, so it is one pass over the text; what it marks is looked at properly.
SUSPICIOUS = (
    rf"{_AT_SIGN}|\+\(?\d|\d(?:(?:[{_BETWEEN}]|\\+[tnr]){{0,4}}\d){{8}}|\(\d{{2,4}}\)"
    r"|\d\.\d{1,3}\.\d{1,3}\.\d|::|(?:[0-9A-Fa-f]{1,4}:){3}|\\u[0-9A-Fa-f]{4}"
    rf"|{_QUERY}"
)
# However the key is written: phone_number, Phone-Number, phone.number.
_JOINTS = "[_. -]*"
_WITHOUT_JOINTS = dict.fromkeys(map(ord, "_. -"))
# The quotes may be escaped: a text can hold JSON.
SUSPICIOUS_KEYS = r'(?:"{}(?:{})|{}){}\\*"'.format(
    _JOINTS,
    "|".join(map(_JOINTS.join, sorted(PERSONAL_KEYS.difference(_PERSONAL_ENDINGS)))),
    "|".join(map(_JOINTS.join, _PERSONAL_ENDINGS)),
    _JOINTS,
)
_suspicious = re.compile(SUSPICIOUS, re.ASCII)
_query = re.compile(_QUERY, re.ASCII)

_WEB_ADDRESS = re.compile(r"(?:https?:/)?/\S*", re.IGNORECASE)
_AT = re.compile(_AT_SIGN)
# Read backwards from the @, so that it is found in one go.
_MAILBOX = re.compile(r"[\w.+\-'%]{1,64}")
_QUOTED_MAILBOX = re.compile(r'"[^"\n]{1,64}"')
_HOST = re.compile(r"[\w\-]{1,63}(?:(?:\.|%2[eE])[\w\-]{1,63})+|localhost\b")
_ANY_HOST = re.compile(r"[^\s\"'<>,;()]{1,255}")
_IPV4 = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)", re.ASCII)
_HEX_AND_COLONS = re.compile(r"[0-9A-Fa-f:.]{3,}")
_IPV6 = re.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:(?:\.\d{1,3}){3})?")
# What looks like a number of a person and is none is stepped over: UUIDs, times, long decimals.
_NO_NUMBER = re.compile(
    r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
    r"|(?<!\d)[12]\d{3}-[01]\d-[0-3]\d(?!\d)"
    r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?<![\d.+])(?:0|[1-9]\d{0,2})\.\d{5,}(?![.\d])",
    re.ASCII,
)
_RUN = re.compile(rf"[+(]{{0,2}}\d[\d{_BETWEEN}]*", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)

# What stood beside something hidden may only then be told apart. Hardly a text needs a third pass,
# and none may ask for as many as it has numbers.
_PASSES = 4
_WIDEST_GAP = 4


def scrub(text: str, free: bool = True) -> str:
    """Take out what points at a person. Text that a person typed (`free`) is judged more harshly:
    there, any nine digits in a row count as a phone number.

        scrub("call 020 7946 0958 or ask ann@example.org") == "call [phone] or ask [email]"
        scrub("/course/1?name=Ann") == "/course/1"
    """
    if ("?" in text or _query.search(text)) and _WEB_ADDRESS.fullmatch(text):
        text = strip_url(text)
    for _ in range(_PASSES):
        if not _suspicious.search(text) or (scrubbed := _scrub_once(text, free)) == text:
            break
        text = scrubbed
    return text


def _scrub_once(text: str, free: bool) -> str:
    # Each pattern only where it can match, and each in one go from left to right: a text may be a
    # megabyte long, and hostile.
    text = _hide_addresses(text, free)
    if "." in text:
        text = _IPV4.sub(_hide_ip, text)
    text = _hide_numbers(text, free)
    return _HEX_AND_COLONS.sub(_hide_ipv6, text) if ":" in text else text


def _hide_addresses(text: str, free: bool) -> str:
    """E-mail addresses, from each @ outwards. In free text the host may be any word."""
    shown, done = [], 0
    for at in _AT.finditer(text):
        if at.start() <= done:
            continue
        before = text[max(done, at.start() - 66) : at.start()][::-1]
        mailbox = _MAILBOX.match(before)
        host = (mailbox or before[0] == '"') and _HOST.match(text, at.end())
        if mailbox is None and host:
            mailbox = _QUOTED_MAILBOX.match(before)
        elif free and mailbox and not host:
            host = _ANY_HOST.match(text, at.end())
        if mailbox and host:
            shown += [text[done : at.start() - len(mailbox[0])], "[email]"]
            done = host.end()
    return "".join([*shown, text[done:]])


def _hide_ip(found: re.Match) -> str:
    return "[ip]" if _is_address(found[0]) else found[0]


def _hide_ipv6(found: re.Match) -> str:
    """The addresses in a run of hex digits and colons: 'ip:2001:db8::7', '2001:db8::7: refused'."""
    run = found[0]
    if run.count(":") < 2:
        return run
    # One sign more on either side shows whether the run is part of a word.
    text, start = found.string, found.start()
    around = (text[start - 1 : start], run, text[found.end() : found.end() + 1])
    return _IPV6.sub(lambda part: _hide_ipv6_part(part, *around), run)


def _hide_ipv6_part(found: re.Match, before: str, run: str, after: str) -> str:
    part = found[0]
    before = run[found.start() - 1] if found.start() else before
    after = run[found.end()] if found.end() < len(run) else after
    starts = [0, part.index(":")] if before.isalnum() else [0]  # it may begin behind a word
    for start in starts:
        start += part.startswith(":", start) and not part.startswith("::", start)
        end = len(part)
        # A port may follow, or a colon.
        while end > start + 6:
            address = part[start:end]
            is_glued = (start == 0 and before.isalnum()) or (end == len(part) and after.isalnum())
            if _is_ipv6(address) and not (is_glued and _is_word(address)):
                return f"{part[:start]}[ip]{part[end:]}"
            end = part.rfind(":", start, end)
    return part


def _is_ipv6(text: str) -> bool:
    """'::1' is everybody's, and a[::2] no address at all: it takes more than six signs."""
    colons = text.count(":")
    is_likely = (":::" not in text and "::" in text) or colons == 7 or (colons == 6 and "." in text)
    return len(text) > 6 and is_likely and _is_address(text)


def _is_word(text: str) -> bool:
    """Glued to letters it may be code: std::dead, vec2::face."""
    return not text[0].isdigit() or len([part for part in text.split(":") if part]) < 3


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# ── numbers in text ───────────────────────────────────────────────────────────────────────────

# Groups of digits in a text, as (start, end): '4111 1111 1111 1111 12/26' has six.
Groups = list[tuple[int, int]]

_CARD_STARTS = "23456"
_CARD_SHAPES = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1))
_MOST_CARD_GROUPS = 8
_DOUBLED = str.maketrans("0123456789", "0246813579")
_HEX = re.compile(r"[0-9A-Fa-f]*")
_BREAK = re.compile(r"[\t\n\r]|/\s|\s/")
_ABROAD_OR_AREA = re.compile(r"00?[1-9]")


def _hide_numbers(text: str, free: bool) -> str:
    """Cards, then phones, in each run of digits and of what may stand between them."""
    shown, done = [], 0
    for stepped_over in _NO_NUMBER.finditer(text):
        _hide_between(text, done, stepped_over.start(), free, shown)
        shown.append(stepped_over[0])
        done = stepped_over.end()
    _hide_between(text, done, len(text), free, shown)
    return "".join(shown)


def _hide_between(text: str, start: int, end: int, free: bool, shown: list[str]) -> None:
    for run in _RUN.finditer(text, start, end):
        if run.end() - run.start() < 7:
            continue
        groups = [group.span() for group in _DIGITS.finditer(text, *run.span())]
        for place, after, what in _numbers_in(text, groups, free):
            shown += [text[start:place], what]
            start = after
    shown.append(text[start:end])


def _numbers_in(text: str, groups: Groups, free: bool) -> list[tuple[int, int, str]]:
    """(start, end, what) of each card and phone number, in order."""
    found, done = [], 0
    for first, last in [*_cards(text, groups), (len(groups), len(groups))]:
        for phone in _phones(text, groups[done:first], free):
            found.append((_beginning(text, phone), phone[-1][1], "[phone]"))
        if first < len(groups):
            found.append((groups[first][0], groups[last][1], "[card]"))
        done = last + 1
    return found


def _cards(text: str, groups: Groups) -> list[tuple[int, int]]:
    """(first, last group) of each. What is written as cards are goes before what is just right."""
    usual = [_usual_card(text, groups, first) for first in range(len(groups))]
    cards, first = [], 0
    while first < len(groups):
        last = usual[first]
        if last is None:
            last = _unusual_card(text, groups, first)
            if last is not None and any(usual[first + 1 : last + 1]):
                last = None
        if last is not None:
            cards.append((first, last))
        first = (first if last is None else last) + 1
    return cards


def _usual_card(text: str, groups: Groups, first: int) -> int | None:
    start, end = groups[first]
    if 13 <= end - start <= 19:
        is_fraction = text[start - 1 : start] == "." and text[start - 2 : start - 1].isdigit()
        is_card = (
            not is_fraction and _is_card(text[start:end]) and not _is_in_hash(text, start, end)
        )
        return first if is_card else None
    if end - start != 4:
        return None
    lengths = tuple(after - before for before, after in groups[first : first + 5])
    for shape in _CARD_SHAPES:
        if lengths[: len(shape)] == shape:
            last = first + len(shape) - 1
            if _is_card(_digits(text, groups[first : last + 1])):
                return last
    return None


def _unusual_card(text: str, groups: Groups, first: int) -> int | None:
    """In groups of any length, with the same between them all."""
    if text[groups[first][0]] not in _CARD_STARTS:
        return None
    gap, digits = None, ""
    for last in range(first, min(first + _MOST_CARD_GROUPS, len(groups))):
        start, end = groups[last]
        if last > first:
            here = text[groups[last - 1][1] : start]
            if here != (gap or here) or len(here) > _WIDEST_GAP:
                return None
            gap = here
        digits += text[start:end]
        if len(digits) > 19:
            return None
        is_decimal = last == first + 1 and gap == "."
        if last > first and not is_decimal and _is_card(digits):
            return last
    return None


def _is_in_hash(text: str, start: int, end: int) -> bool:
    """A hash in hex has such digits by chance, between letters."""
    before = _HEX.match(text[max(0, start - 64) : start][::-1])
    after = _HEX.match(text, end, end + 64)
    return len(before[0]) + len(after[0]) > 0 and len(before[0] + after[0]) + end - start >= 24


def _is_card(digits: str) -> bool:
    """Issued by a bank, by its first digit, and right by its last (Luhn)."""
    if not 13 <= len(digits) <= 19 or digits[0] not in _CARD_STARTS:
        return False
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def _phones(text: str, groups: Groups, free: bool) -> list[Groups]:
    """The groups of each phone number among neighbours that hold no card."""
    phones: list[Groups] = []
    waiting: list[Groups] = []
    for part in _parts(text, _without_words(text, groups)):
        here = _phones_in_part(text, part, free)
        if here:
            phones += _over_lines(text, waiting) + here
            waiting = []
        elif phones and not waiting and _is_other_ending(text, phones[-1], part):
            phones.append(part)
        else:
            waiting.append(part)
    return phones + _over_lines(text, waiting)


def _without_words(text: str, groups: Groups) -> Groups:
    """Without the groups at either end that belong to a word: v2.1234567, 12ab."""
    if not groups:
        return groups
    start, end = groups[0][0], groups[-1][1]
    if _is_sign_of_word(text[end : end + 1]):
        groups = groups[:-1]
    before = text[max(0, start - 2) : start]
    if _is_sign_of_word(before[-1:]) or re.fullmatch(r"\d[.\-+]", before, re.ASCII):
        skipped = 1
        while skipped < len(groups) and text[groups[skipped - 1][1] : groups[skipped][0]] in ".-":
            skipped += 1
        groups = groups[skipped:]
    return groups


def _is_sign_of_word(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


def _parts(text: str, groups: Groups) -> Iterator[Groups]:
    """Split where a number hardly goes on: at a line's end, a tab, ' / '."""
    start = 0
    for place in range(1, len(groups) + 1):
        if place < len(groups):
            gap = text[groups[place - 1][1] : groups[place][0]]
            if len(gap) <= _WIDEST_GAP and not _BREAK.search(gap):
                continue
        if start < place <= len(groups):
            yield groups[start:place]
        start = place


def _phones_in_part(text: str, part: Groups, free: bool) -> list[Groups]:
    if _count(part) <= 15 or len(part) == 1:
        return [part] if _is_phone(text, part, free) else []
    for split in (_at_beginnings, _at_spaces):
        pieces = split(text, part)
        if len(pieces) > 1 and all(
            _count(piece) <= 15 and _is_phone(text, piece, free) for piece in pieces
        ):
            return pieces
    if free or _beginning(text, part) < part[0][0]:
        return [part] if not _is_decimal(text, part) else []
    pieces = [piece for piece in _at_spaces(text, part) if len(piece) < len(part)]
    phones = [piece for piece in pieces if _count(piece) <= 15 and _is_phone(text, piece, free)]
    # Several numbers in a row, and nothing shows where one ends.
    are_phones = pieces and all(2 <= end - start <= 5 for start, end in part)
    return phones or ([part] if are_phones and _count(part) >= 3 * len(part) else [])


def _at_beginnings(text: str, part: Groups) -> list[Groups]:
    pieces = [[part[0]]]
    for group in part[1:]:
        is_new = text[group[0] - 1] == "(" or text[group[0]] == "0"
        if is_new and _count(pieces[-1]) >= 9:
            pieces.append([])
        pieces[-1].append(group)
    return pieces


def _at_spaces(text: str, part: Groups) -> list[Groups]:
    pieces = [[part[0]]]
    for before, group in pairwise(part):
        if text[before[1] : group[0]].isspace():
            pieces.append([])
        pieces[-1].append(group)
    return pieces


def _is_phone(text: str, part: Groups, free: bool) -> bool:
    digits, (start, end) = _count(part), part[0]
    if _beginning(text, part) < start:
        return 7 <= digits <= 15
    if free:
        return digits >= 9 and (len(part) > 1 or digits <= 19) and not _is_decimal(text, part)
    between = part[-1][1] - start - digits
    if between >= 2:
        return 9 <= digits <= 15
    # '0177 7555558', but neither 1.5 nor the numbers of an order.
    return (
        between == 1
        and 10 <= digits <= 15
        and 3 <= end - start <= 6
        and text[end] != "."
        and _ABROAD_OR_AREA.match(text, start) is not None
        and text[start - 1 : start] not in ("-", "_", ".")
    )


def _over_lines(text: str, parts: list[Groups]) -> list[Groups]:
    """Phone numbers that are broken at a line's end or a tab. A column of figures is none, so it
    has to begin like one, or to be written as an American one."""
    phones, place = [], 0
    while place < len(parts):
        joined, after = list(parts[place]), place + 1
        start, end = joined[0]
        begins = _beginning(text, joined) < start or _ABROAD_OR_AREA.match(text, start)
        count = _count(joined) if begins or end - start == 3 else 99
        while after < len(parts) and (count := count + _count(parts[after])) <= 15:
            if parts[after][0][0] - joined[-1][1] > _WIDEST_GAP:
                break
            joined += parts[after]
            after += 1
        is_american = [end - start for start, end in joined] == [3, 3, 4]
        if after > place + 1 and (is_american or (begins and _count(joined) >= 10)):
            phones.append(joined)
            place = after
        else:
            place += 1
    return phones


def _is_other_ending(text: str, phone: Groups, part: Groups) -> bool:
    """'+49 177 7555557 / 555-7777'"""
    return "/" in text[phone[-1][1] : part[0][0]] and 6 <= _count(part) <= 15


def _beginning(text: str, part: Groups) -> int:
    """Where a phone number begins: at its + or its (area code), else at its first digit."""
    start, end = part[0]
    place = start
    if text[place - 1 : place] == "(" and 2 <= end - start <= 4 and text[end : end + 1] == ")":
        place -= 1
    if text[place - 1 : place] == "+" or text[place - 2 : place] == "+(":
        place = text.rindex("+", 0, place)
    return start if _is_sign_of_word(text[max(0, place - 1) : place]) else place


def _is_decimal(text: str, part: Groups) -> bool:
    if len(part) != 2 or text[part[0][1] : part[1][0]] != ".":
        return False
    return part[0][1] - part[0][0] < 3 or text[part[0][0]] != "0"


def _count(part: Groups) -> int:
    return sum(end - start for start, end in part)


def _digits(text: str, part: Groups) -> str:
    return "".join([text[start:end] for start, end in part])


def scrub_number(number: int | float) -> int | float | str:
    """A card's number that was written as a number."""
    if not 10**12 < number < 10**19 or number != int(number):
        return number
    return "[card]" if _is_card(str(int(number))) else number


def is_personal_key(key: str) -> bool:
    plain = key.lower().translate(_WITHOUT_JOINTS)
    return plain in PERSONAL_KEYS or plain.endswith(_PERSONAL_ENDINGS)


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
