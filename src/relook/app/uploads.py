"""Images and fields of a request. Nothing of it is written to a disk."""

from __future__ import annotations

import sys
from typing import Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from ..data.images import Reading, open_image
from ..data.images.limits import BYTES_A_PIXEL
from ..data.sources.stored import ImageBytes
from ..errors import UsageError, brief, did_you_mean
from .fields import FIELDS
from .limits import Limits
from .refusals import Refusal

IMAGES: Final = "images"
"""Name of the field of a form whose parts are images."""
NAMELESS: Final = "image"
_FORM: Final = "multipart/form-data"
_ANY: Final = "application/octet-stream"
_LONGEST_NAME: Final = 200  # characters
_LONGEST_FIELD: Final = 10_000  # bytes
_MOST_FIELDS: Final = 2 * len(FIELDS)

Pairs = list[tuple[str, str]]


async def uploads_of(request: Request, limits: Limits) -> tuple[list[ImageBytes], Pairs]:
    """The images of a request, and its fields: of the address first, then of the form.

    The body is the bytes of one image, with ``Content-Type: image/...``, or a form
    (multipart/form-data) whose parts `images` are images.

    Raises:
        Refusal: 415 for another kind of body, 413 for more images than the limit, 400 for a form
            that cannot be read.
        UsageError: U02 for a file in a field that takes none, U04 for a request without image.
    """
    coding = request.headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        raise Refusal(
            415, f"the body is coded ({brief(coding)}), and is read as it is", "Send it plain."
        )
    media = _media_type(request.headers.get("content-type", ""))
    pairs = list(request.query_params.multi_items())
    if media == _FORM:
        images, more = await _of_form(request, limits)
        return images, pairs + more
    if not _may_be_image(media):
        raise _other_kind(media)
    content = await request.body()
    if not content:
        raise UsageError("U04", "the request has no image. Send its bytes as the body.")
    name = next((text for field, text in pairs if field == "name"), "")
    return [ImageBytes(safe_name(name), content)], pairs


def check_pixels(image: ImageBytes, reading: Reading, limit: int) -> int:
    """The number of pixels of an image, from its header.

    Raises:
        Refusal: 413 for more than `limit`, or for more than 16 times as many bytes of what is
            decoded: all planes of a z-stack, and all samples that stand together.
        DataError: D02 for what is no image.
    """
    with open_image(image, reading) as opened:
        (height, width), decoded = opened.size, opened.decoded_bytes
    number = height * width
    if number > limit:
        raise Refusal.beyond(
            413,
            f"{image.name} has {width} x {height} pixels, and this server takes {limit / 1e6:g} "
            "million",
            "Send parts of it, or start the server with more --max-megapixels.",
        )
    if decoded > BYTES_A_PIXEL * limit:
        raise Refusal.beyond(
            413,
            f"{image.name} has {width} x {height} pixels of many planes or channels: "
            f"{decoded / 1e6:,.0f} MB once they are decoded, and this server takes "
            f"{BYTES_A_PIXEL * limit / 1e6:,.0f} MB",
            "Choose one plane with the field z, send the channels that are meant in a file of "
            "their own, or start the server with more --max-megapixels.",
        )
    return number


def safe_name(name: str) -> str:
    """The last part of the name of a file that a request gives, printable and not too long.

    It is shown in answers only, and never opened.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last)
    return shown.strip()[-_LONGEST_NAME:] or NAMELESS


class _InMemory(MultiPartParser):
    spool_max_size = sys.maxsize  # the bytes of all requests are bounded


async def _of_form(request: Request, limits: Limits) -> tuple[list[ImageBytes], Pairs]:
    parser = _InMemory(
        request.headers,
        request.stream(),
        max_files=limits.images + 1,
        max_fields=_MOST_FIELDS,
        max_part_size=_LONGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise _too_many(limits) from None
        raise Refusal(
            400, f"the form cannot be read: {error.message.rstrip('.')}", "Send it as curl -F does."
        ) from None
    images: list[ImageBytes] = []
    pairs: Pairs = []
    try:
        for field, value in form.multi_items():
            if isinstance(value, UploadFile):
                images.append(await _image_of(field, value))
            else:
                pairs.append((field, value))
    finally:
        await form.close()
    if not images:
        raise UsageError(
            "U04", f"the form has no image. Send files in the field {IMAGES}: -F {IMAGES}=@a.png."
        )
    if len(images) > limits.images:
        raise _too_many(limits)
    return images, pairs


async def _image_of(field: str, part: UploadFile) -> ImageBytes:
    if field != IMAGES:
        hint = did_you_mean(field, [IMAGES])
        raise UsageError("U02", f"there is a file in the field {brief(field)}; {hint}")
    media = _media_type(part.content_type or _ANY)
    if not _may_be_image(media):
        raise _other_kind(media)
    return ImageBytes(safe_name(part.filename or ""), await part.read())


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _may_be_image(media: str) -> bool:
    return media == _ANY or media.startswith("image/")


def _other_kind(media: str) -> Refusal:
    said = f"the content type is {brief(media)}, which" if media else "no content type is said, and"
    return Refusal(
        415,
        f"{said} is none of an image" if media else f"{said} one is needed",
        f"Send Content-Type: image/png (or another image/..., or {_ANY}) with the bytes of an "
        f"image, or {_FORM} with files in the field {IMAGES}.",
        headers={"Accept-Post": f"image/*, {_ANY}, {_FORM}"},
    )


def _too_many(limits: Limits) -> Refusal:
    return Refusal.beyond(
        413,
        f"the request has more than {limits.images} images",
        "Send them in several requests, or start the server with more --max-images.",
    )
