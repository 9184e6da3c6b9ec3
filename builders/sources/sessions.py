"""Web sessions that never leave the service they were opened for: a key or password goes nowhere else."""

from __future__ import annotations

from typing import Any

import requests

from builders.sources.addresses import Address, origin_of, without_secrets
from embeddings.errors import SourceError

MAX_REDIRECTS = 10


class LeavesService(SourceError):
    """A service redirects to another one, or in a circle; trying again does not help."""


def bound_session(address: Address, setting: str, *, secrets: tuple[str, ...] = ()) -> type[requests.Session]:
    """Return a class of sessions that make requests to one origin (scheme, host and port) and no other.

    Every request passes through here, redirected ones too; one that leads elsewhere is refused before anything is sent.

    Args:
        address: of the service.
        setting: the option that states it, for messages.
        secrets: never shown in a message; user and password of the address need not be included.
    """
    own = origin_of(_prepared(address.url))
    hidden = (*secrets, *address.secrets)

    class BoundSession(requests.Session):
        def __init__(self) -> None:
            super().__init__()
            self.auth = address.auth
            self.max_redirects = MAX_REDIRECTS

        def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            target = _target(str(request.url))
            if target != own:
                raise LeavesService(
                    f"{address.url} redirects to {without_secrets(target, hidden)}; nothing was sent there. Set "
                    f"{setting} if the service has moved."
                )
            try:
                return super().send(request, **kwargs)
            except requests.TooManyRedirects as error:
                raise LeavesService(
                    f"{address.url} redirects more than {MAX_REDIRECTS} times. Check {setting}, or try again later."
                ) from error
            except ValueError as error:  # from an unreadable Location
                raise LeavesService(
                    f"{address.url} redirects to something that is not an address. Check {setting}, or try again later."
                ) from error

    return BoundSession


def _prepared(url: str) -> str:
    """Return an address in the form that requests use: host names in other alphabets are encoded."""
    return str(requests.Request("GET", url).prepare().url)


def _target(url: str) -> str:
    """Return the origin that a request would reach, by the strict reading of the address and by the lenient one."""
    from urllib3.util import parse_url

    try:
        origin, parsed = origin_of(url), parse_url(url)
        port = parsed.port or {"http": 80, "https": 443}[str(parsed.scheme)]
        other = f"{parsed.scheme}://{parsed.host}:{port}"
    except (ValueError, KeyError):
        return "something that is not a web address"
    return origin if origin == other else "an address that can be read in two ways"
