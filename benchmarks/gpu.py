"""What a GPU does with this package, part by part, as one Markdown table; `benchmarks/gpu.sh` runs it.

`python benchmarks/gpu.py [--device cuda] [--quick]`: tests marked `cuda`; training steps and forward passes of the
Conformer M and L beside the published TDS network (4 s windows of 2 x 16 electrodes at 2 kHz, front end included, 16
labels each), in float32 and bfloat16, with `torch.compile` or without; how often a step reads from the device on the
host; and the loader of training windows beside the step that it feeds. Each part is a process with a time limit of its
own, eight minutes in all: one that fails or is too slow costs its own rows alone. `--device cpu --quick` tries all of
it in small on the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RATE_HZ, BANDS, ELECTRODES, TOKENS = 2000.0, 2, 16, 99
KEYS_HZ = 4.0  # as emg2qwerty's typists
MODELS = ("tds", "conformer_m", "conformer_l")
Row = tuple[str, str]  # what was measured, and the finding


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    windows: int  # a batch
    window_s: float
    seconds: float  # a variant is timed for
    minutes: float  # of signal that the loader draws from


FULL, QUICK = Size(64, 4.0, 4.0, 5.0), Size(2, 0.5, 0.2, 0.5)
LIMITS_S = {"tests": 105, "train": 135, "forward": 60, "compiled": 95, "loader": 65}  # 460 s, imports included


def main() -> None:
    """Run every part and print the table; or one part, in the process that the table's run starts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--quick", action="store_true", help="small, to try the script")
    parser.add_argument("--part", choices=LIMITS_S, help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    if options.part:
        parts: dict[str, Callable[[str, Size], Iterator[Row]]]
        parts = {"train": train, "forward": forward, "compiled": compiled, "loader": loader}
        for row in parts[options.part](options.device, size):
            print(json.dumps(row), flush=True)
        return
    sys.exit(table(options.device, options.quick))


def table(device: str, quick: bool) -> int:
    """Print the table part by part; return the exit code."""
    print(f"{machine(device)}\n\n| part | what | found |\n|---|---|---|", flush=True)
    failed = False
    for part, limit_s in LIMITS_S.items():
        command = [sys.executable, str(Path(__file__)), "--part", part, "--device", device, *["--quick"] * quick]
        if part == "tests":
            command = [sys.executable, "-m", "pytest", "-m", "cuda", "tests/cuda", "-p", "no:cacheprovider"]
        found, problem = run_part(command, device, limit_s)
        rows = [tuple(json.loads(line)) for line in found if line.startswith("[")]
        if part == "tests":
            rows = [("tests marked `cuda`", found[-1].strip("= ") if found else "nothing")]
        for what, finding in rows:
            print(f"| {part} | {what} | {finding} |", flush=True)
        if problem:
            print(f"| {part} | | **{problem}** |", flush=True)
        failed |= bool(problem)
    return int(failed)


def run_part(command: list[str], device: str, limit_s: float) -> tuple[list[str], str]:
    """Return the lines that a part printed, and its problem if it has one."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": paths, "EMGASR_CUDA_TESTS": device}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, error = process.communicate(timeout=limit_s)
            ending = [line for line in error.splitlines() if line.strip()][-1:]
            problem = f"ended with {process.returncode}: {' '.join(ending)[:200]}" if process.returncode else ""
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            problem = f"did not end within {limit_s:g} s"
    return [line for line in out.splitlines() if line.strip()], problem.replace("|", "\\|")


def machine(device: str) -> str:
    """Return the device and versions in a line."""
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else f"the CPU, {torch.get_num_threads()} threads"
    return f"{name}; torch {torch.__version__}; CUDA {torch.version.cuda or 'none'}; Python {sys.version.split()[0]}"


def train(device: str, size: Size) -> Iterator[Row]:
    """Yield the windows a second of training steps, and their host reads."""
    for model in MODELS:
        for precision in ("float32", "bf16"):
            step = Step(model, device, size, precision)
            reads = host_reads(step.gradients, device)
            yield f"{model}, {precision}", f"{rate(step.train, device, size)}, {reads} host reads a step"


def compiled(device: str, size: Size) -> Iterator[Row]:
    """Yield the windows a second of training steps whose encoder `torch.compile` has compiled."""
    for model in ("conformer_m", "tds"):
        step = Step(model, device, size, "bf16" if device == "cuda" else "float32", compiled=True)
        yield f"{model}, training steps", rate(step.train, device, size)


def forward(device: str, size: Size) -> Iterator[Row]:
    """Yield the windows a second of forward passes without gradients, and their host reads."""
    for model in MODELS:
        for precision in ("float32", "bf16"):
            step = Step(model, device, size, precision)
            reads = host_reads(step.forward, device)
            yield f"{model}, {precision}", f"{rate(step.forward, device, size)}, {reads} host reads a pass"


def loader(device: str, size: Size) -> Iterator[Row]:
    """Yield how fast training batches come by themselves, the step by itself, and both together."""
    import torch

    from emgasr.data.batches import WindowSampler, WindowsConfig
    from emgasr.data.loader import loaded
    from emgasr.tokens import Tokens

    config = WindowsConfig(
        shortest_s=size.window_s, longest_s=size.window_s, batch_s=size.window_s * size.windows, snap_s=0.1
    )
    sampler = WindowSampler([typing(size.minutes)], Tokens.keystrokes(), config, 0)
    target = torch.device(device)
    step = Step("conformer_m", device, size, "bf16" if device == "cuda" else "float32")
    for workers in (0, None):
        batches = loaded(sampler.batch, range(10**9), target, workers)
        name = "a thread" if workers == 0 else "as many workers as by default"
        yield f"batches alone, {name}", rate(lambda: next(batches).to(target), device, size)  # noqa: B023
        batches.close()
    yield "steps alone", rate(step.train, device, size)
    batches = loaded(sampler.batch, range(10**9), target)
    yield "steps on loaded batches", rate(lambda: step.train(next(batches).to(target)), device, size)
    batches.close()


class Step:
    """A recognizer of emg2qwerty's layout with its loss and optimizer, on one batch of noise."""

    def __init__(self, model: str, device: str, size: Size, precision: str, compiled: bool = False) -> None:
        import torch

        from emgasr.data.augment import AugmentConfig
        from emgasr.data.batches import Batch
        from emgasr.frontend.features import LogSpectrogramConfig
        from emgasr.frontend.normalize import NormalizeConfig
        from emgasr.models.conformer import SIZES
        from emgasr.models.recognizer import Recognizer, RecognizerConfig
        from emgasr.models.tds import TDSConfig
        from emgasr.recording import Band, Signal
        from emgasr.tokens import Tokens
        from emgasr.training.objective import CTCConfig, CTCObjective

        torch.manual_seed(0)
        encoder = TDSConfig() if model == "tds" else SIZES[model[-1].upper()]
        config = RecognizerConfig(
            LogSpectrogramConfig(), NormalizeConfig("none" if model == "tds" else "cumulative"), encoder
        )
        bands = tuple(Band.numbered(name, ELECTRODES, ring=True) for name in ("left", "right"))
        recognizer = Recognizer(config, Signal(RATE_HZ, "uV", bands), Tokens.keystrokes())
        self.objective = CTCObjective(recognizer, CTCConfig(), AugmentConfig()).to(device)
        self.device, self.precision = device, precision
        if compiled:
            # Inductor is for the GPU; on the CPU, where this is a trial of the script, its C++ takes minutes to build.
            recognizer.encoder.compile(backend="inductor" if device == "cuda" else "aot_eager")
        self.optimizer = torch.optim.AdamW(self.objective.parameters(), lr=1e-4)
        labels, samples = round(KEYS_HZ * size.window_s), round(size.window_s * RATE_HZ)
        onset = torch.linspace(0, size.window_s - 0.2, labels).expand(size.windows, labels).contiguous()
        self.batch = Batch(
            50 * torch.randn(size.windows, samples, BANDS * ELECTRODES),
            torch.full((size.windows,), samples),
            torch.randint(1, TOKENS, (size.windows, labels)),
            torch.full((size.windows,), labels),
            onset,
            onset + 0.1,
            torch.full((size.windows,), -1),
        ).to(torch.device(device))

    def gradients(self, batch: Any = None) -> None:
        """Do a training step's loss and gradients, without the optimizer."""
        import torch

        self.objective.train()
        with self._precision():
            losses = self.objective(batch or self.batch, 1000)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()

    def train(self, batch: Any = None) -> None:
        """Do a training step."""
        import torch

        self.gradients(batch)
        torch.nn.utils.clip_grad_norm_(self.objective.parameters(), 1.0)
        self.optimizer.step()

    def forward(self) -> None:
        """Do a forward pass."""
        import torch

        model = self.objective.model.eval()
        with torch.inference_mode(), self._precision():
            model(self.batch.samples, self.batch.lengths)

    def _precision(self) -> Any:
        import torch

        return torch.autocast(self.device, torch.bfloat16) if self.precision == "bf16" else nullcontext()


def rate(do: Callable[[], object], device: str, size: Size) -> str:
    """Return the windows a second of what does one batch."""
    import torch

    def synchronize() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    for _ in range(1 if size is QUICK else 5):  # warms up; the first one compiles
        do()
    synchronize()
    count, started = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - started < size.seconds:
        do()
        count += 1
        if count % 5 == 0:
            synchronize()  # so that no queue of kernels runs ahead of the clock
    synchronize()
    each_s = (time.perf_counter() - started) / count
    return f"{size.windows / each_s:,.0f} windows/s ({1e3 * each_s:.1f} ms)"


def host_reads(do: Callable[[], object], device: str) -> int:
    """Return how often one call reads values of the device's tensors, or sizes that depend on them, on the host."""
    from torch.utils._python_dispatch import TorchDispatchMode

    waiting = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal")

    class Counting(TorchDispatchMode):
        reads = 0

        def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
            made = function(*arguments, **(options or {}))
            name = function.overloadpacket.__name__
            of_device = [one for one in arguments if hasattr(one, "device") and one.device.type == device]
            to_host = name in ("_to_copy", "copy_") and made.device.type != device
            Counting.reads += bool(of_device) and (name in waiting or to_host)
            return made

    with Counting():
        do()
    return Counting.reads


def typing(minutes: float) -> Any:
    """Return a recording of noise with key presses, in memory."""
    import numpy as np

    from emgasr.recording import Band, Events, Recording

    rng = np.random.default_rng(0)
    bands = tuple(Band.numbered(name, ELECTRODES, ring=True) for name in ("left", "right"))
    times_s = np.arange(0.5, 60 * minutes - 0.5, 0.22)
    events = Events(times_s, times_s + 0.09, tuple(rng.choice(list("etaoins"), len(times_s)).tolist()))
    samples = rng.normal(0, 50, (round(60 * minutes * RATE_HZ), BANDS * ELECTRODES)).astype(np.float32)
    return Recording(samples, RATE_HZ, "uV", bands, "noise", "0", events)


if __name__ == "__main__":
    main()
