"""What pretraining can minimize, one file each: their contract is `emgasr.pretraining.objectives.contract`."""
