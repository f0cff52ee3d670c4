"""Media that a caller gave by URL, fetched by us when the platform cannot get them itself."""

from collections.abc import Sequence
from urllib.parse import unquote, urljoin, urlsplit

from attrs import evolve, frozen

from omni_actors.adapters.contract import Medium, PartToSend
from omni_actors.gateway.derivatives import renamed
from omni_actors.gateway.media_files import UPLOAD_BYTES_MAX, type_of
from omni_actors.gateway.uploads import Make
from omni_actors.media.blobs import Blob, Blobs, DiskFull
from omni_actors.media.pictures import NotMade, Pictures
from omni_actors.media.traits import Traits, traits_of
from omni_actors.model.capabilities import Capabilities, Form, Level
from omni_actors.model.content import Content, Media, MediaKind, content_type
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.policy.derivatives import recipe_for
from omni_actors.policy.fitting import medium_unfit
from omni_actors.policy.linked import Link, exchanged, links_of
from omni_actors.policy.shaped import MediumFacts
from omni_actors.wire.calls import Auth, HttpCall, HttpReply

FETCH_DEADLINE_S = 120.0
REDIRECTS_MAX = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TRIES_BY_LINK = 2


def to_be_fetched(part: PartToSend, failure: Failure | None, capabilities: Capabilities) -> bool:
    """Whether the platform has failed to get the part's links as often as it may, and would take
    their bytes in this form."""
    unreachable = failure is not None and failure.reason is Reason.MEDIA_UNREACHABLE
    if not unreachable or part.attempt <= TRIES_BY_LINK or not links_of(part.content):
        return False
    forms = capabilities.forms_of(key_of(part.content))
    return all(form.limits.media_by != "link" for form in forms if form.name == part.form)


