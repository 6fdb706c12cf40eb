"""The profile strong: symbols bit by bit, each probability mixed from eight models, in f32."""

from functools import cache

import numpy as np

from distribution import CLASSES, FIRST
from planes import clamp
from residual import Coding

F32 = np.float32
MODELS = 8
GROUP = [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 5]
# A class in the middle of each group.
GROUP_CLASS = [1, 6, 10, 13, 16, 20]
LIMIT = F32(11.9)
HALF = F32(0.5)


def _exponential(x):
    """e^x, by its series near 0 and squared back."""
    small = x / 1024
    term = total = 1.0
    for n in range(1, 12):
        term *= small / n
        total += term
    for _ in range(10):
        total *= total
    return total


@cache
def stretch(index):
    """Logarithm of the odds of the middle of one of 4096 steps of probability."""
    p = (index + 0.5) / 4096
    low, high = -12.0, 12.0
    for _ in range(40):
        middle = (low + high) / 2
        if 1 / (1 + _exponential(-middle)) < p:
            low = middle
        else:
            high = middle
    return F32(low)


SQUASH = [F32(65536 / (1 + _exponential(-i / 64))) for i in range(-12 * 64, 12 * 64 + 1)]


def squash(x):
    """Probability in 65536ths of the logarithm `x` of odds."""
    at = (x + F32(12)) * F32(64)
    step = int(at)
    low, high = SQUASH[step], SQUASH[step + 1]
    return low + (high - low) * (at - F32(step))


# The point at 12 begins in the middle.
CURVE = [clamp(int(squash(F32(0.75) * F32(i - 16))), 16, 65519) for i in range(32)] + [32768]


def _first_estimates(upto):
    """Estimates of the nodes by a distribution."""

    def share(first, last):
        return F32(upto[last] - (upto[first - 1] if first else 0)) + F32(8)

    nodes = [share(8, 8) / share(0, 15), share(9, 15) / (share(9, 15) + share(0, 7))]
    nodes += [share(9 + n, 15) / (share(8 + n, 15) + F32(8)) for n in range(1, 7)]
    nodes += [share(0, 7 - n) / (share(0, 8 - n) + F32(8)) for n in range(1, 8)]
    return [int(np.clip(p, F32(0.002), F32(0.998)) * F32(4194303)) for p in nodes]


ESTIMATES = [_first_estimates(FIRST[cls][0]) for cls in range(CLASSES)]
SHARES = [int(65536 / (n + 1.6)) for n in range(256)]


def size(value):
    """Roughly the logarithm of a number."""
    return min((value + (value >> 1)).bit_length(), 7)


def steps(value, edges):
    """How many edges a difference is beyond, with its sign."""
    beyond = sum(abs(value) > edge for edge in edges)
    return -beyond if value < 0 else beyond


FIVE, NINE = (0, 2), (12, 40, 96, 240)


def contexts(c):
    """The contexts of the eight models, each led by the class its estimates begin by."""
    q, cls, group = c.coarse, c.cls, GROUP[c.coarse]
    mean, middle = 2 * q + 1, GROUP_CLASS[group]

    def off(value):
        return c.sign * (16 * value - c.scaled)

    residuals = [steps(c.sign * r, FIVE) for r in (c.residual_left, c.residual_above)]
    return [
        (cls, c.fraction),
        (mean, q, c.equality, c.side),
        (cls, *residuals),
        (
            middle, group, size(c.signs[3]),
            min(5, size(c.signs[8] >> 1)), min(5, size(c.signs[0] >> 1)),
        ),
        (mean, q, size(c.signs[6] >> 1), size(c.signs[7] >> 1)),
        (mean, q, clamp((off(c.moved) + 2) >> 2, -16, 16)),
        (middle, group, steps(off(c.left), NINE), steps(off(c.above), NINE)),
        (mean, q, clamp((off(c.other) + 4) >> 3, -8, 8)),
    ]


class MixedCoding(Coding):
    """What is learnt of one plane of a band; all but the symbol is as in other profiles."""

    def __init__(self):
        super().__init__()
        self.estimates = [{} for _ in range(MODELS)]
        self.weights = {}
        self.curves = {}

    def symbol(self, coder, c):
        places = contexts(c)
        sets = (("fraction", c.coarse, c.fraction), ("beside", c.equality, c.side))

        def bit(node):
            return self.bit(coder, places, sets, node)

        if bit(0):
            return 8
        up = bit(1)
        most, first = (7, 2) if up else (8, 8)
        away = 1
        while away < most and bit(first + away - 1):
            away += 1
        return 8 + away if up else 8 - away

    def bit(self, coder, places, sets, node):
        """One bit: mixed, corrected, coded and learnt."""
        estimates = []
        for model, place in enumerate(places):
            key = (place, node)
            if key not in self.estimates[model]:
                self.estimates[model][key] = [ESTIMATES[place[0]][node], 0]
            estimates.append(self.estimates[model][key])
        inputs = np.array([stretch(e[0] >> 10) for e in estimates], F32)
        weights = [
            self.weights.setdefault((*key, node), np.full(MODELS, 0.2, F32)) for key in sets
        ]
        dots = []
        for w in weights:
            p = inputs * w
            total = ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]))
            dots.append(min(max(total, -LIMIT), LIMIT))
        x = (dots[0] + dots[1]) * HALF

        at = (x + F32(12)) * F32(32 / 24)
        step = min(int(at), 31)
        within = at - F32(step)
        curve = self.curves.setdefault((sets[0], node), list(CURVE))
        second = F32(curve[step]) * (F32(1) - within) + F32(curve[step + 1]) * within
        mean = squash(x) * HALF + second * HALF
        bit = coder.bit(int(min(max(mean, F32(24)), F32(65512))))

        nearer = step if within < HALF else step + 1
        curve[nearer] += (65535 - curve[nearer]) >> 6 if bit else -(curve[nearer] >> 6)
        for w, dot in zip(weights, dots):
            miss = (F32(65536 * bit) - squash(dot)) * (F32(0.02) / F32(65536))
            w += miss * inputs
        for e in estimates:
            target = (1 << 22) - 1 if bit else 0
            e[0] += (target - e[0]) * SHARES[e[1]] >> 16
            e[1] = min(e[1] + 1, 255)
        return bit
