"""The range coder: symbols out of the bytes of one slice."""


class RangeDecoder:
    """Decodes a slice; past its end zeros are read."""

    def __init__(self, data):
        self.data = data
        self.at = 8
        self.range = (1 << 64) - 1
        # How far the code is above the lower end of the range.
        self.code = int.from_bytes(data[:8].ljust(8, b"\0"), "big")

    def target(self):
        """Where in 2^16 the next symbol lies; `take` must follow."""
        return min(self.code // (self.range >> 16), 65535)

    def take(self, low, high):
        """Takes the symbol that has the part `low..high`."""
        part = self.range >> 16
        self.code -= part * low
        self.range = part * (high - low)
        if self.range < 1 << 32:
            more = self.data[self.at : self.at + 4].ljust(4, b"\0")
            self.at += 4
            self.code = self.code << 32 | int.from_bytes(more, "big")
            self.range <<= 32

    def bit(self, frequency):
        """A bit that is one in `frequency` of 65536."""
        one = self.target() < frequency
        self.take(0, frequency) if one else self.take(frequency, 65536)
        return int(one)

    def plain(self, count):
        """A number of `count` bits, each value as likely."""
        if count == 0:
            return 0
        width = 16 - count
        value = self.target() >> width
        self.take(value << width, (value + 1) << width)
        return value

    def is_whole(self):
        """Whether as many bytes were needed as the slice has."""
        return 0 <= self.at - len(self.data) <= 8
