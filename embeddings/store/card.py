"""The card of a catalog version: CARD.md, generated from its manifest alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from embeddings.display.numbers import counted
from embeddings.store.cautions import cautions, held_out
from embeddings.store.manifest import Downstream, Manifest, TableInfo

CARD = "CARD.md"

_HUB_LICENCES = {
    *("apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "gpl-3.0", "mit", "mpl-2.0", "odbl", "pddl"),
    *("cc-by-3.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
}
"""Licence identifiers of the HuggingFace Hub that are SPDX identifiers in lower case."""

TABLES = {"element": "vectors.parquet", "structure": "vectors.parquet", "composition-encoder": "formulas.parquet"}
"""Kind -> file that holds the rows of a version as Parquet."""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_DOWNSTREAM = (
    "Models of others with their own atom features and with these vectors, all else equal, tested on formulas that "
    "neither saw."
)
_COLUMNS = 8
_FEW = 10


def render_card(manifest: Manifest) -> str:
    """Return the card: a YAML header for the HuggingFace Hub, then Markdown for people.

    The same manifest gives the same text, with or without the card's own entry among its files.
    """
    sections = (
        ("", _introduction(manifest)),
        ("Load", _load(manifest)),
        ("Encoder", _encoder(manifest)),
        ("Training" if manifest.table is None else "Origin", _training(manifest)),
        (f"Accuracy on held-out {held_out(manifest)}", _metrics(manifest)),
        ("Downstream", _downstream(manifest)),
        ("Coverage", _coverage(manifest)),
        ("Limits", _limits(manifest)),
        ("Files", _files(manifest)),
        ("Licence and attribution", f"{manifest.licence.spdx}\n\n{manifest.licence.attribution}"),
        ("Citation", _citation(manifest)),
        ("Rebuild", _rebuild(manifest)),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections if text)
    return f"---\n{_header(manifest)}\n---\n\n{body}\n"


def _header(manifest: Manifest) -> str:
    size = next((label for limit, label in _SIZES if manifest.n_rows < limit), "n>1M")
    tags = (manifest.model.name, *["synthetic"] * manifest.synthetic)
    configs = [{"config_name": "default", "data_files": TABLES[manifest.kind]}]
    return hub_header(f"{manifest.name} {manifest.version}", [manifest.licence.spdx], configs, tags=tags, size=size)


def hub_header(
    title: str,
    licences: Sequence[str],
    configs: Sequence[dict[str, str]],
    *,
    tags: Sequence[str] = (),
    size: str | None = None,
) -> str:
    """Return the YAML header that the HuggingFace Hub reads from the card of a data set.

    Args:
        title: that the Hub shows.
        licences: SPDX expressions of what the data set holds.
        configs: ``config_name`` and ``data_files`` of each table that ``datasets.load_dataset`` can read.
        tags: beyond those of every card.
        size: category of its number of rows.
    """
    fields: dict[str, Any] = {
        "pretty_name": title,
        **_hub_licence(" AND ".join(dict.fromkeys(licences))),
        "tags": ["chemistry", "materials-science", "embeddings", *tags],
        **({"size_categories": [size]} if size else {}),
        "configs": list(configs),
    }
    # JSON values are YAML values, so each line quotes what needs quoting.
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())


def _is_encoder(manifest: Manifest) -> bool:
    return manifest.kind == "composition-encoder"


def _hub_licence(spdx: str) -> dict[str, str]:
    known = spdx.lower()
    return {"license": known} if known in _HUB_LICENCES else {"license": "other", "license_name": known}


def _introduction(manifest: Manifest) -> str:
    rows = f"{manifest.n_rows} {manifest.kind} vectors of width {manifest.dim} ({manifest.dtype})."
    if _is_encoder(manifest):
        rows = f"Formulas in, vectors of width {manifest.dim} ({manifest.dtype}) out. Computed with NumPy alone."
    synthetic = "\n\n**The training data is synthetic; see below.**" if manifest.synthetic else ""
    return f"# {manifest.name} {manifest.version}\n\n{manifest.description}\n\n{rows}{synthetic}"


def _load(manifest: Manifest) -> str:
    identity = f"{manifest.name}@{manifest.version}"
    code = f"""from embeddings import load_catalog

catalog = load_catalog("{identity}")
catalog.vectors  # ({manifest.n_rows}, {manifest.dim}) {manifest.dtype}, read-only"""
    if _is_encoder(manifest):
        code = f"""from embeddings import load_encoder

encoder = load_encoder("{identity}")
encoder.encode(["Fe2O3", "LiFePO4"])  # (2, {manifest.dim}) {manifest.dtype}"""
    return f"```python\n{code}\n```"


def _encoder(manifest: Manifest) -> str:
    if _is_encoder(manifest) or not any(file.format == "safetensors" for file in manifest.files):
        return ""
    identity = f"{manifest.name}@{manifest.version}"
    return f"""The network behind the vectors, without its heads. It gives crystals and their atoms their own vectors:

```python
from embeddings import load_encoder

encoder = load_encoder("{identity}")
vectors, offsets = encoder.encode_sites(structures)  # pymatgen structures or ASE atoms
```

```sh
embeddings embed --catalog {identity} --level structure --source table --path structures.parquet -o vectors.parquet
```"""