@frozen
class Links:
    """Fetches what links lead to, through the guard, and makes it media of the part."""

    blobs: Blobs
    pictures: Pictures

    async def fetched(
        self, part: PartToSend, capabilities: Capabilities, make: Make
    ) -> tuple[PartToSend, str | None]:
        """The part with bytes in place of its links, and what to note. Raises SendFailure."""
        content = part.content
        if isinstance(content, Media):
            forms = capabilities.forms_of(key_of(content))
            shown, made = await self.one(f"link of {part.part_id}", content, forms, make)
            form, note = fitting(part.form, content, shown, forms)
            kind = MediaKind(form) if form in set(MediaKind) else content.kind
            ours = evolve(content, kind=kind, media_id=shown.media_id, url=None)
            told = "; ".join(filter(None, (made, note))) or None
            return evolve(part, form=form, content=ours, media={shown.media_id: shown}), told
        return await self.within(part, capabilities, make)

    async def within(
        self, part: PartToSend, capabilities: Capabilities, make: Make
    ) -> tuple[PartToSend, str | None]:
        """The same of links above a question, on cards and in headers, which show a medium by the
        form of its own kind only."""
        media, ids, notes = dict(part.media), dict[Link, str](), dict[str, None]()
        for n, medium in enumerate(links_of(part.content)):
            native = capabilities.forms_of(key_of(medium))[:1]
            shown, made = await self.one(f"link {n} of {part.part_id}", medium, native, make)
            fitting(native[0].name if native else "", medium, shown, native)
            media[shown.media_id] = shown
            ids[medium.kind, medium.url or ""] = shown.media_id
            notes |= {made: None} if made else {}
        content = exchanged(part.content, ids)
        return evolve(part, content=content, media=media), "; ".join(notes) or None

    async def one(
        self, media_id: str, content: Media, forms: Sequence[Form], make: Make
    ) -> tuple[Medium, str | None]:
        """What one link leads to, as it can be shown, and what to note. Raises SendFailure."""
        assert content.url is not None
        url, reply = await self.followed(content.url, make)
        medium, traits = await self.medium_of(media_id, url, reply)
        named = evolve(medium, filename=content.filename or medium.filename)
        return await self.shown(named, traits, content, forms)

    async def shown(
        self, medium: Medium, traits: Traits, content: Media, forms: Sequence[Form]
    ) -> tuple[Medium, str | None]:
        """A picture that its kind's own form takes, and what to note. Raises SendFailure."""
        if content.kind is not MediaKind.IMAGE or not forms:
            return medium, None
        recipe = recipe_for(
            forms[0], MediumFacts.of(medium.mime, medium.size, medium.filename, traits)
        )
        if recipe is None:
            return medium, None
        try:
            made = await self.pictures.make(Blob(medium.blob, medium.size), recipe)
        except (DiskFull, OSError):
            text = "the picture behind the link could not be converted: the disk is almost full"
            raise SendFailure(Failure(Kind.TRANSIENT, Reason.INTERNAL, text=text)) from None
        if isinstance(made, NotMade):
            return medium, f"not converted: {made.why}"
        converted = evolve(
            medium,
            blob=made.blob.sha256,
            mime=made.mime,
            size=made.blob.size,
            filename=renamed(medium.filename, made.mime),
        )
        return converted, f"converted from {medium.mime} to {made.mime}"

    async def followed(self, url: str, make: Make) -> tuple[str, HttpReply]:
        """The answer at the end of a link, and where that was."""
        for _ in range(REDIRECTS_MAX + 1):
            reply = await make(
                HttpCall(
                    "GET",
                    url,
                    auth=Auth.NONE,
                    download=True,
                    bytes_max=UPLOAD_BYTES_MAX,
                    deadline_s=FETCH_DEADLINE_S,
                    idempotent=True,
                    guarded=True,
                )
            )
            assert isinstance(reply, HttpReply)
            if reply.blob is not None:
                return url, reply
            target = reply.headers.get("location")
            if reply.status not in REDIRECTS or not target:
                raise SendFailure(unreachable(reply.status))
            url = urljoin(url, target)
        text = f"the link redirects more than {REDIRECTS_MAX} times"
        raise SendFailure(Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, text=text))

    async def medium_of(self, media_id: str, url: str, reply: HttpReply) -> tuple[Medium, Traits]:
        """What was fetched, with its type by its bytes, and what these tell beyond that."""
        blob = Blob(reply.blob or "", reply.size)
        async with self.blobs.open_source(blob) as source:
            head = await source.read()
        mime = type_of(reply.headers.get("content-type"), head)
        medium = Medium(media_id, blob.sha256, mime, blob.size, name_in(url))
        return medium, traits_of(mime, head)


def unreachable(status: int) -> Failure:
    """The failure of a link that answers something else than bytes."""
    kind = Kind.TRANSIENT if status >= 500 or status in (408, 429) else Kind.REJECTED
    text = f"neither the platform nor we could get the link: it answers {status}"
    return Failure(kind, Reason.MEDIA_UNREACHABLE, code=str(status), text=text)


def name_in(url: str) -> str | None:
    """The file's name at the end of a URL."""
    return unquote(urlsplit(url).path).rpartition("/")[2] or None


def key_of(content: Content) -> str:
    """How capabilities name this kind of content."""
    return f"media.{content.kind}" if isinstance(content, Media) else content_type(content)


def fitting(
    form: str, content: Media, medium: Medium, forms: Sequence[Form]
) -> tuple[str, str | None]:
    """The form to send fetched bytes in, and a note when it is not the one that was chosen when
    nothing was known of them. Raises SendFailure when none takes them."""
    facts = MediumFacts(medium.mime, medium.size, medium.filename)
    why = ""
    for each in forms:
        if each.level is Level.FLATTENED:
            continue
        unfit = medium_unfit(each.limits, facts)
        if not unfit:
            note = None if each.name == form else f"sent as {each.name}: {why}"
            return each.name, note
        why = why or unfit
    text = f"the bytes behind the link cannot be sent as {content.kind}: {why}"
    raise SendFailure(Failure(Kind.REJECTED, Reason.MEDIA_UNSUPPORTED, text=text))
