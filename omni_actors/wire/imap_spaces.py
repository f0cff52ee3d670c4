"""Where folders are on a server: under a prefix of its own on some, with levels parted its own way.

https://www.rfc-editor.org/rfc/rfc2342
"""

from attrs import frozen


@frozen
class Space:
    """A tree of folders: what their names begin with, and what parts the levels (None: flat)."""

    prefix: str
    delimiter: str | None


@frozen
class Spaces:
    """The trees of an account: those of its own, then other people's and shared ones."""

    own: tuple[Space, ...] = ()
    others: tuple[Space, ...] = ()

    def full(self, folder: str) -> str:
        """The name on the server of a folder that is called by its name in the account, levels
        parted by `/`; a name that is whole stays as it is."""
        root = next((each for each in self.own if not each.prefix), next(iter(self.own), None))
        if root is None or folder.upper() == "INBOX" or _begins(folder, self.others):
            return folder
        name = folder.replace("/", root.delimiter) if root.delimiter else folder
        return name if _begins(name, self.own) else root.prefix + name


def _begins(name: str, spaces: tuple[Space, ...]) -> bool:
    return any(each.prefix and name.startswith(each.prefix) for each in spaces)
