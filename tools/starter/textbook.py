"""Compounds that everybody knows: a sample of decorations takes these first.

One entry per prototype; the elements of a compound stand in the order of the prototype's labels.
"""

from __future__ import annotations

_TABLE = {
    "rocksalt": "Na Cl, K Cl, Li F, K Br, Mg O, Ca O, Sr O, Fe O, Mn O, Ni O, Co O, Pb S, Pb Se, Ti C, Ti N, Li H",
    "cscl": "Cs Cl, Cs Br, Cs I, Tl Cl, Tl Br",
    "zincblende": "Ga As, Ga P, Ga Sb, In As, In Sb, In P, Al As, Si C, B N, B P, Zn S, Zn Se, Cd Te, Cu Cl",
    "wurtzite": "Ga N, Al N, In N, Zn O, Zn S, Cd S, Cd Se, Be O",
    "nias": "Ni As, Fe S, Co S, Fe Se, Mn As, V S",
    "nias-intermetallic": "Mn Sb, Mn Bi, Au Sn, Fe Sn",
    "b2": "Ni Al, Fe Al, Co Al, Ru Al, Ni Ti, Fe Ti, Co Ti, Cu Zn, Fe Co, Au Zn, Au Cd, Mg Ag, Y Ag, Y Cu, Fe Rh",
    "tungsten-carbide": "W C, Mo C",
    "alpha-pbo": "Pb O, Sn O",
    "pts": "Pt S, Pd O, Pt O",
    "fesi": "Fe Si, Mn Si, Co Si, Cr Si, Cr Ge",
    "crb": "Cr B, Ta B, Nb B",
    "feb": "Fe B, Ti B, Co B",
    "mnp": "Mn P, Fe P, Co P, Fe As, Cr As",
    "l1-0": "Fe Pt, Co Pt, Fe Pd, Ti Al, Cu Au, Mn Al",
    "natl": "Na Tl, Li Al, Li Zn, Li Cd, Li In",
    "fluorite": "Ca F, Sr F, Ba F, Pb F, Cd F, U O, Ce O, Th O, Zr O, Hf O, Pu O",
    "antifluorite": "O Li, O Na, O K, S Li, S Na, Si Mg, Ge Mg",
    "fluorite-intermetallic": "Co Si, Ni Si, Au Al, Pt Al",
    "rutile": "Ti O, Sn O, Ru O, Ir O, Pb O, Mn O, V O, Cr O, Mg F, Mn F, Fe F, Co F, Ni F, Zn F",
    "anatase": "Ti O",
    "cadmium-iodide": "Cd I, Pb I, Mg Br, Ti S, Ti Se, Zr S, Zr Se, Hf S, Sn S, Pt S",
    "molybdenite": "Mo S, Mo Se, W S, W Se, Nb S, Nb Se, Ta S",
    "cuprite": "O Cu, O Ag",
    "cristobalite": "Si O",
    "cotunnite": "Pb Cl, Pb Br, Ba Cl, Ca H, Sr H, Ba H",
    "pyrite": "Fe S, Co S, Ni S, Cu S, Mn S, Mn Te, Ru S",
    "calcium-carbide": "Ca C, Sr C, Ba C, Ba O",
    "mosi2": "Mo Si, W Si",
    "alb2": "Mg B, Al B, Ti B, Zr B, Hf B, Nb B, Ta B",
    "laves-c15": "Mg Cu, Ca Al, Y Fe, Y Co, Tb Fe, Hf V",
    "laves-c14": "Mg Zn",
    "ni2in": "In Ni",
    "cual2": "Cu Al",
    "cu2sb": "Sb Cu",
    "l1-2": "Al Ni, Si Ni, Ga Ni, Au Cu, Fe Ni, Fe Pt, Mn Pt, Sc Al, Al Zr, Sn La",
    "d0-3": "Al Fe, Si Fe",
    "li3bi": "Bi Li, Sb Li",
    "d0-18": "As Na, P Na",
    "d0-19": "Sn Ni, Al Ti, Sn Mn, Cd Mg",
    "d0-22": "Ti Al, V Al, Nb Al, Ta Al",
    "cr3si": "Si Cr, Sn Nb, Ge Nb, Al Nb, Si V, Ga V",
    "reo3": "Re O, W O, Al F, Sc F",
    "cu3n": "N Cu",
    "li3n": "N Li",
    "skutterudite": "Co Sb, Co As, Co P",
    "corundum": "Al O, Fe O, Cr O, Ti O, V O, Ga O, Rh O",
    "la2o3": "La O, Ce O, Pr O, Nd O",
    "mg3sb2": "Sb Mg, Bi Mg",
    "tetradymite": "Bi Te, Bi Se, Sb Te",
    "ni2al3": "Ni Al",
    "th3p4": "Th P",
    "mn5si3": "Mn Si, Ti Si",
    "baal4": "Ba Al, Sr Al, Ca Al",
    "cacu5": "Ca Cu, La Ni, Sm Co, Y Co",
    "cab6": "Ca B, Sr B, La B, Sm B, Eu B",
    "ub12": "U B, Zr B, Y B",
    "thmn12": "Th Mn",
    "perovskite": (
        "Sr Ti O, Ba Ti O, Ca Ti O, Pb Ti O, Ba Zr O, Sr Zr O, Ba Sn O, Ba Ce O, Sr Ru O, Sr V O, Sr Fe O, Sr Mn O, "
        "K Ta O, K Nb O, Na Nb O, La Al O, La Mn O, La Fe O, La Co O, La Ni O, La Cr O, Bi Fe O, Y Al O, Gd Fe O, "
        "K Mg F, K Mn F, K Ni F, K Zn F, Na Mg F, Cs Pb Cl, Cs Pb Br, Cs Pb I, Cs Sn Br, Cs Sn I"
    ),
    "antiperovskite": "Ga C Mn, Sn C Mn, Al C Mn, Zn N Mn, Ga N Mn, Mg C Ni, Bi N Ca, Sb N Ca, Al C Ti",
    "half-heusler": (
        "Ti Sn Ni, Zr Sn Ni, Hf Sn Ni, Ti Sb Co, Zr Sb Co, V Sb Fe, Nb Sb Fe, Mn Sb Ni, Sc Sb Ni, Y Bi Pt, La Bi Pt, "
        "Li As Zn"
    ),
    "full-heusler": (
        "Mn Al Cu, Mn Si Co, Mn Ge Co, Mn Ga Ni, Mn Al Ni, Mn Sn Ni, V Al Fe, Ti Sn Co, Fe Si Co, Fe Al Co, Cr Al Co, "
        "Zr Sn Ni"
    ),
    "inverse-heusler": "Mn Co Al, Mn Co Ga",
    "spinel": "Mg Al O, Zn Al O, Zn Fe O, Mn Fe O, Ni Fe O, Mg Cr O, Zn Cr O, Fe Cr O, Zn Ga O, Cd Cr S, Cd Cr Se",
    "delafossite": "Cu Al O, Cu Cr O, Cu Fe O, Cu Ga O, Pd Co O, Pt Co O",
    "alpha-nafeo2": "Na Fe O, Na Co O, Na Cr S, Li Co O, Li Ni O",
    "chalcopyrite": "Cu Fe S, Cu Ga S, Cu In S, Cu Ga Se, Cu In Se, Cu Al S, Ag Ga S",
    "matlockite": "Pb F Cl, Ca F Cl, Sr F Cl, Ba F Cl, Ba F Br, Bi O Cl, La O Cl",
    "k2ptcl6": "K Pt Cl, K Re Cl, Cs Sn Cl, Cs Sn I, Rb Te Cl",
    "k2nif4": "K Ni F, K Mn F, K Co F, La Cu O, La Ni O, Sr Ti O, Sr Ru O, Sr Ir O",
    "ilmenite": "Fe Ti O, Mg Ti O, Mn Ti O, Co Ti O, Ni Ti O",
    "banio3": "Ba Mn O, Cs Ni Cl",
    "calcite": "Ca C O, Mg C O, Mn C O, Fe C O, Zn C O, Cd C O",
    "zircon": "Zr Si O, Hf Si O, Th Si O, Y P O, Y V O",
    "pyrochlore": "Y Ti O, Gd Ti O, Dy Ti O, Ho Ti O, La Zr O, Gd Zr O, Nd Ir O",
    "caal2si2": "Ca Mn Sb, Ca Zn As, Ca Mg Sb",
    "thcr2si2": "Th Cr Si, Ba Fe As, Sr Fe As, Ca Fe As, Eu Fe As, Ce Cu Si, U Ru Si, Yb Rh Si",
    "zrbesi": "Zr Be Si",
    "cr2alc": "Cr Al C, Ti Al C, V Al C, Nb Al C, Ta Al C, Ti Al N",
    "zrnial": "Zr Al Ni",
    "quaternary-heusler": "Co Mn Fe Si, Co Mn Fe Ge, Co Mn Fe Al",
    "elpasolite": "K Na Al F, Cs Ag Bi Br, Cs Ag In Cl, Ba Mg W O, Sr Fe Mo O, Sr Fe Re O, La Ni Mn O, La Co Mn O",
    "stannite": "Cu Fe Sn S, Cu Zn Sn S, Cu Zn Sn Se, Cu Zn Ge S, Cu Cd Sn S",
    "zrcusias": "La O Fe As, Ce O Fe As, Sm O Fe As, La O Cu S, La O Cu Se, Bi O Cu Se, Sr F Fe As",
}

TEXTBOOK: dict[str, tuple[tuple[str, ...], ...]] = {
    name: tuple(tuple(compound.split()) for compound in compounds.split(",")) for name, compounds in _TABLE.items()
}
"""Prototype name -> well-known decorations, one element symbol per label."""
