"""The equation of state: energies at a few volumes -> equilibrium energy, volume and bulk modulus.

The third-order Birch-Murnaghan equation (Birch, Phys. Rev. 71, 809 (1947), 10.1103/PhysRev.71.809) is a cubic
polynomial in x = V^(-2/3), so the fit is linear least squares and its minimum the root of a quadratic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.errors import InputInvalid

GPA_PER_EV_PER_CUBIC_ANGSTROM = 160.21766208
_N_COEFFICIENTS = 4


@dataclass(frozen=True)
class EquationOfState:
    """A fitted Birch-Murnaghan curve.

    Attributes:
        energy: energy at the minimum, eV (per whatever the volumes are per).
        volume: volume at the minimum, A^3.
        bulk_modulus: V d2E/dV2 at the minimum, GPa.
        bulk_modulus_derivative: dB/dP at the minimum, no unit.
        residual: root mean square deviation of the fit, eV.
    """

    energy: float
    volume: float
    bulk_modulus: float
    bulk_modulus_derivative: float
    residual: float


def birch_murnaghan_energies(volumes: np.ndarray, curve: EquationOfState) -> np.ndarray:
    """Evaluate the third-order Birch-Murnaghan equation.

    Args:
        volumes: shape (n,), A^3.
        curve: its parameters; the residual is not used.

    Returns:
        Energies, shape (n,), eV.
    """
    modulus = curve.bulk_modulus / GPA_PER_EV_PER_CUBIC_ANGSTROM
    strain = (curve.volume / volumes) ** (2 / 3)
    bracket = (strain - 1) ** 3 * curve.bulk_modulus_derivative + (strain - 1) ** 2 * (6 - 4 * strain)
    return curve.energy + 9 / 16 * curve.volume * modulus * bracket


def _minimum(polynomial: np.polynomial.Polynomial) -> float | None:
    """Return the real positive root of the slope where the polynomial turns upwards, if there is one."""
    slope, curvature = polynomial.deriv(), polynomial.deriv(2)
    roots = np.asarray(slope.roots(), dtype=complex)
    minima = [float(x) for x in roots.real[abs(roots.imag) < 1e-12] if x > 0 and curvature(x) > 0]
    return min(minima, key=lambda x: abs(x - 1)) if minima else None


def fit_birch_murnaghan(volumes: np.ndarray, energies: np.ndarray) -> EquationOfState | None:
    """Fit the third-order Birch-Murnaghan equation by linear least squares.

    Args:
        volumes: shape (n,), n >= 5, A^3, all positive.
        energies: shape (n,), eV.

    Returns:
        The fitted curve, or ``None`` where the points have no minimum.

    Raises:
        InputInvalid: fewer than five points, unequal lengths, or a volume that is not positive.
    """
    volumes, energies = np.asarray(volumes, dtype=float), np.asarray(energies, dtype=float)
    if volumes.shape != energies.shape or volumes.size <= _N_COEFFICIENTS or not (volumes > 0).all():
        raise InputInvalid(
            f"An equation of state needs at least {_N_COEFFICIENTS + 1} positive volumes and as many energies; "
            f"got volumes {volumes.tolist()} and {energies.size} energies."
        )
    scale = float(np.median(volumes))
    x = (volumes / scale) ** (-2 / 3)
    polynomial = np.polynomial.Polynomial.fit(x, energies, _N_COEFFICIENTS - 1).convert()
    residual = float(np.sqrt(np.mean((polynomial(x) - energies) ** 2)))
    root = _minimum(polynomial)
    return None if root is None else _curve(polynomial, root, scale=scale, residual=residual)


def _curve(polynomial: np.polynomial.Polynomial, x: float, *, scale: float, residual: float) -> EquationOfState:
    """Turn the polynomial in x = (V / scale)^(-2/3) and its minimum into physical parameters.

    Where dE/dx = 0, the chain rule gives B = 4 x^2 E_xx / 9 V and B' = 4 + 2 x E_xxx / 3 E_xx.
    """
    second, third = polynomial.deriv(2)(x), polynomial.deriv(3)(x)
    volume = scale * x**-1.5
    modulus = 4 / 9 * x**2 * second / volume
    derivative = 4 + 2 / 3 * x * third / second
    return EquationOfState(
        energy=float(polynomial(x)),
        volume=float(volume),
        bulk_modulus=float(modulus * GPA_PER_EV_PER_CUBIC_ANGSTROM),
        bulk_modulus_derivative=float(derivative),
        residual=residual,
    )
