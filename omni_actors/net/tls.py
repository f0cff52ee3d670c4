"""How we know that the other side is who it says."""

import ssl
from functools import cache

import httpx


@cache
def client_context() -> ssl.SSLContext:
    """The context of all HTTP calls of a process: expensive to make, so it is made once.

    It trusts the public roots that httpx brings along and those of this machine, so that both a
    bare container and a house with its own authority work. Mail has a context of its own: HTTP
    connections write their protocol's name into this one.
    """
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


@cache
def mail_context() -> ssl.SSLContext:
    """The context of all mail connections of a process; it trusts whom the other one trusts."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
