"""Adaptive distributions of 16 symbols, adaptive bits, and what both begin with."""

FULL = 32767

# Classes of activity end before these edges, in 96ths of a sample's error.
EDGES = []
_edge = 384
for _ in range(23):
    EDGES.append(_edge // 96)
    _edge = _edge * 4 // 3
CLASSES = len(EDGES) + 1
COARSE = CLASSES // 2
# Low bits of a residual that are not part of its symbol, by coarse class.
LOW_BITS = [0] * 7 + [1, 1, 2, 3, 4]


class Distribution:
    """What symbols up to each have had together, and how often it was used."""

    __slots__ = ("upto", "used")

    def __init__(self, upto):
        self.upto, self.used = list(upto), 0

    def learn(self, symbol):
        rate = 4 + sum(self.used > most for most in (15, 40, 100, 254))
        up = (1 << rate) - 1
        for i, c in enumerate(self.upto):
            if i >= symbol:
                d = FULL - c
                self.upto[i] = FULL - (d - ((d + up) >> rate))
            else:
                self.upto[i] = c - ((c + up) >> rate)
        self.used = min(self.used + 1, 255)


def symbol_of(coder, one, two):
    """A symbol by two distributions together, which both learn it."""
    target = coder.target()
    low = 0
    for symbol in range(16):
        high = 65535
        if symbol < 15:
            high = ((one.upto[symbol] + two.upto[symbol]) * (65536 - 48) >> 16) + 3 * (symbol + 1)
        if target < high or symbol == 15:
            break
        low = high
    coder.take(low, high)
    one.learn(symbol)
    if two is not one:
        two.learn(symbol)
    return symbol


class Bits:
    """Adaptive bits by context."""

    def __init__(self):
        self.ones = {}

    def code(self, coder, context):
        p = self.ones.get(context, 32768)
        bit = coder.bit(min(max(p, 64), 65472))
        self.ones[context] = p + ((65535 - p) >> 5) if bit else p - (p >> 5)
        return bit


def _middle(cls):
    """Middle of the edges of a class, as an error in samples."""
    low = EDGES[cls - 1] if cls else 0
    high = EDGES[cls] if cls < len(EDGES) else 2 * low
    return (low + high) / 2 / 96


def _geometric(size, shift, offset):
    """A two-sided geometric distribution of mean size `size` around `offset`."""
    size = max(size, 0.02) + 0.02
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if 2 * middle < size * (1 - middle * middle):
            low = middle
        else:
            high = middle
    powers = [1.0]
    for _ in range(301):
        powers.append(powers[-1] * low)
    sums = [0.0] * 16
    for k in range(-300, 301):
        part = (k + ((1 << shift) >> 1)) >> shift
        weight = (1 - offset) * powers[abs(k)] + offset * powers[abs(k - 1)]
        sums[min(max(part, -8), 7) + 8] += weight
    total = 0.0
    for part in sums:
        total += part
    upto, sum_ = [], 0.0
    for part in sums:
        sum_ += part / total
        upto.append(min(int(sum_ * FULL), FULL))
    upto[15] = FULL
    return upto


# By class and fraction, and by coarse class.
FIRST = [
    [_geometric(_middle(c), LOW_BITS[c // 2], shift) for shift in (0.06, 0.22, 0.4)]
    for c in range(CLASSES)
]
SECOND = [
    _geometric((_middle(2 * q) + _middle(2 * q + 1)) / 2, LOW_BITS[q], 0.2) for q in range(COARSE)
]
