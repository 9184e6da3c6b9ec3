"""Every command that writes, in every way that it writes: a new command cannot be added without a line here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testing.crystals import write_sample
from testing.encoders import write_encoder_catalog
from testing.toys import write_toy
from testing.vector_files import write_structures

READ_ONLY = {
    "list": ("list",),
    "show": ("show", "toy"),
    "verify": ("verify", "toy"),
    "validate": ("validate", "out/toy/0.1.0/vectors.parquet"),
    "neighbors": ("neighbors", "toy", "Fe"),
    "search": ("search", "in/vectors.parquet", "--diverse", "2"),
    "sources": ("sources",),
    "transferability": ("transferability", "in/numbers.csv", "--target", "y", "--encoder", "net", "--folds", "2"),
}
"""Commands that write nothing at all, and how they are called."""

SOURCE = ("--source", "table", "--path", "in/crystals.parquet")
TWO = ("--workers", "2")
EMBED = ("embed", "--catalog", "net", *SOURCE, "--quiet")
PERTURB = ("perturb", *SOURCE, "--potential", "answering-toy", "--copies", "1", "--quiet")
BUILD = ("build", *SOURCE, "--epochs", "1", "--out", "out", "--quiet")
CRYSTALS = (*BUILD, "--recipe", "starter", "--targets", "band_gap", "--name", "made")

FIT = ("fit", "in/numbers.csv", "--target", "y", "--catalog", "toy", "--head", "ridge", "--quiet", "-o", "out/model")

PUSH = ("push", "toy", "out/registry")
REMEMBER = ("registry", "add", "lab", "out/registry")
CANDIDATES = (
    "predict-structure", "LiF", "NaF", "--templates", "in/crystals.parquet", "--catalog", "net", "-k", "2", "--quiet",
)  # fmt: skip


IMPORT = (
    "import", "in/vectors.csv", "--name", "theirs", "--licence", "MIT", "--citation", "10.1000/x", "--out", "out",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One way of writing.

    Attributes:
        args: of the command; it writes below ``out/`` (and keeps what it likes in ``cache/``).
        before: commands that make what is there before it; a text is written to the file that ends `args`.
        replaces: whether it takes the place of what is there.
        readers: commands that read what it writes.
        tries: steps that the short run tries for each fault.
        is_variant: whether the short run only kills it, since another way of the same command is tried with all faults.
    """

    args: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    replaces: bool = False
    readers: tuple[tuple[str, ...], ...] = ()
    tries: int = 4
    is_variant: bool = False

    @property
    def command(self) -> str:
        """Name of the command."""
        return self.args[0]


def _written(ending: str, *args: str, is_variant: bool = False) -> Case:
    """Return a command that replaces one file in one go."""
    return Case((*args, "-o", f"out/file{ending}"), replaces=True, tries=1, is_variant=is_variant)


_EXPORTS = {
    "cgcnn": ".json", "megnet": ".npy", "matgl": ".pt", "alignn": ".json", "torch": ".pt", "csv": ".csv",
    "json": ".json", "hdf5": ".h5", "pymatgen": ".json", "matminer": ".json", "element-embeddings": ".json",
    "aviary": ".json", "crabnet": ".csv", "pyg": ".pt",
}  # fmt: skip
_VECTORS = (("show", "out/vectors"), ("verify", "out/vectors"))
_VERIFY = (("verify", "made"), ("show", "made"), ("list",))

