"""Protocols: how calls and bytes look. Imports nothing of ours; no I/O."""
