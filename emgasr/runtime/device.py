"""A name in; the device of PyTorch of that name, if this machine has it, out."""

from __future__ import annotations

import torch

from emgasr.errors import ConfigError


def device_of(name: str) -> torch.device:
    """Return the device of a name such as "cuda"; "auto" is CUDA where there is a GPU, else the CPU.

    Raises:
        ConfigError: The device is not there, or computes nothing.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise ConfigError("device", f"{name!r} is not there", 'use "cpu", or "cuda" where there is one') from error
    if device.type == "meta":
        raise ConfigError("device", f"{name!r} computes nothing", 'use "cpu", or "cuda" where there is one')
    return device
