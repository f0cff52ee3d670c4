"""What a platform shows of a person when it is asked: the portrait that an identity has."""

from attrs import frozen

from omni_actors.model.reports import MediaRef


@frozen
class Portrait:
    """Name, username and picture; what the platform does not show is None."""

    name: str | None = None
    username: str | None = None
    picture: MediaRef | None = None
