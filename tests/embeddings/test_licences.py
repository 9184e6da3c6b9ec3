"""The license of a result asks at least as much as everything that it comes from."""

from __future__ import annotations

import pytest

from embeddings.errors import LicenceConflict
from embeddings.store.licences import check_licence, combined_attribution, combined_licence


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["CC-BY-4.0"], "CC-BY-4.0"),
        (["CC0-1.0"], "CC0-1.0"),
        (["CC0-1.0", "CC-BY-4.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["MIT", "CC-BY-4.0"], "MIT AND CC-BY-4.0"),
        (["CC-BY-4.0", "CC-BY-NC-4.0"], "CC-BY-4.0 AND CC-BY-NC-4.0"),
        (["CC-BY-4.0", "CC-BY-SA-4.0"], "CC-BY-SA-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0"),
        (["GPL-2.0-or-later", "GPL-3.0-only"], "GPL-3.0-only"),
        (["CC-BY-4.0 AND MIT", "MIT"], "CC-BY-4.0 AND MIT"),
        (["GPL-3.0-only OR MIT", "CC-BY-4.0"], "MIT AND CC-BY-4.0"),
        (["LicenseRef-mine", "CC-BY-4.0"], "LicenseRef-mine AND CC-BY-4.0"),
        (["LicenseRef-mine", "CC-BY-SA-4.0"], "CC-BY-SA-4.0 AND LicenseRef-mine"),
    ],
)
def test_result_is_bound_by_all(given: list[str], expected: str) -> None:
    assert combined_licence(given) == expected
    check_licence(expected, given)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-SA-4.0 requires .* CC-BY-NC-4.0"),
        (["CC-BY-SA-4.0", "ODbL-1.0"], "CC-BY-SA-4.0 requires .* ODbL-1.0"),
        (["GPL-2.0-only", "GPL-3.0-only"], "GPL-2.0-only requires"),
        (["CC-BY-ND-4.0"], "CC-BY-ND-4.0 does not allow you to share derived works"),
        ([], "No license was given"),
    ],
)
def test_licenses_that_exclude_each_other(given: list[str], named: str) -> None:
    with pytest.raises(LicenceConflict, match=named):
        combined_licence(given)


@pytest.mark.parametrize(
    ("claimed", "given"),
    [
        ("CC0-1.0", ["CC-BY-4.0"]),
        ("CC-BY-4.0", ["CC-BY-NC-4.0"]),
        ("MIT", ["GPL-3.0-only"]),
        ("CC-BY-4.0", ["CC-BY-SA-4.0"]),
        ("CC-BY-SA-4.0", ["CC-BY-NC-SA-4.0"]),
        ("CC-BY-4.0", ["CC-BY-4.0", "CC-BY-NC-4.0"]),
        ("MIT", ["LicenseRef-unknown"]),
        ("LicenseRef-mine", ["CC-BY-4.0"]),
    ],
)
def test_more_permissive_license_is_refused(claimed: str, given: list[str]) -> None:
    with pytest.raises(LicenceConflict, match=f"{claimed} allows more than"):
        check_licence(claimed, given)


@pytest.mark.parametrize(
    ("claimed", "given"),
    [
        ("CC-BY-4.0", ["CC0-1.0"]),
        ("CC-BY-NC-4.0", ["CC-BY-4.0", "MIT"]),
        ("CC-BY-4.0", ["MIT"]),
        ("CC-BY-NC-SA-4.0", ["CC-BY-NC-4.0"]),
        ("AGPL-3.0-only", ["GPL-3.0-only", "Apache-2.0"]),
        ("LicenseRef-mine AND CC-BY-4.0", ["CC-BY-4.0", "LicenseRef-mine"]),
    ],
)
def test_license_that_asks_as_much_is_accepted(claimed: str, given: list[str]) -> None:
    check_licence(claimed, given)


def test_credits_are_sentences_each_told_once() -> None:
    assert combined_attribution(["Our group", "Data of X.", "Our group", ""]) == "Our group. Data of X."
