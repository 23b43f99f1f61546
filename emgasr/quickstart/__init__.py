"""A folder of a stranger's takes in; what it holds, its table, a split and the commands from there to a model out."""
