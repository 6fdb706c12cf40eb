"""Residuals as the profiles light and fast code them, and what all profiles share."""

from distribution import FIRST, LOW_BITS, SECOND, Bits, Distribution, symbol_of


class Coding:
    """Distributions and bits of one plane of a band."""

    def __init__(self):
        self.first = {}
        self.second = {}
        self.bits = Bits()

    def symbol(self, coder, c):
        """The symbol of a sample in context `c`."""
        first = (c.cls, c.fraction, c.ahead)
        if first not in self.first:
            self.first[first] = Distribution(FIRST[c.cls][c.fraction])
        key = (c.coarse, c.equality, c.side)
        if key not in self.second:
            self.second[key] = Distribution(SECOND[c.coarse])
        return symbol_of(coder, self.first[first], self.second[key])

    def residual(self, coder, c):
        """The residual of a sample, its sign as the context has it."""
        symbol, q = self.symbol(coder, c), c.coarse
        part = symbol - 8
        if symbol in (0, 15):
            upper, size = symbol == 15, 0
            while size < 11 and self.bits.code(coder, ("size", q, upper, size)):
                size += 1
            beyond = (1 << size) + coder.plain(size) - 1
            part += beyond if upper else -beyond
        count = LOW_BITS[q]
        if count == 0:
            return part
        low = above = self.bits.code(coder, ("low", q, symbol))
        if count > 1:
            low = low << 1 | self.bits.code(coder, ("low", q, symbol, above))
            low = low << (count - 2) | coder.plain(count - 2)
        return (part << count) + low - (1 << count >> 1)
