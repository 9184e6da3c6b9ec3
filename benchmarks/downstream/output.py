"""Where results go: a file of JSON, or standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from embeddings.errors import EmbeddingsError
from embeddings.store.folders import write_text


def report(measure: Callable[[], dict[str, Any]], out: Path | None) -> None:
    """Measure, and write the result to a file; to standard output where none is given.

    Raises:
        ClickException: what was to be measured could not be.
    """
    try:
        text = json.dumps(measure(), indent=2) + "\n"
        click.echo(text) if out is None else write_text(out, text)
    except EmbeddingsError as error:
        raise click.ClickException(str(error)) from error