def _training(manifest: Manifest) -> str:
    training, model = manifest.training, manifest.model
    if manifest.table is not None:
        return _table_info(manifest, manifest.table)
    facts = {
        "Model": f"{model.name}, recipe `{model.recipe}`, code {model.code_version}",
        "Source": training.source + (f", {training.database_version}" if training.database_version else ""),
        "Structures": f"{training.n_structures:,}",
        "Targets": ", ".join(f"{name} ({unit})" if unit else name for name, unit in training.targets.items()),
        "Left out": ", ".join(f"{reason}: {count:,}" for reason, count in training.dropped.items()) or "nothing",
        "Split": f"{training.split}, seed {training.seed}",
        "Snapshot": f"SHA-256 `{training.snapshot_sha256}`",
    }
    hyperparameters = [(name, f"`{json.dumps(value)}`") for name, value in model.hyperparameters.items()]
    return f"{_table(('', ''), list(facts.items()))}\n\n{_table(('hyperparameter', 'value'), hyperparameters)}"


def _table_info(manifest: Manifest, table: TableInfo) -> str:
    """Return what a card says of a table that was not trained here, in place of its training."""
    facts = {
        "Taken from": f"{table.source} ({table.format})",
        "SHA-256 of that": f"`{manifest.training.snapshot_sha256}`",
        "Model": manifest.model.name,
        "Training": manifest.training.source,
        "Rows left out": listed(table.left_out) or "none",
        "Rows that are odd": listed(table.flagged) or "none found",
    }
    columns = [
        (str(k), column.name, column.unit, column.source, ", ".join(column.missing))
        for k, column in enumerate(table.columns)
    ]
    notes = "\n".join(f"- {note}" for note in table.notes)
    header = ("", "column", "unit", "source", "not tabulated for")
    parts = (_table(("", ""), list(facts.items())), notes, _table(header, columns))
    return "\n\n".join(part for part in parts if part)


def trained_on(manifest: Manifest, joint: str = ",") -> str:
    """Return what a catalog was trained on, or that nobody knows, as part of a sentence."""
    training = manifest.training
    if training.n_structures is None:
        return training.source
    return f"{counted(training.n_structures, 'structure')}{joint if joint == ',' else f' {joint}'} {training.source}"


def listed(reasons: Mapping[str, str]) -> str:
    """Return elements with their reasons, those of one reason together: ``"Po, At: all zeros"``."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def _metrics(manifest: Manifest) -> str:
    header = ("target", "unit", "set", "n", "MAE", "MAE of the training mean", "R²")
    rows = [
        (name, m.unit, m.split, f"{m.n:,}", f"{m.mae:.4g}", f"{m.baseline_mae:.4g}", _number(m.r2))
        for name, m in manifest.metrics.items()
    ]
    warned = [f"**{caution}**" for caution in cautions(manifest)] if rows else []
    return "\n\n".join(part for part in (*warned, _table(header, rows)) if part)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _downstream(manifest: Manifest) -> str:
    if not manifest.downstream:
        return ""
    header = ("model", "target", "structures to learn from", "atom features", "MAE", "change")
    rows = [row for result in manifest.downstream.values() for row in _downstream_rows(result)]
    return f"{_DOWNSTREAM}\n\n{_table(header, rows)}"


def _downstream_rows(result: Downstream) -> list[tuple[str, ...]]:
    errors = {f"{result.own_features}, its own": result.without} | result.with_vectors
    task = (result.model, result.target, f"{result.n_training:,}")
    return [
        (*task, features, f"{error.mean:.4g} ± {error.std:.2g}", f"{error.mean / result.without.mean - 1:+.1%}")
        for features, error in errors.items()
    ]


def _coverage(manifest: Manifest) -> str:
    if manifest.kind == "structure":
        return ""
    cells = [f"{symbol} {count:,}" for symbol, count in manifest.n_structures.items()]
    rows = [tuple(cells[i : i + _COLUMNS]) for i in range(0, len(cells), _COLUMNS)]
    missing = ", ".join(manifest.missing_elements) or "none"
    covered = f"{counted(manifest.n_rows if manifest.table else len(manifest.n_structures), 'element')}."
    if not cells:
        return f"{covered} Without a vector ({len(manifest.missing_elements)}): {missing}."
    return (
        f"{covered} Without a vector ({len(manifest.missing_elements)}): {missing}.\n\n"
        f"Training structures that contain each element:\n\n{_table(('',) * _COLUMNS, rows)}"
    )


def _limits(manifest: Manifest) -> str:
    limits = list(manifest.limits)
    if manifest.synthetic:
        limits.append("The training structures or targets are synthetic: the vectors carry their model's errors.")
    rare = [symbol for symbol, count in manifest.n_structures.items() if count < _FEW]
    if rare:
        limits.append(f"Seen in fewer than {_FEW} structures, so their vectors say little: {', '.join(rare)}.")
    if manifest.table and manifest.table.training == "unknown":
        limits.append("What the vectors were trained on is unknown, so nobody can say which of your formulas they saw.")
    if manifest.missing_elements:
        without = "Elements without training structures have" if manifest.table is None else "Other elements have"
        limits.append(f"{without} no vector; asking for one is an error.")
    return "\n".join(f"- {limit}" for limit in limits)


def _files(manifest: Manifest) -> str:
    rows = [(f"`{f.path}`", f"{f.bytes:,}", f"`{f.sha256}`") for f in manifest.files if f.path != CARD]
    return _table(("file", "bytes", "SHA-256"), rows)


def _citation(manifest: Manifest) -> str:
    doi = f"\n\nDOI: {manifest.citation.doi}" if manifest.citation.doi else ""
    return f"```bibtex\n{manifest.citation.bibtex.strip()}\n```{doi}"


def _rebuild(manifest: Manifest) -> str:
    environment = ", ".join(f"{package} {version}" for package, version in manifest.environment.items())
    return (
        f"```sh\n{manifest.command}\n```\n\nBuilt {manifest.created} with {environment}; build fingerprint "
        f"`{manifest.fingerprint}`."
    )


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table; empty where there are no rows."""
    if not rows:
        return ""
    lines = [header, ("---",) * len(header), *(row + ("",) * (len(header) - len(row)) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
