"""What a manifest says, in the words of the explorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embeddings.catalog import ElementCatalog
from embeddings.display.numbers import counted
from embeddings.store.card import trained_on
from embeddings.store.manifest import Manifest


def name_catalogs(catalogs: Sequence[ElementCatalog]) -> list[str]:
    """Return a title for each catalog; twins are told apart by a number."""
    titles = [f"{catalog.name} {catalog.version}" for catalog in catalogs]
    if len(set(titles)) == len(titles):
        return titles
    return [f"{title} ({number})" for number, title in enumerate(titles, start=1)]


def summarize(catalogs: Sequence[ElementCatalog]) -> str:
    """Return one line under the title: what the catalog is, or how large each of several is."""
    if len(catalogs) == 1:
        return catalogs[0].manifest.description
    return "; ".join(f"{each.name}: {counted(len(each), 'element')} \u00d7 {each.dim}" for each in catalogs)


def list_facts(manifest: Manifest) -> list[dict[str, str]]:
    """Return label and text of each fact, in the order to read them."""
    training, model = manifest.training, manifest.model
    facts = {
        "Description": manifest.description,
        "Vectors": f"{counted(manifest.n_rows, 'element')} \u00d7 {manifest.dim} dimensions, {manifest.dtype}",
        "Trained on": trained_on(manifest),
        "Synthetic data": "yes: made up, or computed by a model" if manifest.synthetic else "no",
        "Targets": ", ".join(f"{target} ({unit})" if unit else target for target, unit in training.targets.items()),
        "Left out": ", ".join(f"{reason} {count:,}" for reason, count in training.dropped.items()) or "nothing",
        "Split": training.split if training.seed is None else f"{training.split}; seed {training.seed}",
        "Model": f"{model.name}, recipe {model.recipe}, code {model.code_version}",
        "Built": manifest.created,
        "Rebuild": manifest.command,
        "Fingerprint": manifest.fingerprint,
    }
    return _pairs(facts)


def list_terms(manifest: Manifest) -> list[dict[str, str]]:
    """Return label and text of what a user of the catalog owes: license, attribution, citation."""
    citation = manifest.citation
    return _pairs(
        {
            "License": manifest.licence.spdx,
            "Attribution": " ".join(manifest.licence.attribution.split()),
            "Cite": f"doi:{citation.doi}" if citation.doi else " ".join(citation.bibtex.split()),
        }
    )


def list_metrics(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the held-out error of each target beside that of predicting the training mean."""
    return [{"target": target, **vars(metric)} for target, metric in manifest.metrics.items()]


def _pairs(facts: dict[str, str]) -> list[dict[str, str]]:
    return [{"label": label, "text": text} for label, text in facts.items()]
