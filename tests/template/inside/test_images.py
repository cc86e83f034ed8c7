"""Uploaded images of a rendered project. Copied into one and run there."""

import io
import random
import struct
import zlib

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageStat, PngImagePlugin

from files.fields import PictureFormField
from files.images import without_metadata
from welcome.models import Photo

SECRET = b"Secret metadata"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">%s</x:xmpmeta>' % SECRET
JPEG_THUMBNAIL = b"JFXX\0\x10" + SECRET
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x14\x1c\x02\x78\0\x0f" + SECRET


def exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = SECRET.decode()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48.0, 8.0, 14.0), 29: SECRET.decode()})
    return exif


def picture(mode: str = "RGB", shade: int = 0) -> Image.Image:
    """Return an image that is different in each corner."""
    bands = [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.new("L", (256,) * 2)]
    image = Image.merge("RGB", bands).resize((64, 48))
    image.paste((200, shade, 40), (4, 4, 24, 12))
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image.convert(mode)


def saved(image: Image.Image, image_format: str, **options) -> bytes:
    content = io.BytesIO()
    image.save(content, image_format, **options)
    return content.getvalue()


def frames(mode: str = "RGB") -> dict:
    """Return options to save an animation."""
    images = [picture(mode, shade) for shade in (120, 240)]
    return {"save_all": True, "append_images": images, "duration": [100, 200, 500]}


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(orientation: int = 1, mode: str = "RGB", **options) -> bytes:
    options = {"quality": 85, "exif": exif(orientation), "icc_profile": ICC, **options}
    content = saved(picture(mode), "JPEG", xmp=XMP, comment=SECRET, **options)
    extra = segment(0xE0, JPEG_THUMBNAIL) + segment(0xED, IPTC) + segment(0xEB, b"JP" + SECRET)
    return content[:2] + extra + content[2:] + SECRET


def mpo() -> bytes:
    second = picture(shade=99)
    second.info["comment"] = SECRET
    return saved(picture(), "MPO", exif=exif(), save_all=True, append_images=[second])


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(mode: str = "RGB", orientation: int = 1, **options) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET.decode())
    info.add_text("Description", SECRET.decode(), zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    options |= {"exif": exif(orientation), "pnginfo": info, "icc_profile": ICC}
    extra = chunk(b"tIME", b"\7\xea\1\1\1\1\1") + chunk(b"caBX", SECRET)
    end = chunk(b"IEND", b"")
    return saved(picture(mode), "PNG", **options).removesuffix(end) + extra + end + SECRET


def png_of_16_bits(color_type: int, *metadata: bytes) -> bytes:
    """Return a PNG whose samples need all 16 bits: gray (0), RGB (2) or RGBA (6)."""
    samples = {0: 1, 2: 3, 6: 4}[color_type]
    pixels = b"".join(b"\0" + random.Random(row).randbytes(16 * 2 * samples) for row in range(9))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 9, 16, color_type, 0, 0, 0))
    data = [*metadata, chunk(b"IDAT", zlib.compress(pixels)), *metadata, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(data)


def gif() -> bytes:
    content = saved(picture("P"), "GIF", comment=SECRET, loop=3, **frames("P"))
    block = bytes([len(SECRET)]) + SECRET + b"\0"
    text = b"!\x01\x0c" + bytes(12) + block
    return content[:-1] + b"!\xff\x0bXMP DataXMP" + block + b"!\xfe" + block + text + b";" + SECRET


def webp(mode: str = "RGB", orientation: int = 1, **options) -> bytes:
    options = {"exif": exif(orientation), "xmp": XMP, "icc_profile": ICC, **options}
    content = saved(picture(mode), "WEBP", **options) + b"C2PA\x0f\0\0\0" + SECRET + b"\0"
    return b"RIFF" + struct.pack("<I", len(content) - 8) + content[8:] + SECRET


def avif(mode: str = "RGB", orientation: int = 1, **options) -> bytes:
    content = saved(
        picture(mode), "AVIF", exif=exif(orientation), xmp=XMP, icc_profile=ICC, **options
    )
    box = struct.pack(">I", 8 + len(SECRET)) + b"uuid" + SECRET
    return content + box + SECRET


IMAGES = {
    "jpeg": jpeg(),
    "jpeg, progressive": jpeg(progressive=True),
    "jpeg, unknown rotation": jpeg(0),
    "jpeg, grayscale": jpeg(mode="L", icc_profile=None),
    "jpeg, cmyk": jpeg(mode="CMYK", icc_profile=None),
    "png": png(),
    "png, palette": png("P", transparency=7),
    "png, transparency": png("RGBA"),
    "png, animated": png(**frames()),
    "gif, animated": gif(),
    "webp": webp(),
    "webp, lossless": webp("RGBA", lossless=True),
    "webp, animated": webp(**frames()),
    "avif": avif("RGBA"),
    "avif, animated": avif(**frames()),
}  # fmt: skip


def uploaded(content: bytes, name: str = "me.png"):
    """Return what a form returns for an upload."""
    return PictureFormField().clean(SimpleUploadedFile(name, content))


def stored(content: bytes) -> bytes:
    """Upload an image with a model's form and return the content of the stored file."""
    form_class = forms.modelform_factory(Photo, fields=["image"])
    form = form_class({}, {"image": SimpleUploadedFile("me.png", content)})
    assert form.is_valid(), form.errors
    with form.save().image.open() as file:
        return file.read()


def shown(content: bytes) -> list:
    """Return what an image shows: size, mode, colors, and for each frame its time and pixels."""
    image = Image.open(io.BytesIO(content))
    frames = []
    for number in range(1 if image.format == "MPO" else getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        frames.append((image.info.get("duration"), image.convert("RGBA")))
    image.seek(0)
    return [image.size, image.mode, image.info.get("icc_profile"), image.info.get("loop"), frames]


def assert_no_metadata(content: bytes) -> None:
    image = Image.open(io.BytesIO(content))
    image.load()
    assert SECRET not in content and b"zTXt" not in content and b"tIME" not in content
    assert image.format != "MPO"
    assert not {"exif", "xmp", "comment", "photoshop", "Description"} & set(image.info)


# The mean difference of a pixel that encoding again may cause, of 255.
TOLERANCE = {"png": 0, "gif": 1, "jpe": 2, "web": 4, "avi": 4}


def difference(image: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(image, other)).mean)


@pytest.mark.django_db
@pytest.mark.parametrize("name", IMAGES)
def test_metadata_is_removed(name):
    content = IMAGES[name]
    assert content.count(SECRET) > 2
    result = stored(content)
    assert_no_metadata(result)
    (*expected, frames), (*actual, result_frames) = shown(content), shown(result)
    assert actual == expected
    assert len(frames) == (3 if "animated" in name else 1)
    for (duration, pixels), (result_duration, result_pixels) in zip(
        frames, result_frames, strict=True
    ):
        assert duration == result_duration
        assert difference(pixels, result_pixels) <= TOLERANCE[name[:3]]
    assert (b"\xff\xc2" in result) == (name == "jpeg, progressive")
    if not name.startswith("jpeg"):
        assert stored(result) == result


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "AVIF"])
def test_image_without_metadata_is_unchanged(image_format):
    for options in ({}, frames("P" if image_format == "GIF" else "RGB")):
        content = saved(picture("P" if image_format == "GIF" else "RGB"), image_format, **options)
        assert uploaded(content).read() == content


