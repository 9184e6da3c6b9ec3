"""The list of prototypes: elemental, ionic and intermetallic structure types, and the roles of their sites.

Each row is a structure type in its space group's standard setting (origin choice 1, hexagonal axes for
rhombohedral groups). Free internal parameters and axis ratios keep the value of the type's namesake, or the ideal
one. A type appears twice when chemistry uses it in two ways (fluorite and antifluorite, perovskite and
antiperovskite). :mod:`tools.starter.decorate` says what the roles mean.
"""

from __future__ import annotations

from typing import Any

from tools.starter.cells import Prototype

_IDEAL_HCP = (8 / 3) ** 0.5
_FEW, _MANY, _ALL = 100, 300, 1000
_LARGER = (1.05, 10.0)


def _type(
    name: str, symbol: str, group: int, ratios: tuple[float, ...], sites: str, roles: str, **rest: Any
) -> Prototype:
    return Prototype(name, symbol, group, ratios, sites, tuple(roles.split()), **rest)


ELEMENTAL = (
    _type("fcc", "A1", 225, (), "A 0 0 0", "element"),
    _type("bcc", "A2", 229, (), "A 0 0 0", "element"),
    _type("hcp", "A3", 194, (_IDEAL_HCP,), "A 1/3 2/3 1/4", "element"),
    _type("dhcp", "A3'", 194, (2 * _IDEAL_HCP,), "A 0 0 0; A 1/3 2/3 1/4", "element"),
    _type("alpha-sm", "C19", 166, (4.5 * _IDEAL_HCP,), "A 0 0 0; A 0 0 2/9", "element"),
    _type("diamond", "A4", 227, (), "A 0 0 0", "element"),
    _type("beta-sn", "A5", 141, (0.546,), "A 0 0 0", "element"),
    _type("alpha-as", "A7", 166, (2.80,), "A 0 0 0.227", "element"),
    _type("simple-cubic", "Ah", 221, (), "A 0 0 0", "element"),
    _type("simple-hexagonal", "Af", 191, (0.95,), "A 0 0 0", "element"),
    _type("a15", "A15", 223, (), "A 0 0 0; A 1/4 0 1/2", "element"),
    _type("omega", "", 191, (0.613,), "A 0 0 0; A 1/3 2/3 1/2", "element"),
)

_ROCKSALT = (225, (), "A 0 0 0; B 1/2 1/2 1/2")
_CSCL = (221, (), "A 0 0 0; B 1/2 1/2 1/2")
_NIAS = (194, (1.50,), "A 0 0 0; B 1/3 2/3 1/4")
_PBO = (129, (1.26,), "A 1/2 0 0.24; B 0 0 0")
_FESE = (129, (1.46,), "A 0 0 0; B 1/2 0 0.267")
_CRB = (63, (2.64, 0.99), "A 0 0.146 1/4; B 0 0.440 1/4")
_FEB = (62, (0.536, 0.738), "A 0.180 1/4 0.125; B 0.036 1/4 0.610")
_MNP = (62, (0.603, 1.125), "A 0.005 1/4 0.197; B 0.188 1/4 0.569")

