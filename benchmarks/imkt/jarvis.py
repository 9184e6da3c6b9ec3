"""The 39 properties of JARVIS-DFT and two experiments that Gupta et al. learned by transfer, and their scores."""

from __future__ import annotations

from dataclasses import dataclass

CUTOFF = "the energy cut-off of the calculation, no property of the material"
K_POINTS = "the length of the k-point mesh of the calculation, no property of the material"
UNKNOWN = "the source does not say what it is"
TWICE = "the same rows and values as pem300k"


@dataclass(frozen=True)
class Property:
    """One of the tasks, with the mean absolute errors that were published of its test split.

    Attributes:
        unit: of the values; empty where there is none.
        mean: error of the mean of the training part.
        scratch: error of the best model without transfer, which may have used tabulated properties of the elements.
        transfer: error of the best model with transfer.
        remark: why it is no property of a material, or what else is odd; empty for nothing.
    """

    unit: str
    mean: float
    scratch: float
    transfer: float
    remark: str = ""


JARVIS: dict[str, Property] = {
    "deltae": Property("eV/atom", 0.850, 0.135, 0.125),
    "ehull": Property("eV/atom", 0.131, 0.058, 0.050),
    "optb88vdw_bandgap": Property("eV", 0.988, 0.279, 0.251),
    "mbj_bandgap": Property("eV", 1.911, 0.555, 0.534),
    "magmom_oszicar": Property("mu_B", 1.225, 0.438, 0.405),
    "magmom_outcar": Property("mu_B", 1.176, 0.393, 0.376),
    "eps": Property("", 3.829, 1.280, 1.262),
    "meps": Property("", 4.905, 1.784, 1.776),
    "bulkmoduluskv": Property("GPa", 49.11, 11.83, 11.28),
    "shearmodulusgv": Property("GPa", 24.28, 11.26, 11.01),
    "etc11": Property("GPa", 81.66, 34.53, 33.19),
    "etc12": Property("GPa", 44.96, 16.60, 17.23),
    "etc13": Property("GPa", 42.54, 14.09, 13.93),
    "etc22": Property("GPa", 84.06, 34.62, 31.35),
    "etc33": Property("GPa", 84.12, 35.82, 34.22),
    "etc44": Property("GPa", 29.55, 15.23, 14.63),
    "etc55": Property("GPa", 26.61, 12.40, 11.74),
    "etc66": Property("GPa", 27.59, 13.53, 13.10),
    "max_mode": Property("1/cm", 285.32, 57.38, 65.69),
    "min_mode": Property("1/cm", 40.89, 24.12, 23.51),
    "max_ir_mode": Property("1/cm", 426.0, 87.67, 103.4),
    "min_ir_mode": Property("1/cm", 66.16, 38.52, 44.45),
    "pseebeck": Property("uV/K", 163.30, 56.49, 60.25),
    "nseebeck": Property("uV/K", 108.69, 48.93, 54.53),
    "ppowerfact": Property("uW/(m K2)", 650.5, 495.0, 494.0),
    "npowerfact": Property("uW/(m K2)", 658.1, 484.2, 512.3),
    "pem300k": Property("m_e", 1.918, 1.086, 1.228),
    "nem300k": Property("m_e", 1.918, 1.086, 1.197, TWICE),
    "spillage": Property("", 0.501, 0.410, 0.373),
    "slme": Property("%", 9.439, 7.193, 6.420),
    "piezo_max_eij": Property("C/m2", 0.520, 0.436, 0.367),
    "piezo_max_dij": Property("pC/N", 46.47, 26.46, 23.46),
    "piezo_max_diel": Property("", 5.757, 3.911, 2.715),
    "piezo_max_di": Property("", 6.977, 4.336, 3.561),
    "piezo_max_diio": Property("", 2.577, 0.847, 0.774),
    "exfoliation_energy": Property("meV/atom", 62.93, 54.26, 51.56),
    "expt_deltae": Property("eV/atom", 1.0327, 0.0964, 0.0708),
    "expt_bandgap": Property("eV", 1.2061, 0.4458, 0.3551),
    "encut": Property("eV", 246.25, 76.99, 82.26, CUTOFF),
    "klu": Property("", 18.77, 10.79, 11.15, K_POINTS),
    "kaa": Property("", 5.234, 2.722, 2.832, UNKNOWN),
}
"""Every task, from Gupta et al., Nat. Commun. 12, 6595 (2021), 10.1038/s41467-021-26921-5: table 4, and table 5 for the
two experiments."""

NOT_PHYSICAL = ("encut", "klu", "kaa")
"""Tasks that are settings of the calculations, or that nobody explains; counts are given with and without them."""
