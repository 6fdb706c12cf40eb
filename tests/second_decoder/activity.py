"""How large the error of a sample will be: eleven signs, weighted by what was learnt."""

import numpy as np

from distribution import EDGES
from planes import clamp

F32 = np.float32
# What the signs weigh at first, in 24ths of an error.
KEY = [7, 3.5, 0, 0, 0, 0, 0, 0, 7, 3, 0]
INTER = [4, 2, 0, 4, 1.5, 0, 0, 0, 4, 2, 0]
SIGNS = 11


class Activity:
    """What is learnt of one plane of a band while references stay the same."""

    def __init__(self, key, scale):
        self.first = KEY if key else INTER
        self.scale = scale
        self.sums = np.zeros((SIGNS, SIGNS + 1))
        self.weights = None

    def begin_frame(self):
        self.sums = self.sums * 0.5
        self.solve()

    def solve(self):
        m = self.sums.copy()
        for i, first in enumerate(self.first):
            more = m[i, i] * 0.01 + 1000
            m[i, i] += more
            m[i, SIGNS] += more * first
        for k in range(SIGNS):
            inverse = 1 / m[k, k]
            for i in range(k + 1, SIGNS):
                m[i, k:] -= (m[i, k] * inverse) * m[k, k:]
        weights = [0.0] * SIGNS
        for i in reversed(range(SIGNS)):
            rest = m[i, SIGNS]
            for j in range(i + 1, SIGNS):
                rest -= m[i, j] * weights[j]
            weights[i] = rest / m[i, i]
        self.weights = []
        for weight in weights:
            weight = weight * (256 / self.scale)
            self.weights.append(int(weight + 8192.5) - 8192 if abs(weight) < 8000 else 0)

    def of(self, signs):
        return sum(w * s for w, s in zip(self.weights, signs))

    def trust(self, signs, near):
        """How much a sample counts in what is learnt; `near` is the error left of it."""
        # Of errors of the row itself only that one counts.
        rest = self.of(signs) - sum(self.weights[i] * signs[i] for i in (8, 9))
        m = max(0, (rest >> 8) * self.scale + 4 * near)
        return int(np.clip(F32(640) / F32(m + 40), F32(1), F32(11)))

    def learn(self, y, signs, errors, trusts):
        """Learns from every fourth sample of every fourth row; at times solves anew."""
        if y % 4 == 3:
            row = np.zeros((SIGNS, SIGNS + 1), F32)
            for x in range(0, len(signs), 4):
                # By now what lies left of the first sample is its own error.
                near = [errors[max(x - 1, 0)], errors[max(x - 2, 0)]]
                v = np.array(signs[x][:8] + near + [1, 24 * errors[x]], F32)
                row += (v[:SIGNS] * F32(trusts[x] ** 2))[:, None] * v
            self.sums += row
        if y % 16 == 15:
            self.solve()


def class_of(activity):
    """The class of an activity: how many edges it reaches."""
    value = clamp(activity >> 8, 0, 4095)
    return sum(value >= edge for edge in EDGES)
