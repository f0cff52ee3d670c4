"""When something happened, as far as the one who tells of it can be believed."""

CLOCKS_APART_MAX_S = 3600.0


def believable(told: float, arrived: float) -> float:
    """The moment that a platform tells (unix seconds), or that of the arrival.

    A time that is missing is told as 0. One that lies ahead of the arrival by more than clocks
    differ would keep a reply window open that no platform knows of.
    """
    return told if 0 < told <= arrived + CLOCKS_APART_MAX_S else arrived
