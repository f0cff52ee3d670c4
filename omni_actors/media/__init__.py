"""Bytes too big to hold: content-addressed blobs, bounded copies, and what a file really is.

A pair of hands that knows no platform; it may import `model` and `policy` of ours.
"""
