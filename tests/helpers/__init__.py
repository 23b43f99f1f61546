"""What several tests build on: small models, layouts of corpora, people, scripts."""
