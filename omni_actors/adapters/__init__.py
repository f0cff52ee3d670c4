"""Platforms, one folder each, as records of pure functions; and the registries of both kinds.

A fifth platform is one folder here, one sandbox file and one line below.
"""
