"""Tables beside a corpus: delimited files, labels, listings, file names and clocks."""
