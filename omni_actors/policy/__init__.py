"""Decisions: what to do. Pure; time and chance are arguments."""