BINARY_AB = (
    _type("rocksalt", "B1", *_ROCKSALT, "cation anion", equivalent=("BA",), n_max=_ALL),
    _type("rocksalt-carbide", "B1", *_ROCKSALT, "metal interstitial", equivalent=("BA",)),
    _type("cscl", "B2", *_CSCL, "cation anion", equivalent=("BA",), n_max=_MANY),
    _type("b2", "B2", *_CSCL, "metal metal", equivalent=("BA",), n_max=_MANY),
    _type("zincblende", "B3", 216, (), "A 0 0 0; B 1/4 1/4 1/4", "cation anion", equivalent=("BA",), n_max=_ALL),
    _type("wurtzite", "B4", 186, (_IDEAL_HCP,), "A 1/3 2/3 0; B 1/3 2/3 3/8", "cation anion", equivalent=("BA",)),
    _type("nias", "B81", *_NIAS, "cation anion"),
    _type("nias-intermetallic", "B81", *_NIAS, "transition main"),
    _type("tungsten-carbide", "Bh", 187, (0.976,), "A 0 0 0; B 1/3 2/3 1/2", "metal interstitial", equivalent=("BA",)),
    _type("hexagonal-bn", "Bk", 194, (1.20,), "A 1/3 2/3 1/4; B 1/3 2/3 3/4", "cation anion", equivalent=("BA",)),
    _type("alpha-pbo", "B10", *_PBO, "cation anion"),
    _type("fese", "B10", *_FESE, "transition main"),
    _type("pts", "B17", 131, (1.76,), "A 0 1/2 0; B 0 0 1/4", "cation anion"),
    _type("fesi", "B20", 198, (), "A 0.137 0.137 0.137; B 0.842 0.842 0.842", "transition main"),
    _type("crb", "B33", *_CRB, "metal main", size=_LARGER),
    _type("tli", "B33", *_CRB, "cation anion"),
    _type("feb", "B27", *_FEB, "metal main", size=_LARGER, n_max=_FEW),
    _type("mnp", "B31", *_MNP, "transition main", n_max=_FEW),
    _type("l1-0", "L10", 123, (2**0.5,), "A 0 0 0; B 1/2 1/2 1/2", "metal metal", equivalent=("BA",), n_max=_MANY),
    _type("l1-1", "L11", 166, (24**0.5,), "A 0 0 0; B 0 0 1/2", "metal metal", equivalent=("BA",)),
    _type("natl", "B32", 227, (), "A 0 0 0; B 1/2 1/2 1/2", "metal metal", equivalent=("BA",)),
)

_FLUORITE = (225, (), "A 0 0 0; B 1/4 1/4 1/4")
_CDI2 = (164, (1.60,), "A 0 0 0; B 1/3 2/3 1/4")
_C14 = "A 1/3 2/3 0.062; B 0 0 0; B 5/6 2/3 1/4"
_COTUNNITE = "A 0.238 1/4 0.096; B 0.125 1/4 0.422; B 0.020 1/4 0.837"

BINARY_AB2 = (
    _type("fluorite", "C1", *_FLUORITE, "cation anion", n_max=_ALL),
    _type("antifluorite", "C1", *_FLUORITE, "anion cation"),
    _type("fluorite-intermetallic", "C1", *_FLUORITE, "transition main"),
    _type("rutile", "C4", 136, (0.644,), "A 0 0 0; B 0.305 0.305 0", "cation anion", n_max=_ALL),
    _type("anatase", "C5", 141, (2.51,), "A 0 0 0; B 0 0 0.208", "cation anion"),
    _type("cadmium-iodide", "C6", *_CDI2, "cation anion"),
    _type("anti-cadmium-iodide", "C6", *_CDI2, "anion cation"),
    _type("molybdenite", "C7", 194, (3.90,), "A 1/3 2/3 1/4; B 1/3 2/3 0.621", "cation anion"),
    _type("cuprite", "C3", 224, (), "A 0 0 0; B 1/4 1/4 1/4", "anion cation"),
    _type("cristobalite", "C9", 227, (), "A 0 0 0; B 1/8 1/8 1/8", "cation anion"),
    _type("cotunnite", "C23", 62, (0.595, 1.188), _COTUNNITE, "cation anion", n_max=_FEW),
    _type("pyrite", "C2", 205, (), "A 0 0 0; B 0.385 0.385 0.385", "cation dimer"),
    _type("calcium-carbide", "C11a", 139, (1.64,), "A 0 0 0; B 0 0 0.406", "cation dimer"),
    _type("mosi2", "C11b", 139, (2.45,), "A 0 0 0; B 0 0 1/3", "metal metal"),
    _type("alb2", "C32", 191, (1.08,), "A 0 0 0; B 1/3 2/3 1/2", "metal main", size=_LARGER),
    _type("laves-c15", "C15", 227, (), "A 0 0 0; B 5/8 5/8 5/8", "metal metal", size=(1.05, 1.7), n_max=_MANY),
    _type("laves-c14", "C14", 194, (_IDEAL_HCP,), _C14, "metal metal", size=(1.05, 1.7), n_max=_FEW),
    _type("ni2in", "B82", 194, (1.23,), "A 1/3 2/3 1/4; B 0 0 0; B 1/3 2/3 3/4", "metal metal"),
    _type("cual2", "C16", 140, (0.80,), "A 0 0 1/4; B 0.158 0.658 0", "metal metal"),
    _type("cu2sb", "C38", 129, (1.526,), "A 1/2 0 0.70; B 0 0 0; B 1/2 0 0.27", "main metal"),
)

