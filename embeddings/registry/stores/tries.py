"""Try again what may work the next time, as long as each few tries bring something new."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar
from urllib.error import URLError

from embeddings.errors import EmbeddingsError, RegistryUnreachable
from embeddings.registry.stores.base import Again

T = TypeVar("T")

TRIES = 6
"""Tries in sequence that bring nothing new, before it is given up."""
LONGEST_WAIT = 60.0
"""Seconds between two tries, whatever a server asks for."""


def persist(
    once: Callable[[], T], where: str, broken: tuple[type[Exception], ...], progress: Callable[[], int] = lambda: 0
) -> T:
    """Return what a function returns; try until it works, or until several tries in sequence brought nothing new.

    Args:
        once: one try.
        where: what is fetched, for the message.
        broken: what a connection that breaks raises.
        progress: how much is there.

    Raises:
        RegistryUnreachable: it never worked; the last reason is named.
        EmbeddingsError: the function raises it; it would do so again.
    """
    left, had = TRIES, progress()
    while True:
        try:
            return once()
        except EmbeddingsError:
            raise
        except Again as error:
            failed: Exception = error
        except broken as error:
            failed = error
        is_new, had = progress() > had, max(had, progress())
        left = TRIES - 1 if is_new else left - _cost(failed)
        if left <= 0:
            advice = "Check the address, or try again later." if isinstance(failed, URLError) else "Try again later."
            raise RegistryUnreachable(f"{where} cannot be fetched: {_reason(failed)}. {advice}") from failed
        asked = getattr(failed, "wait", None)
        pause(min(LONGEST_WAIT, 0.1 * 2 ** (TRIES - left) if asked is None else asked))


def pause(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


def _cost(error: Exception) -> int:
    """Return how many tries an error takes: two where nobody answers at all, so that who is offline waits little."""
    return 2 if isinstance(error, URLError) else 1


def _reason(error: Exception) -> str:
    said = getattr(error, "reason", None) or error
    return str(getattr(said, "strerror", None) or said) or type(error).__name__
