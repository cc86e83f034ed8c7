"""Small images. Standard library only, as http.py."""

import random
import struct
import zlib

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90400000000002c")
GIF += bytes.fromhex("00000000010001000002024401003b")


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(seed: str = "", width: int = 1, height: int = 1, rows: bytes | None = None) -> bytes:
    """Return a PNG of noise, different for each seed; `rows` replaces its pixels."""
    if rows is None:
        noise = random.Random(seed)
        rows = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


PNG = png()