@pytest.mark.parametrize("color_type", [0, 2, 6])
def test_png_keeps_16_bits(color_type):
    metadata = chunk(b"tEXt", b"Comment\0" + SECRET)
    content = png_of_16_bits(color_type, metadata)
    assert uploaded(content + SECRET).read() == png_of_16_bits(color_type)


def test_first_image_of_an_mpo_is_kept():
    content = mpo()
    assert SECRET in content and Image.open(io.BytesIO(content)).n_frames == 2
    file = uploaded(content, "me.jpg")
    result = file.read()
    assert_no_metadata(result)
    assert difference(shown(result)[-1][0][1], shown(content)[-1][0][1]) <= TOLERANCE["jpe"]
    assert file.content_type == "image/jpeg" and file.image.format == "JPEG"


ROTATED = {
    "jpeg": jpeg,
    "jpeg, progressive": lambda orientation: jpeg(orientation, progressive=True),
    "jpeg, cmyk": lambda orientation: jpeg(orientation, "CMYK", icc_profile=None),
    "png": lambda orientation: png("RGBA", orientation),
    "png, palette": lambda orientation: png("P", orientation, transparency=7),
    "webp": lambda orientation: webp("RGB", orientation, quality=95),
    "webp, transparency": lambda orientation: webp("RGBA", orientation, lossless=True),
}


@pytest.mark.parametrize("name", ROTATED)
@pytest.mark.parametrize("orientation", range(2, 9))
def test_rotation_is_applied(name, orientation):
    content = ROTATED[name](orientation)
    upright = Image.open(io.BytesIO(ROTATED[name](1)))
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }[orientation]  # fmt: skip
    result = uploaded(content).read()
    assert_no_metadata(result)
    image = Image.open(io.BytesIO(result))
    assert image.size == ((64, 48) if orientation < 5 else (48, 64))
    assert image.mode == upright.mode
    assert image.info.get("icc_profile") == upright.info.get("icc_profile")
    assert image.info.get("progressive") == upright.info.get("progressive")
    expected = upright.transpose(method).convert("RGBA")
    assert difference(image.convert("RGBA"), expected) <= TOLERANCE[name[:3]]


def test_large_animation_is_not_decoded(monkeypatch):
    monkeypatch.setattr("files.images.MAX_PIXELS", 64 * 48 * 3 - 1)
    content = gif()
    monkeypatch.setattr("PIL.GifImagePlugin.GifImageFile.load", lambda image: pytest.fail())
    with pytest.raises(ValidationError, match="valid image"):
        uploaded(content)
    monkeypatch.undo()
    monkeypatch.setattr("files.images.MAX_PIXELS", 64 * 48)
    assert uploaded(saved(picture("P"), "GIF", **frames("P")))  # nothing to remove


