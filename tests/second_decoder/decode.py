#!/usr/bin/env python3
"""A second decoder of `.fcv` streams, which shows that docs/bitstream.md suffices to write one.

It shares no code with Framecast, follows the document alone (and docs/contract-blend-1.md for the
predictor `motion`), and is written to be read beside it: plain loops, numpy only where f32 is
needed, a minute for what Framecast decodes in milliseconds. It reads whole, undamaged streams of
all profiles and formats; of predictors it knows `copy` and `motion`, no models.

    python3 tests/second_decoder/decode.py tests/golden/codec   # streams named in its frames.txt
    python3 tests/second_decoder/decode.py A.fcv B.fcv          # any streams

A line is printed for each stream: `exact`, or where it differs. Every band is held against the CRC
in its frame record; in a folder the CRC of all samples of all frames is held against frames.txt
too, so that the frames shown are right, not only their bands. The status is 1 if any differs.
"""

import sys
from pathlib import Path

from container import Damaged
from crc32c import crc32c
from stream import decode


def verdict(path, wanted=None):
    """What came of a stream whose frames are to have the CRC `wanted`, where that is known."""
    try:
        frames = decode(path.read_bytes())
    # Where samples differ, what follows from them may be no number or place at all.
    except (Damaged, OSError, ArithmeticError, LookupError, ValueError) as error:
        return f"differs: {error}"
    crc = 0
    for frame in frames:
        for plane in frame:
            for row in plane:
                crc = crc32c(bytes(row), crc)
    if wanted is not None and f"{crc:08x}" != wanted:
        return f"differs: the frames have the CRC {crc:08x}, not {wanted}"
    return "exact"


def streams(paths):
    """Paths of streams with the CRCs that are known of them."""
    for path in map(Path, paths):
        if path.is_dir():
            for line in (path / "frames.txt").read_text().splitlines():
                name, crc = line.split()
                yield path / f"{name}.fcv", crc
        else:
            yield path, None


def main(paths):
    """Decodes all streams and prints a line for each."""
    exact = total = 0
    for path, crc in streams(paths):
        result = verdict(path, crc)
        print(f"{path.stem:18} {result}", flush=True)
        exact += result == "exact"
        total += 1
    print(f"{exact} of {total} streams are exact")
    return 0 if total and exact == total else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("give a folder with frames.txt, or streams")
    sys.exit(main(sys.argv[1:]))
