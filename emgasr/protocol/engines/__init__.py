"""Jobs in, their results out: on this machine, on a Ray cluster, or by SLURM."""
