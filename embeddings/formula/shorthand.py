"""What looks like a formula and is shorthand: ligands (``OAc``) and acronyms (``YBCO``).

Read letter by letter, each would be another substance: acetate has no actinium, tosylate no tennessine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from embeddings.formula.refusal import Refusal

GROUPS = {
    "OAc": "(C2H3O2)",
    "OTf": "(CF3SO3)",
    "OTs": "(C7H7SO3)",
    "OPr": "(OC3H7)",
    "OMe": "(OCH3)",
    "OEt": "(OC2H5)",
    "OBu": "(OC4H9)",
    "OPh": "(OC6H5)",
    "TsO": "(C7H7SO3)",
    "NTf2": "(N(CF3SO2)2)",
    "TFSI": "(N(CF3SO2)2)",
    "FSI": "(N(FSO2)2)",
    "BOB": "(B(C2O4)2)",
    "DFOB": "(BF2C2O4)",
    "acac": "(C5H7O2)",
    "hfac": "(C5HF6O2)",
    "bipy": "(C10H8N2)",
    "bpy": "(C10H8N2)",
    "phen": "(C12H8N2)",
    "dppe": "(C26H24P2)",
    "cod": "(C8H12)",
    "COD": "(C8H12)",
    "COT": "(C8H8)",
    "THF": "(C4H8O)",
    "thf": "(C4H8O)",
    "DMF": "(C3H7NO)",
    "dmf": "(C3H7NO)",
    "DMSO": "(C2H6OS)",
    "dmso": "(C2H6OS)",
    "BTC": "(C9H3O6)",
    "BDC": "(C8H4O4)",
    "edta": "(C10H12N2O8)",
    "EDTA": "(C10H12N2O8)",
    "TFA": "(C2F3O2)",
    "iPr": "(C3H7)",
    "nPr": "(C3H7)",
    "tBu": "(C4H9)",
    "nBu": "(C4H9)",
    "Me": "(CH3)",
    "Et": "(C2H5)",
    "Ph": "(C6H5)",
    "Bu": "(C4H9)",
    "Bz": "(C7H5O)",
    "Bn": "(C7H7)",
    "Cy": "(C6H11)",
    "Cp": "(C5H5)",
    "Tf": "(CF3SO2)",
    "py": "(C5H5N)",
    "en": "(C2H8N2)",
    "ox": "(C2O4)",
}
"""Groups that chemists abbreviate, by abbreviation; ``O`` before a group is part of it."""

CATIONS = {
    "FA": "(CH5N2)",
    "MA": "(CH6N)",
    "GA": "(CH6N3)",
    "EA": "(C2H8N)",
    "DMA": "(C2H8N)",
    "BA": "(C4H12N)",
    "PEA": "(C8H12N)",
}
"""Organic cations of halide perovskites; elsewhere these letters mean something else."""

_HALIDE_PEROVSKITE = re.compile(r"(?:Pb|Sn|Ge|Sb|Bi|Ag|Cu)(?![a-z]).*(?:I|Br|Cl)(?![a-z])")

ACRONYMS = {
    "BTO": "BaTiO3",
    "STO": "SrTiO3",
    "PTO": "PbTiO3",
    "KTO": "KTaO3",
    "BFO": "BiFeO3",
    "YBCO": "YBa2Cu3O7",
    "BSCCO": "Bi2Sr2CaCu2O8",
    "KDP": "KH2PO4",
    "DKDP": "KD2PO4",
    "KTP": "KTiOPO4",
    "KNN": "K0.5Na0.5NbO3",
    "ITO": "In1.8Sn0.2O3",
    "FTO": "SnO2",
    "CFO": "CoFe2O4",
    "NFO": "NiFe2O4",
    "CIS": "CuInSe2",
    "YIG": "Y3Fe5O12",
    "YAG": "Y3Al5O12",
    "HAc": "C2H4O2",
    "HOAc": "C2H4O2",
    "AcOH": "C2H4O2",
    "NaAc": "NaC2H3O2",
    "NH4Ac": "NH4C2H3O2",
    "TsOH": "C7H8SO3",
    "HOTs": "C7H8SO3",
    "TsCl": "C7H7SO2Cl",
    "PrOH": "C3H8O",
    "THF": "C4H8O",
    "CNT": "C",
    "BSCF": "Ba0.5Sr0.5Co0.8Fe0.2O3",
    "BST": "Ba0.5Sr0.5TiO3",
    "LFP": "LiFePO4",
    "LCO": "LiCoO2",
    "LMO": "LiMn2O4",
    "LTO": "Li4Ti5O12",
    "LLZO": "Li7La3Zr2O12",
    "NCA": "LiNi0.8Co0.15Al0.05O2",
    "NMC111": "LiNi1/3Mn1/3Co1/3O2",
    "NMC532": "LiNi0.5Mn0.3Co0.2O2",
    "NMC622": "LiNi0.6Mn0.2Co0.2O2",
    "NMC811": "LiNi0.8Mn0.1Co0.1O2",
    "PVDF": "C2H2F2",
    "PVC": "C2H3Cl",
}
"""Names that stand for a whole formula, and one composition that they mean."""

_BONDS = re.compile(r"[CNOS()\]]=[CNOS(\[]|C#[CN]|ccc|\[\*\]")
_CHAIN = re.compile(r"(?=.*CC(?![a-z]))(?:Cl|Br|[BCNOPSFI()0-9])+")
_ATOM = re.compile(r"Cl|Br|[BCNOPSFI]")

_NEEDS_CARE = re.compile(r"Ts|OAc|OPr|OAr|\(\s*Ac\s*\)|[A-Z]{3}|HAc|NH4Ac|[a-z]Ac|AcOH|TsCl|PrOH|FSI|BOB|TI(?![a-z])")
_READABLE = ("OAc", "OTs", "OPr", "TsO", "TFSI", "FSI", "DFOB", "BOB", "COD", "COT", "THF", "BTC", "BDC", "TFA")
_READ_AS_LETTERS = re.compile(
    rf"(?<![A-Za-z])(?:{'|'.join(_READABLE)})(?![A-Za-z])|(?:OAc|OTs|OPr|TsO|TFSI|FSI|BOB|DFOB)(?![a-z])"
)
_ARYL = re.compile(r"(?!^OAr\d*$)OAr(?![a-z])")  # alone it is not a substance with an aryl group
_ACETATE = re.compile(r"(?<=[A-Za-z0-9)])\(\s*Ac\s*\)")
METALS = tuple("Be Mg Al Sc Ti Cr Mn Fe Co Ni Cu Zn Ga Zr Mo Ru Rh Pd Ag Cd In Sn Pt Au Hg Tl Pb Bi Th".split())
"""Metals more electronegative than actinium, which would stand behind it; ``ZnAc2`` is an acetate."""
_ACETATE_OF_METAL = re.compile(rf"(?:(?<=^..)|(?<=[·.\s(]..))(?<={'|'.join(METALS)})Ac(?=[0-9]*(?:$|[·.\s]))")
_T_I = re.compile(r"TI(?![a-z])")


def refuse_shorthand(text: str) -> None:
    """Refuse what reads, letter by letter, as an unlikely substance.

    Raises:
        Refusal: with the formula of what is meant, and the spelling of what was read.
    """
    bare = text.strip()
    if _is_smiles(bare):
        raise Refusal(
            0, "it looks like SMILES, which leaves out hydrogen; give its formula: C2H6O, not CCO", final=True
        )
    if not _NEEDS_CARE.search(text):
        return
    if bare in ACRONYMS:
        reason = f"{bare} is also the short name of a substance"
        raise Refusal(0, reason, [ACRONYMS[bare], _letters(bare)])
    found = _READ_AS_LETTERS.search(text)
    if found:
        name = found[0]
        reason = f"{name} is also the short name of a group of atoms"
        raise Refusal(found.start(), reason, [expanded(text), _replaced(text, found, _letters(name))])
    found = _ACETATE.search(text)
    if found:
        reason = "Ac in brackets may be acetate or actinium"
        spellings = [_ACETATE.sub("(C2H3O2)", text), _ACETATE.sub("Ac", text), _ACETATE.sub("(Ac1)", text)]
        raise Refusal(found.start(), reason, spellings)
    found = _ACETATE_OF_METAL.search(text)
    if found:
        spellings = [_replaced(text, found, by) for by in ("(C2H3O2)", "1Ac")]
        raise Refusal(found.start(), "Ac behind a metal may be acetate or actinium", spellings)
    found = _ARYL.search(text)
    if found:
        reason = "Ar behind O may be an aryl group, of which only you know the atoms, or argon"
        raise Refusal(found.start(), reason, [_ARYL.sub("(OC6H5)", text), _ARYL.sub("O1Ar", text)])
    found = _T_I.search(text)
    if found:
        spellings = [_replaced(text, found, name) for name in ("Ti", "Tl", "T1I")]
        raise Refusal(found.start(), "TI may be titanium, thallium, or tritium and iodine", spellings)


def _replaced(text: str, found: re.Match[str], by: str) -> str:
    rest = text[found.end() :]
    return text[: found.start()] + (by.removesuffix("1") if rest[:1].isdigit() else by) + rest


def _is_smiles(bare: str) -> bool:
    """Whether a text is a molecule as SMILES, which names neither hydrogen nor amounts: ``CCO`` is ethanol, not C2O.

    ``CCCCPPPP`` is not: so are the atoms of a crystal spelled, element after element.
    """
    if _BONDS.search(bare):
        return True
    if not _CHAIN.fullmatch(bare):
        return False
    runs = [(symbol, len(list(run))) for symbol, run in groupby(_ATOM.findall(bare))]
    if len("".join(symbol * n for symbol, n in runs)) < len(bare) or len({symbol for symbol, _ in runs}) < len(runs):
        return True  # branches, rings, or an element that comes back
    return len(runs) > 1 and all(n == 1 for symbol, n in runs if symbol != "C")


def _letters(name: str) -> str:
    """Return an acronym as the elements that it spells, each with its amount."""
    return re.sub(r"([A-Z][a-z]?)(?![0-9a-z])", r"\g<1>1", name)


def expanded(text: str) -> str:
    """Return a formula with its abbreviated groups written out; ``Pb(OAc)2`` is ``Pb((C2H3O2))2``."""
    groups = _groups_for(text)
    return _pattern(groups).sub(lambda found: groups[found[0]], text)


def groups_in(text: str) -> list[str]:
    """Return the abbreviated groups of a formula, each once."""
    return list(dict.fromkeys(_pattern(_groups_for(text)).findall(text)))


def _groups_for(text: str) -> dict[str, str]:
    return GROUPS | CATIONS if _HALIDE_PEROVSKITE.search(text) else GROUPS


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(sorted(names, key=len, reverse=True))})(?![a-z])")
