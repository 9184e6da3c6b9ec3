"""Addresses of services: which part may be shown and stored, and which is a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from embeddings.errors import InputInvalid

HIDDEN = "***"
"""Replaces a secret in a message."""

_USER_INFO = re.compile(r"(?<=//)[^?#\s]*@")


@dataclass(frozen=True)
class Address:
    """Where a service is.

    Attributes:
        url: without user, password and trailing slash; this may be shown and stored.
        auth: user and password, sent to this service alone.
    """

    url: str
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts that must not be shown."""
        return tuple(part for part in self.auth or () if part)


def parse_address(text: str, setting: str) -> Address:
    """Split an address into what may be shown and what is a secret.

    Args:
        text: with or without ``user:password@``.
        setting: the option that states it, for messages.

    Raises:
        InputInvalid: it is not a base address. The message does not quote it: it may hold a secret.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or re.search(r"[\s\\]", text.strip()):
        raise InputInvalid(f"{setting} is not the address of a service, such as https://host/path.")
    if parts.query or parts.fragment:
        raise InputInvalid(f"{setting} has a query or a fragment; give the base address alone, https://host/path.")
    auth = None
    if parts.username is not None or parts.password is not None:
        auth = unquote(parts.username or ""), unquote(parts.password or "")
    place = f"[{host}]" if ":" in host else host
    netloc = place if port is None else f"{place}:{port}"
    return Address(urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", "")), auth)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address; addresses with the same origin reach the same service.

    Raises:
        ValueError: it is not a web address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "\\" in url:
        raise ValueError("not a web address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port if parts.port is not None else {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}:{port}"


def address_within(page: str, link: str) -> str | None:
    """Return where a link on a page of a service leads, without user and password; None if it leads to another one.

    Some services link to their own pages with http although they were asked by https: https is kept.
    """
    try:
        own, parts = urlsplit(page), urlsplit(urljoin(page, link))
        if (parts.scheme, parts.hostname, parts.port, own.port) == ("http", own.hostname, None, None):
            parts = parts._replace(scheme=own.scheme)
        netloc = parts.netloc.rpartition("@")[2]
        address = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
        return address if origin_of(address) == origin_of(page) else None
    except ValueError:
        return None


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without the secrets, whether they appear as they are, quoted, or as the user of an address."""
    text = _USER_INFO.sub(f"{HIDDEN}@", text)
    for secret in secrets:
        for spelling in {secret, quote(secret, safe=""), quote(secret)} - {""}:
            text = re.sub(re.escape(spelling), HIDDEN, text, flags=re.IGNORECASE)
    return text


def without_user(address: str) -> str:
    """Return an address, or the name of a provider, without user and password."""
    return _USER_INFO.sub("", address)
