"""Remove from images what they do not show, such as the place where a photo was taken."""

import io
import re

from PIL import ExifTags, Image, ImageOps, ImageSequence

# Of each format: the length of the header, how the parts to copy begin, and the last part.
FORMATS = {
    "PNG": (8, re.compile(rb"(?s)....(IHDR|PLTE|IDAT|tRNS|gAMA|cHRM|sRGB|iCCP|cICP|mDCV|cLLI|sBIT|"
                          rb"bKGD|pHYs|acTL|fcTL|fdAT)"), b"\0\0\0\0IEND\xaeB`\x82"),
    "JPEG": (2, re.compile(rb"(?s)\xff([\xc0-\xcf\xda-\xdf]|\xe0\0\x10JFIF|\xe2..ICC_PROFILE|"
                           rb"\xee\0\x0eAdobe)"), b"\xff\xd9"),
    "GIF": (13, re.compile(rb",|!\xf9|!\xff\x0b(NETSCAPE2\.0|ANIMEXTS1\.0)"), b";"),
    "WEBP": (12, re.compile(rb"VP8|ANIM|ANMF|ICCP|ALPH"), b""),
}  # fmt: skip
JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # the others can occur within pixels
PALETTES = [3 << (n & 7) + 1 if n & 0x80 else 0 for n in range(256)]  # GIF: lengths by flags


def without_metadata(content: bytes) -> bytes:
    """Return an image file without EXIF, XMP, comments and previews, rotated as its EXIF says.

    Only rotated images and AVIF are encoded again. Raises anything if the image is damaged.
    """
    image = Image.open(io.BytesIO(content))
    turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    if image.format != "AVIF":
        content = copy(content, image.format.replace("MPO", "JPEG"))
        image = Image.open(io.BytesIO(content))
        if turn not in range(2, 9) or getattr(image, "is_animated", False):
            return content
        options = {"quality": "keep"} if image.format == "JPEG" else {"quality": 90, "method": 2}
        image.getexif()[ExifTags.Base.Orientation] = turn
        ImageOps.exif_transpose(image, in_place=True)
    elif {"exif", "xmp"} & image.info.keys():
        durations = [f.info["duration"] for f in ImageSequence.Iterator(image) if f.load()]
        options = {"quality": 90, "speed": 8, "save_all": True, "duration": durations}
        options["exif"] = Image.Exif()
        options["exif"][ExifTags.Base.Orientation] = turn  # AVIF stores it outside EXIF
    else:
        return content
    image.save(file := io.BytesIO(), image.format, **image.info | options)
    return file.getvalue()


def copy(content: bytes, name: str) -> bytes:
    """Copy the parts of an image that it consists of, without decoding them."""
    start, kept, last = FORMATS[name]
    if name == "GIF":
        start += PALETTES[content[10]]
    result = bytearray(content[:start])
    while start < len(content) and not (last and content.startswith(last, start)):
        end = part_end(content, start, name)
        if kept.match(content, start):
            if end > len(content):
                raise ValueError("The image is truncated.")
            result += content[start:end]
        start = end
    if name == "WEBP":
        result[4:8] = (len(result) - 8).to_bytes(4, "little")
        if result[12:16] == b"VP8X":
            result[20] &= 0b11110011  # neither EXIF nor XMP
    return bytes(result + last)


def part_end(content: bytes, start: int, name: str) -> int:
    """Return where the part that begins at `start` ends."""
    if name == "PNG":
        return start + 12 + int.from_bytes(content[start : start + 4])
    if name == "WEBP":
        size = int.from_bytes(content[start + 4 : start + 8], "little")
        return start + 8 + size + size % 2
    if name == "JPEG":  # with the pixels that follow, if any
        size = int.from_bytes(content[start + 2 : start + 4])
        return JPEG_MARKER.search(content, start + 2 + size).start()
    end = start + (11 + PALETTES[content[start + 9]] if content[start] == ord(",") else 2)
    while content[end]:
        end += content[end] + 1
    return end + 1
