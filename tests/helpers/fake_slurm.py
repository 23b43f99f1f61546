"""SLURM's commands that submitit calls, as scripts that run jobs on this machine: for tests without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

# What sbatch was asked for is kept beside the process of each job, in the folder of the scripts.
_SBATCH = """
script = Path(sys.argv[-1])
number = time.time_ns() // 1000 % 10**9  # submitit remembers numbers for as long as a process lives
(here / f"job-{number}").write_text(script.read_text())
names = {"JOB_ID": number, "NTASKS": 1, "JOB_NUM_NODES": 1, "NODEID": 0, "PROCID": 0, "LOCALID": 0}
environment = os.environ | {f"SLURM_{name}": str(value) for name, value in names.items()}
log = open(here / f"out-{number}", "w")
job = ["bash", str(here / f"job-{number}")]
subprocess.Popen(job, env=environment, stdout=log, stderr=log, start_new_session=True)
print(f"Submitted batch job {number}")
"""
_SRUN = """
number = os.environ["SLURM_JOB_ID"]
words = sys.argv[1:]
places = {}
while words[0].startswith("--"):
    name = words.pop(0)
    if name in ("--output", "--error"):
        places[name] = words.pop(0).replace("%j", number).replace("%t", "0")
task = subprocess.Popen(words, stdout=open(places["--output"], "a"), stderr=open(places["--error"], "a"))
(here / f"task-{number}").write_text(str(task.pid))
code = task.wait()
(here / f"ended-{number}").write_text(str(code))
sys.exit(code)
"""
_SACCT = """
print("JobID|State|NodeList")
for number in (word for word in sys.argv if word.isdigit()):
    ended = here / f"ended-{number}"
    state = "RUNNING" if not ended.exists() else "COMPLETED" if ended.read_text() == "0" else "FAILED"
    print(f"{number}|{state}|here")
"""
_SCANCEL = """
os.kill(int((here / f"task-{sys.argv[1]}").read_text()), signal.SIGTERM)
"""


def write_fake_slurm(folder: Path) -> Path:
    """Write sbatch, srun, sacct and scancel into a folder, to be put on PATH; return it."""
    folder.mkdir()
    for name, code in {"sbatch": _SBATCH, "srun": _SRUN, "sacct": _SACCT, "scancel": _SCANCEL}.items():
        head = "import os, signal, subprocess, sys, time\nfrom pathlib import Path\n\nhere = Path(__file__).parent\n"
        (folder / name).write_text(f"#!{sys.executable}\n{head}{code}")
        (folder / name).chmod(0o755)
    return folder