CASES: dict[str, Case] = {
    "pull": Case(("pull", *SOURCE, "--out", "out/snapshot", "--quiet")),
    "pull --workers": Case(
        ("pull", "in/files", *TWO, "--out", "out/snapshot", "--quiet"), tries=1, is_variant=True
    ),
    "build": Case(CRYSTALS, tries=2),
    "build another version": Case(
        (*CRYSTALS, "--seed", "1"), before=(CRYSTALS,), readers=_VERIFY, tries=1, is_variant=True
    ),
    "build --force": Case(
        (*CRYSTALS, "--version", "0.1.0", "--seed", "1", "--force"), before=(CRYSTALS,), readers=_VERIFY, tries=2
    ),
    "build an encoder": Case(
        (*BUILD, "--recipe", "cromel-band-gap", "--teacher", "net", "--name", "made"), tries=1, is_variant=True
    ),
    **{
        f"embed --level {level}": Case(
            ("embed", "--catalog", "net", "--level", level, *SOURCE, "--quiet", "-o", "out/file.parquet"),
            tries=1,
            is_variant=level != "site",
        )
        for level in ("structure", "site", "element")
    },
    "embed to a folder": Case((*EMBED, "--rows-per-file", "9", "-o", "out/vectors"), tries=2),
    "embed to a folder --force": Case(
        (*EMBED, "--rows-per-file", "9", "--dtype", "int8", "--force", "-o", "out/vectors"),
        before=((*EMBED, "-o", "out/vectors"),),
        readers=_VECTORS,
        tries=2,
        is_variant=True,
    ),
    "embed --force": Case(
        ("embed", "--catalog", "net", *SOURCE, "--quiet", "--force", "-o", "out/file.parquet"), replaces=True, tries=2
    ),
    "embed --workers": Case(
        ("embed", "--catalog", "net", *SOURCE, *TWO, "--quiet", "-o", "out/file.parquet"), tries=1, is_variant=True
    ),
    "perturb": Case((*PERTURB, "-o", "out/copies.parquet"), tries=2),
    "perturb --force": Case(
        (*PERTURB, "--seed", "1", "--force", "-o", "out/file.parquet"), replaces=True, tries=1, is_variant=True
    ),
    "featurize --workers": _written(
        ".parquet", "featurize", "in/formulas.csv", "--catalog", "toy", *TWO, is_variant=True
    ),
    **{
        f"featurize {ending}": _written(
            ending, "featurize", "in/formulas.csv", "--catalog", "toy", is_variant=ending == ".csv"
        )
        for ending in (".parquet", ".csv")
    },
    **{
        f"export --to {client}": _written(
            ending, "export", "toy", "--to", client, "--missing", "mean", is_variant=client != "cgcnn"
        )
        for client, ending in _EXPORTS.items()
    },
    **{
        f"plot --kind {kind}": _written(".html", "plot", "net", "--kind", kind, *more, is_variant=kind != "ptable")
        for kind, more in {
            "ptable": ("--color", "block"), "map": ("--method", "pca"), "heatmap": (), "dendrogram": (), "elbow": (),
        }.items()
    },
    "plot --kind materials": _written(
        ".html", "plot", "in/vectors.parquet", "--kind", "materials", "--method", "pca", is_variant=True
    ),
    "import": Case(IMPORT, readers=(("list",),), tries=2),
    "import --force": Case(
        (*IMPORT, "--keep", "H", "--force"), before=(IMPORT,), readers=(("verify", "theirs"),), tries=1, is_variant=True
    ),
    "cache --clear": Case(("cache", "--clear", "all", "--yes"), before=(CRYSTALS,), tries=2),
    "cache --clear catalogs": Case(("cache", "--clear", "catalogs", "--yes"), tries=1, is_variant=True),
    "push": Case(PUSH, tries=3),
    "push another version": Case(
        ("push", "net", "out/registry"),
        before=(PUSH, REMEMBER),
        readers=(("get", "lab:toy"),),
        tries=2,
        is_variant=True,
    ),
    "push --zenodo": Case(
        ("push", "toy", "out/deposit", "--zenodo", "--creator", "Doe, Jane"), tries=1, is_variant=True
    ),
    "get": Case(("get", "lab:toy@0.1.0"), before=(PUSH, REMEMBER), tries=4),
    "registry add": Case(("registry", "add", "another", "out/registry"), before=(REMEMBER,), tries=1),
    "bench": _written(
        ".html", "bench", "in/numbers.csv", "--target", "y", "--catalog", "net", "--folds", "2", "--budget", "0.001s"
    ),
    "diff": Case(("diff", "toy", "net", "-o", "out/file.html"), replaces=True, tries=1),
    "overlap": _written(".csv", "overlap", "in/crystals.parquet", "in/crystals.parquet", "--no-confirm", "--quiet"),
    "predict-structure": Case((*CANDIDATES, "-o", "out/candidates"), tries=2),
    "predict-structure to a table": Case(
        (*CANDIDATES, "-o", "out/file.parquet"), replaces=True, tries=1, is_variant=True
    ),
    "explore": Case(("explore", "net", "-o", "out/file.html"), replaces=True, tries=1),
    "fit": Case(FIT, tries=1),
    "predict": Case(
        ("predict", "out/model", "in/formulas.csv", "--quiet", "-o", "out/file.csv"),
        before=(FIT,),
        replaces=True,
        tries=1,
    ),
    "explain": Case(
        ("explain", "out/model", "NaCl", "--background", "in/numbers.csv", "--quiet", "-o", "out/file.html"),
        before=(FIT,),
        replaces=True,
        tries=1,
    ),
}  # fmt: skip

CHOICES = {"export": "client", "embed": "level", "plot": "kind"}
"""Options whose every choice writes in its own way."""


POSCAR = "CsCl\n1\n{a} 0 0\n0 4 0\n0 0 4\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"


def prepare(root: Path) -> None:
    """Fill a folder with small inputs, and with two catalogs in ``out/``."""
    for name in ("in", "out", "cache"):
        (root / name).mkdir(parents=True)
    write_sample(root / "in" / "crystals.parquet", 24)
    (root / "in" / "files").mkdir()
    for k in range(3):
        (root / "in" / "files" / f"{k}.vasp").write_text(POSCAR.format(a=4 + k / 10))
    write_structures(root / "in" / "vectors.parquet", ["a", "b", "c"], ["NaCl", "LiF", "KBr"], [[1, 2], [2, 1], [0, 3]])
    write_toy(root / "out")
    write_encoder_catalog(root / "out", name="net")
    lines = ["formula,y", *(f"Na{k}Cl,{k}" for k in range(1, 12))]
    (root / "in" / "numbers.csv").write_text("\n".join(lines) + "\n")
    (root / "in" / "vectors.csv").write_text("element,a,b\nH,0,0\nO,1,2\nFe,3,4\n")
    (root / "in" / "formulas.csv").write_text("\n".join([*lines, "not a formula,2"]) + "\n")
