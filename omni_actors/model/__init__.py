"""Nouns: what the world is made of. Imports nothing of ours; no clock, no chance, no I/O."""