_D0_3 = (225, (), "A 0 0 0; B 1/4 1/4 1/4; B 1/2 1/2 1/2")
_D0_18 = "A 1/3 2/3 1/4; B 0 0 1/4; B 1/3 2/3 0.583"
_D0_19 = "A 1/3 2/3 1/4; B 5/6 2/3 1/4"
_REO3 = (221, (), "A 0 0 0; B 1/2 0 0")
_SKUTTERUDITE = (204, (), "A 1/4 1/4 1/4; B 0 0.335 0.160")

BINARY_AB3 = (
    _type("l1-2", "L12", 221, (), "A 0 0 0; B 0 1/2 1/2", "metal metal", n_max=_MANY),
    _type("d0-3", "D03", *_D0_3, "metal metal", n_max=_MANY),
    _type("bif3", "D03", *_D0_3, "cation anion"),
    _type("li3bi", "D03", *_D0_3, "anion cation"),
    _type("d0-18", "D018", 194, (1.76,), _D0_18, "anion cation"),
    _type("d0-19", "D019", 194, (_IDEAL_HCP / 2,), _D0_19, "metal metal"),
    _type("d0-22", "D022", 139, (2.0,), "A 0 0 0; B 0 0 1/2; B 0 1/2 1/4", "metal metal"),
    _type("cr3si", "A15", 223, (), "A 0 0 0; B 1/4 0 1/2", "metal transition"),
    _type("reo3", "D09", *_REO3, "cation anion"),
    _type("cu3n", "D09", *_REO3, "anion cation"),
    _type("li3n", "", 191, (1.06,), "A 0 0 0; B 0 0 1/2; B 1/3 2/3 0", "anion cation"),
    _type("skutterudite", "D02", *_SKUTTERUDITE, "cation ring", n_max=_FEW),
)

_U3SI2 = (127, (0.533,), "A 0 0 0; A 0.181 0.681 1/2; B 0.389 0.889 0")
_MN5SI3 = (193, (0.697,), "A 1/3 2/3 0; A 0.236 0 1/4; B 0.599 0 1/4")
_THMN12 = (139, (0.60,), "A 0 0 0; B 1/4 1/4 1/4; B 0.361 0 0; B 0.277 1/2 0")

BINARY_OTHER = (
    _type("corundum", "D51", 167, (2.73,), "A 0 0 0.352; B 0.306 0 1/4", "cation anion"),
    _type("la2o3", "D52", 164, (1.557,), "A 1/3 2/3 0.245; B 0 0 0; B 1/3 2/3 0.645", "cation anion"),
    _type("mg3sb2", "D52", 164, (1.58,), "A 1/3 2/3 0.226; B 0 0 0; B 1/3 2/3 0.63", "anion cation"),
    _type("tetradymite", "C33", 166, (6.96,), "A 0 0 0.4; B 0 0 0; B 0 0 0.212", "cation anion"),
    _type("ni2al3", "D513", 164, (1.21,), "A 1/3 2/3 0.141; B 0 0 0; B 1/3 2/3 0.648", "transition main"),
    _type("th3p4", "D73", 220, (), "A 3/8 0 1/4; B 0.083 0.083 0.083", "cation anion", n_max=_FEW),
    _type("u3si2", "D5a", *_U3SI2, "metal main", size=_LARGER, n_max=_FEW),
    _type("mn5si3", "D88", *_MN5SI3, "metal main", size=_LARGER, n_max=_FEW),
    _type("baal4", "D13", 139, (2.50,), "A 0 0 0; B 0 1/2 1/4; B 0 0 0.38", "large main", size=_LARGER),
    _type("cacu5", "D2d", 191, (0.80,), "A 0 0 0; B 1/3 2/3 0; B 1/2 0 1/2", "large metal", size=(1.15, 2.0)),
    _type("cab6", "D21", 221, (), "A 0 0 0; B 0.207 1/2 1/2", "large main", size=(1.2, 10.0), n_max=_FEW),
    _type("ub12", "D2f", 225, (), "A 0 0 0; B 1/2 1/6 1/6", "metal main", size=(1.2, 10.0), n_max=_FEW),
    _type("thmn12", "D2b", *_THMN12, "large transition", size=(1.1, 2.0), n_max=_FEW),
)

