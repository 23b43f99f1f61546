"""Spectra of electrodes in; their covariance and its matrix logarithm out."""

from __future__ import annotations

import torch
from torch import Tensor


def covariance_of(parts: Tensor) -> Tensor:
    """Return the covariance (..., E, E) over FFT bins of spectra (..., E, bins, 2), real and imaginary parts last."""
    flat = parts.flatten(-2)  # the real part of X X^H is the product of real and imaginary parts side by side
    return flat @ flat.transpose(-1, -2) / parts.shape[-2]


def log_matrix(covariance: Tensor, shrinkage: float, epsilon: float) -> Tensor:
    """Return the matrix logarithm (..., E, E) of covariances after shrinkage.

    Args:
        covariance: (..., E, E) symmetric matrices.
        shrinkage: share of the mean power mixed into the diagonal, without which narrow bands give singular matrices.
        epsilon: added to the diagonal, in the power's unit.
    """
    mean_power = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    regular = (1 - shrinkage) * covariance + (shrinkage * mean_power + epsilon) * identity
    values, vectors = torch.linalg.eigh(regular)
    logs = values.clamp(min=epsilon / 2).log()
    return (vectors * logs.unsqueeze(-2)) @ vectors.transpose(-1, -2)
