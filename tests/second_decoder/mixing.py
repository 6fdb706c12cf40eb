"""Symbols bit by bit, each probability mixed from eight models in whole numbers."""

from functools import cache
from math import exp, log

import numpy as np

from distribution import CLASSES, FIRST
from planes import clamp
from residual import Coding

F32 = np.float32
MODELS = 8
GROUP = [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 5]
# A class in the middle of each group.
GROUP_CLASS = [1, 6, 10, 13, 16, 20]
# Largest mixture, in 256ths of the logarithm of odds, and what weights are at first.
LIMIT = 3071
WEIGHT = 2785


@cache
def stretch(index):
    """Logarithm of the odds, in 256ths, of the middle of one of 4096 steps of probability."""
    return int(256 * log((index + 0.5) / (4095.5 - index)))


@cache
def squash(m):
    """Probability in 65536ths of a logarithm of odds in 256ths."""
    return int(65536 / (1 + exp(-m / 256)))


CURVE = [squash(256 * i - 4096) for i in range(33)]


def _first_estimates(upto):
    """Estimates of the nodes by a distribution."""

    def share(first, last):
        return F32(upto[last] - (upto[first - 1] if first else 0)) + F32(8)

    nodes = [share(8, 8) / share(0, 15), share(9, 15) / (share(9, 15) + share(0, 7))]
    nodes += [share(9 + n, 15) / (share(8 + n, 15) + F32(8)) for n in range(1, 7)]
    nodes += [share(0, 7 - n) / (share(0, 8 - n) + F32(8)) for n in range(1, 8)]
    return [int(np.clip(p, F32(0.002), F32(0.998)) * F32(4194303)) for p in nodes]


ESTIMATES = [_first_estimates(FIRST[cls][0]) for cls in range(CLASSES)]
SHARES = [int(2048 / (n + 1.6) + 0.5) for n in range(256)]
SIZES, NINE = (1, 2, 3, 6, 11, 22, 43), (12, 40, 96, 240)


def size(value):
    """Roughly the logarithm of a number."""
    return sum(value >= least for least in SIZES)


def sign(value):
    """-1, 0 or 1."""
    return (value > 0) - (value < 0)


def nine(value):
    """How many edges a difference, in steps of four, is beyond, with its sign."""
    return sign(value) * sum(abs(4 * (value >> 2)) > edge for edge in NINE)


def contexts(c):
    """The contexts of the eight models, each led by the class its estimates begin by."""
    q, cls, group = c.coarse, c.cls, GROUP[c.coarse]
    mean, middle = 2 * q + 1, GROUP_CLASS[group]

    def off(value):
        return 16 * value - c.scaled

    return [
        (cls, c.fraction),
        (mean, q, c.equality, c.side),
        (cls, *(sign(c.sign * r) for r in c.residuals)),
        (
            middle, group, size(c.signs[3]),
            min(5, size(c.signs[8] >> 1)), min(5, size(c.signs[0] >> 1)),
        ),
        (mean, q, size(c.signs[6] >> 1), size(c.signs[7] >> 1)),
        (mean, q, clamp((c.sign * off(c.moved) + 2) >> 2, -16, 16)),
        (middle, group, c.sign * nine(off(c.left)), c.sign * nine(off(c.above))),
        (mean, q, clamp((c.sign * off(c.other) + 4) >> 3, -8, 8)),
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
        inputs = [stretch(p >> 10) for p, _ in estimates]
        weights = [self.weights.setdefault((*key, node), [WEIGHT] * MODELS) for key in sets]
        curves = [self.curves.setdefault((*key, node), list(CURVE)) for key in sets]
        total = sum(i * (a + b) for i, a, b in zip(inputs, *weights))
        mixture = clamp(total >> 15, -LIMIT, LIMIT)
        first = squash(mixture)
        step, part = divmod(mixture + 4096, 256)
        says = [c[step] + ((c[step + 1] - c[step]) * part >> 8) for c in curves]
        second = sum(says) >> 1
        bit = coder.bit(clamp((first + second) >> 1, 24, 65512))

        target = 65535 if bit else 0
        nearer = step + (part >= 128)
        for curve in curves:
            curve[nearer] += (target - curve[nearer]) >> 7
        miss = (target - first) >> 1
        for w in weights:
            for i, value in enumerate(inputs):
                w[i] = clamp(w[i] + ((value * miss + 32768) >> 16), -32768, 32767)
        target = (1 << 22) - 1 if bit else 0
        for e in estimates:
            e[0] += ((target - e[0]) >> 2) * SHARES[e[1]] >> 9
            e[1] = min(e[1] + 1, 255)
        return bit
