"""What the gateway adds to a mail that came in."""

from omni_actors.gateway.intake import with_media
from omni_actors.model.content import Email, Media, MediaKind
from omni_actors.store.codec import decode_content, encode_content


def test_the_files_of_a_mail_are_named_by_our_ids_in_their_order() -> None:
    files = (
        Media(MediaKind.IMAGE, filename="a.png", content_id="a@mail.example"),
        Media(MediaKind.DOCUMENT, filename="b.pdf"),
    )
    mail = Email("Subject", "Text", full_text="Text and quote", attachments=files)

    named = with_media(mail, ["med_1", "med_2"])

    assert isinstance(named, Email)
    assert [file.media_id for file in named.attachments] == ["med_1", "med_2"]
    assert [file.filename for file in named.attachments] == ["a.png", "b.pdf"]
    assert decode_content(encode_content(named)) == named
