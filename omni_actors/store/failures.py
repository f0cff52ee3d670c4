"""Why a store could not be opened, in one sentence for its operator."""


class CannotOpen(Exception):
    """The store cannot be opened; the text says why and what to do."""