_PEROVSKITE = (221, (), "A 0 0 0; B 1/2 1/2 1/2; C 1/2 1/2 0")
_HALF_HEUSLER = (216, (), "A 0 0 0; B 1/2 1/2 1/2; C 1/4 1/4 1/4")
_FULL_HEUSLER = (225, (), "A 1/2 1/2 1/2; B 0 0 0; C 1/4 1/4 1/4")
_INVERSE_HEUSLER = (216, (), "A 0 0 0; A 1/4 1/4 1/4; B 1/2 1/2 1/2; C 3/4 3/4 3/4")
_SPINEL = (227, (), "A 0 0 0; B 5/8 5/8 5/8; C 0.3875 0.3875 0.3875")
_CHALCOPYRITE = (122, (2.0,), "A 0 0 0; B 0 0 1/2; C 1/4 1/4 1/8")
_ZIRCON = (141, (0.906,), "A 0 0 0; B 0 0 1/2; C 0 0.816 0.320")
_CAAL2SI2 = (164, (1.73,), "A 0 0 0; B 1/3 2/3 0.63; C 1/3 2/3 0.27")
_PBFCL = (129, (1.76,), "A 1/2 0 0.206; B 0 0 0; C 1/2 0 0.650")
_CR2ALC = (194, (4.48,), "A 1/3 2/3 0.086; B 1/3 2/3 3/4; C 0 0 0")
_ZRNIAL = (189, (0.575,), "A 0.591 0 1/2; B 0.250 0 0; C 0 0 1/2; C 1/3 2/3 0")
_TINISI = (62, (0.597, 1.141), "A 0.021 1/4 0.180; B 0.142 1/4 0.561; C 0.765 1/4 0.623")
_K2NIF4 = (139, (3.29,), "A 0 0 0.352; B 0 0 0; C 0 1/2 0; C 0 0 0.155")
_THCR2SI2 = (139, (2.50,), "A 0 0 0; B 0 1/2 1/4; C 0 0 0.37")
_ILMENITE = (148, (2.76,), "A 0 0 0.355; B 0 0 0.146; C 0.317 0.023 0.245")
_BANIO3 = (194, (0.86,), "A 1/3 2/3 3/4; B 0 0 0; C 0.146 0.292 1/4")
_PYROCHLORE = (227, (), "A 5/8 5/8 5/8; B 1/8 1/8 1/8; C 0.455 1/4 1/4; C 1/2 1/2 1/2")

