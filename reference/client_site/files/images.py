"""Remove from images what they do not show, such as the place where a photo was taken."""

import io
import re
from collections.abc import Iterator

from PIL import ExifTags, Image, ImageOps, ImageSequence
from PIL.JpegImagePlugin import get_sampling

MAX_PIXELS = 50_000_000  # phones have 48 megapixels
METADATA = {"comment", "exif", "xmp"}  # Pillow's names
PNG_CHUNKS = re.compile(
    rb"IHDR|PLTE|IDAT|IEND|tRNS|gAMA|cHRM|sRGB|iCCP|cICP|mDCV|cLLI|sBIT|bKGD|pHYs|acTL|fcTL|fdAT"
)


def without_metadata(content: bytes) -> bytes:
    """Return an image file without EXIF, XMP, comments and previews, rotated as its EXIF says.

    JPEG is encoded again with its own parameters, PNG is copied, and other formats are encoded
    again if they have metadata. Raises anything if the image is damaged.
    """
    image = Image.open(io.BytesIO(content))
    animated = image.format != "MPO" and getattr(image, "is_animated", False)
    exif = Image.Exif()
    exif.load(image.info.get("exif"))
    rotated = exif.get(ExifTags.Base.Orientation) in range(2, 9) and not animated
    if image.format == "PNG" and not rotated:
        return b"".join(png_chunks(content))
    found = METADATA & image.info.keys() or re.search(rb"XMP DataXMP|EXIF|C2PA|uuid", content)
    if image.format in {"GIF", "WEBP", "AVIF"} and not found:
        return content
    options = image.info | dict.fromkeys(METADATA, b"")
    if image.format in {"JPEG", "MPO"}:
        options |= {"qtables": image.quantization, "subsampling": get_sampling(image)}
    else:
        options |= {"quality": 90, "method": 2, "speed": 8}
    if animated:
        if image.n_frames * image.width * image.height > MAX_PIXELS:
            raise ValueError("The animation is too large to be encoded again.")
        frames = ImageSequence.Iterator(image)
        durations = [frame.info.get("duration", 0) for frame in frames if frame.load()]
        options |= {"save_all": True, "duration": durations}
    elif rotated:
        ImageOps.exif_transpose(image, in_place=True)
    image.save(file := io.BytesIO(), image.format.replace("MPO", "JPEG"), **options)
    return file.getvalue()


def png_chunks(content: bytes) -> Iterator[bytes]:
    """Yield the parts of a PNG file that are no metadata, up to its end."""
    yield content[:8]
    start, name = 8, b""
    while name != b"IEND":
        name = content[start + 4 : start + 8]
        end = start + 12 + int.from_bytes(content[start : start + 4])
        if end > len(content):
            raise ValueError("The image is truncated.")
        if PNG_CHUNKS.fullmatch(name):
            yield content[start:end]
        start = end
