"""The container: stream headers, frame records and end records. Only undamaged streams are read."""

import struct
from dataclasses import dataclass

from crc32c import crc32c

MAGIC = bytes.fromhex("894643560D0A1A0A")
KEY, INTER, REPEAT = 0, 1, 2
NO_PREDICTOR, COPY_LAST, MOTION, MODEL = 0, 1, 2, 3


class Damaged(Exception):
    """A stream that is not what the document says."""


def need(condition, what):
    """Refuses a stream that breaks a rule."""
    if not condition:
        raise Damaged(what)


class Bytes:
    """Reads the numbers of a record one after the other."""

    def __init__(self, data, at):
        self.data, self.start, self.at = data, at, at

    def take(self, count):
        need(self.at + count <= len(self.data), "the stream ends inside of a record")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                need(byte > 0 or shift == 7, "a varint has a last group of 0")
                need(value < 1 << 64, "a varint has more than 64 bits")
                return value

    def text(self):
        return self.take(self.varint()).decode("utf-8")

    def seal(self, before=b""):
        """Checks the CRC of the record up to here, and of what is put before it."""
        crc = crc32c(before + self.data[self.start : self.at])
        need(self.number(4) == crc, f"wrong CRC of the record at byte {self.start}")


@dataclass
class Header:
    """What a stream says of all its frames."""

    id: bytes
    profile: int
    format: int
    max_error: int
    width: int
    height: int
    refresh: int
    heights: list
    predictor: int
    size: int


def stream_header(data, at):
    """Reads the stream header at byte `at`."""
    read = Bytes(data, at)
    need(read.take(8) == MAGIC, "no magic of a stream")
    need(read.number(2) == 1, "another version")
    size = read.number(2)
    ident = read.take(8)
    profile, arithmetic, pixels = read.number(1), read.number(1), read.number(1)
    need(profile <= 2 and arithmetic == 2 and pixels <= 10, "unknown profile, arithmetic or format")
    need(read.number(1) <= 2 and read.number(1) <= 1 and read.number(1) <= 1, "unknown colour")
    max_error = read.number(1)
    need(max_error <= 16, "the largest error is above 16")
    width, height = read.varint(), read.varint()
    need(1 <= width <= 8192 and 1 <= height <= 8192 and width * height <= 1 << 25, "size")
    read.varint(), read.varint()  # rate
    need(read.varint() >= 1, "key interval 0")
    refresh = read.varint()
    count = read.varint()
    need(1 <= count <= 64, "number of slices")
    heights = [read.varint() for _ in range(count)]
    need(min(heights) >= 1 and sum(heights) == (height + 15) // 16, "heights of the slices")
    predictor = read.number(1)
    need(predictor <= 3, "unknown predictor")
    if predictor != NO_PREDICTOR:
        need(len(read.text().encode()) <= 100, "name of the predictor")
    if predictor == MODEL:
        read.take(32)
        if read.number(1) == 1:
            read.text()
    read.seal()
    need(read.at - at == size <= 2048, "length of the stream header")
    return Header(
        ident, profile, pixels, max_error, width, height, refresh, heights, predictor, size
    )


@dataclass
class FrameRecord:
    """One frame: its kind, the bands that start anew, and slices with the CRCs of their bands."""

    kind: int
    predicted: bool
    index: int
    refreshed: int
    slices: list
    crcs: list


def frame_record(data, at, header):
    """Reads the frame record at byte `at`; also gives the byte after it."""
    read = Bytes(data, at)
    need(read.take(2) == b"\xfc\xf1", f"no frame record at byte {at}")
    flags = read.number(1)
    kind, predicted, position = flags & 3, bool(flags & 4), flags >> 5
    need(kind <= 2 and position <= 2, "unknown flags")
    need(not predicted or (kind == INTER and header.predictor), "predicted, but no inter frame")
    index = read.varint()
    if flags & 8:
        read.varint()
    if flags & 16:
        read.take(8)
    if position == 2:
        read.take(8)
    count = len(header.heights)
    refreshed = read.number((count + 7) // 8) if kind == INTER and header.refresh else 0
    sizes, crcs = [], []
    if kind != REPEAT:
        for _ in range(count):
            sizes.append(read.varint())
            crcs.append(read.number(4))
    read.seal(header.id)
    slices = [read.take(size) for size in sizes]
    return FrameRecord(kind, predicted, index, refreshed, slices, crcs), read.at


def end_record(data, at, header, keys):
    """Reads the end record at byte `at`; `keys` are numbers and bytes of the key frames."""
    read = Bytes(data, at)
    need(read.take(2) == b"\xfc\xe0", f"no end record at byte {at}")
    frames = read.varint()
    number = byte = 0
    for _ in range(read.varint()):
        number, byte = number + read.varint(), byte + read.varint()
        need((number, byte) in keys, "the index names no key frame")
    length = read.number(4)
    need(read.take(4) == b"FCVX", "no tail")
    read.seal(header.id)
    need(read.at - at == length, "length of the end record")
    return frames, read.at


def records(data):
    """The header of a whole stream and its frame records, in order."""
    header = stream_header(data, 0)
    first = data[: header.size]
    at, frames, keys = header.size, [], set()
    while data[at : at + 2] != b"\xfc\xe0":
        if data[at : at + 8] == MAGIC:
            need(data[at : at + header.size] == first, "another stream header")
            at += header.size
        record, after = frame_record(data, at, header)
        if record.kind == KEY:
            keys.add((record.index, at))
        frames.append(record)
        at = after
    count, at = end_record(data, at, header, keys)
    need(at == len(data) and count == len(frames), "frames are missing or too many")
    return header, frames