TERNARY = (
    _type("perovskite", "E21", *_PEROVSKITE, "large-cation cation anion", size=_LARGER, n_max=500),
    _type("antiperovskite", "E21", *_PEROVSKITE, "sp-metal interstitial metal", n_max=_MANY),
    _type("half-heusler", "C1b", *_HALF_HEUSLER, "metal sp-metal transition", equivalent=("BAC",), n_max=500),
    _type("full-heusler", "L21", *_FULL_HEUSLER, "metal sp-metal transition", equivalent=("BAC",), n_max=500),
    _type("inverse-heusler", "", *_INVERSE_HEUSLER, "transition metal sp-metal", equivalent=("ACB",), n_max=_MANY),
    _type("spinel", "H11", *_SPINEL, "cation cation anion", n_max=_MANY),
    _type("delafossite", "F51", 166, (5.90,), "A 0 0 0; B 0 0 1/2; C 0 0 0.11", "cation cation anion"),
    _type("alpha-nafeo2", "F51", 166, (5.30,), "A 0 0 1/2; B 0 0 0; C 0 0 0.235", "cation cation anion", size=_LARGER),
    _type("chalcopyrite", "E11", *_CHALCOPYRITE, "cation cation anion", equivalent=("BAC",)),
    _type("matlockite", "E01", *_PBFCL, "large-cation anion anion"),
    _type("k2ptcl6", "J11", 225, (), "A 1/4 1/4 1/4; B 0 0 0; C 0.24 0 0", "large-cation cation anion", size=_LARGER),
    _type("k2nif4", "", *_K2NIF4, "large-cation cation anion", size=_LARGER),
    _type("ilmenite", "E22", *_ILMENITE, "cation cation anion"),
    _type("banio3", "", *_BANIO3, "large-cation cation anion", size=_LARGER),
    _type("calcite", "G01", 167, (3.42,), "A 0 0 0; B 0 0 1/4; C 0.257 0 1/4", "cation oxo-centre anion", n_max=_FEW),
    _type("zircon", "", *_ZIRCON, "large-cation oxo-centre anion", n_max=_FEW),
    _type("pyrochlore", "E81", *_PYROCHLORE, "large-cation cation anion", size=_LARGER, n_max=60),
    _type("caal2si2", "", *_CAAL2SI2, "large-cation cation anion", size=_LARGER),
    _type("thcr2si2", "", *_THCR2SI2, "large transition main", n_max=_MANY),
    _type("zrbesi", "", 194, (1.94,), "A 0 0 0; B 1/3 2/3 1/4; C 1/3 2/3 3/4", "large metal main", equivalent=("ACB",)),
    _type("cr2alc", "", *_CR2ALC, "transition main interstitial"),
    _type("zrnial", "", *_ZRNIAL, "large main transition", n_max=_FEW),
    _type("tinisi", "", *_TINISI, "metal transition main", size=_LARGER, n_max=_FEW),
)

_LIMGPDSN = (216, (), "A 0 0 0; B 1/4 1/4 1/4; C 1/2 1/2 1/2; D 3/4 3/4 3/4")
_ELPASOLITE = (225, (), "A 1/4 1/4 1/4; B 0 0 0; C 1/2 1/2 1/2; D 1/4 0 0")
_STANNITE = (121, (2.0,), "A 0 1/2 1/4; B 0 0 0; C 0 0 1/2; D 1/4 1/4 1/8")
_ZRCUSIAS = (129, (2.18,), "A 1/2 0 0.142; B 0 0 0; C 0 0 1/2; D 1/2 0 0.651")
_FOUR_METALS = "transition transition metal sp-metal"
_DIHEDRAL = ("BCDA", "CDAB", "DABC", "DCBA", "CBAD", "BADC", "ADCB")

QUATERNARY = (
    _type("quaternary-heusler", "", *_LIMGPDSN, _FOUR_METALS, equivalent=_DIHEDRAL, n_max=_MANY),
    _type("elpasolite", "", *_ELPASOLITE, "large-cation cation cation anion", equivalent=("ACBD",), n_max=_MANY),
    _type("stannite", "", *_STANNITE, "univalent cation cation anion", equivalent=("ACBD",), n_max=_FEW),
    _type("zrcusias", "", *_ZRCUSIAS, "large-cation anion cation anion"),
)

PROTOTYPES = (*ELEMENTAL, *BINARY_AB, *BINARY_AB2, *BINARY_AB3, *BINARY_OTHER, *TERNARY, *QUATERNARY)
"""Every prototype, simplest first; where two prototypes describe one crystal, the earlier one keeps it."""