def test_xmp_of_a_gif_is_removed():
    content = saved(picture("P"), "GIF")
    block = b"!\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0"
    assert SECRET not in uploaded(content[:-1] + block + b";").read()


def test_parts_that_pillow_skips_are_removed():
    content = saved(picture(), "WEBP")
    chunk = b"C2PA" + struct.pack("<I", len(SECRET) + 1) + SECRET + b"\0"
    size = struct.pack("<I", len(content) + len(chunk) - 8)
    assert SECRET not in uploaded(content[:4] + size + content[8:] + chunk).read()
    box = struct.pack(">I4s16s", 24 + len(SECRET), b"uuid", b"") + SECRET
    assert SECRET not in uploaded(saved(picture(), "AVIF") + box).read()


def test_image_without_a_form():
    """As docs/uploads.md says."""
    file = PictureFormField().clean(SimpleUploadedFile("me.jpg", jpeg(exif=exif())))
    assert SECRET not in file.read()
    with pytest.raises(ValidationError):
        PictureFormField().clean(SimpleUploadedFile("me.jpg", b"none"))


def test_truncated_png_is_an_error():
    with pytest.raises(ValueError, match="truncated"):
        without_metadata(png()[:-40])


def test_animation_is_not_rotated():
    for content in (png(orientation=6, **frames()), webp(orientation=6, **frames())):
        result = uploaded(content).read()
        assert_no_metadata(result)
        assert shown(result)[:4] == shown(content)[:4]


@pytest.mark.filterwarnings("ignore")  # on a server, Pillow's warnings are no exceptions
@pytest.mark.parametrize("name", ["jpeg, progressive", "png, animated", "gif, animated", "webp",
                                  "webp, animated", "avif", "avif, animated"])  # fmt: skip
def test_damaged_image_is_rejected_or_stored(name):
    content = IMAGES[name].removesuffix(SECRET)
    if name == "jpeg, progressive":
        content = jpeg(6, progressive=True).removesuffix(SECRET)
    chance = random.Random(1)
    for attempt in range(150):
        damaged = bytearray(content)
        if attempt % 3 == 0:
            del damaged[chance.randrange(1, len(content) - 1) :]
        else:
            for _ in range(attempt % 3):
                damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        try:
            uploaded(bytes(damaged))
        except ValidationError as error:
            assert len(error.messages) == 1


def header(width: int, height: int) -> bytes:
    """Return a PNG without pixels."""
    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_phone_photo_has_few_enough_pixels():
    assert uploaded(header(8000, 6000)).image.size == (8000, 6000)


@pytest.mark.parametrize(("width", "height"), [(8000, 6251), (9_000, 9_000)])
def test_too_many_pixels_are_rejected(width, height):
    with pytest.raises(ValidationError) as error:
        uploaded(header(width, height))
    megapixels = f"{width * height / 1e6:.1f}"
    expected = f"The image has {megapixels} megapixels. The maximum is 50."
    assert error.value.messages == [expected]


@pytest.mark.filterwarnings("ignore")
def test_far_too_many_pixels_are_rejected():
    with pytest.raises(ValidationError):
        uploaded(header(100_000, 100_000))


def test_sentences_are_translatable(settings, monkeypatch):
    sentences = {
        "Upload a PNG, JPEG, GIF, WebP or AVIF image.": "Nur Bilder.",
        "The file is %(size)s. The maximum size is %(limit)s.": "Höchstens %(limit)s.",
        "The image has %(size).1f megapixels. The maximum is %(limit).0f.": "Höchstens %(limit)d.",
    }
    catalog = translation.trans_real.translation("de")._catalog
    monkeypatch.setattr(catalog, "_catalogs", [sentences, *catalog._catalogs])

    def rejected(content: bytes) -> list[str]:
        with pytest.raises(ValidationError) as error, translation.override("de"):
            uploaded(content)
        with translation.override("de"):
            return error.value.messages

    assert rejected(saved(picture(), "TIFF")) == ["Nur Bilder."]
    assert rejected(header(9000, 9000)) == ["Höchstens 50."]
    settings.UPLOAD_LIMIT = 10
    assert rejected(png()) == ["Höchstens 10\xa0bytes."]


NAMES = ["😀.png", " .PNG", "???.jpg", "—.png", "a b.webp"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_name_without_letters(client, settings, name):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0  # uploads are temporary files
    assert client.post("/", {"image": SimpleUploadedFile(name, jpeg())}).status_code == 302
    photo = Photo.objects.get()
    extension = name[name.index(".") :].lower()
    assert photo.image.name.endswith(extension) and len(photo.image.name) > 27
    response = client.get(photo.image.url)
    assert SECRET not in response.getvalue()
    assert response["Content-Disposition"] == "inline"
    assert default_storage.save(name, ContentFile(b"")).endswith(extension)
