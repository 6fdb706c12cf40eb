"""A stream: frames one after the other, and what bands and the predictor may look at."""

from band import Band
from container import KEY, REPEAT, need, records
from crc32c import crc32c
from planes import bands, layout
from predictor import Predictor


def decode(data):
    """All frames of a stream, each a list of planes, each a list of rows."""
    header, frames = records(data)
    planes = layout(header.format, header.width, header.height)
    split = [Band(header, planes, rows) for rows in bands(header.heights, header.height)]
    references, shown, predictor = [], [], Predictor(header.predictor, planes)
    for record in frames:
        need(shown or record.kind == KEY, "a stream begins with no key frame")
        if record.kind == KEY:
            references = []
            predictor.reset()
            picture = None
        else:
            picture = predictor.draw(shown[-1])
        if record.kind == REPEAT:
            shown.append(shown[-1])
            continue
        if not record.predicted:
            picture = None
        parts = []
        for i, band in enumerate(split):
            if record.kind == KEY or record.refreshed >> i & 1:
                band.forget()
            rows = band.decode(record.slices[i], references, picture)
            crc = 0
            for part in rows:
                for row in part:
                    crc = crc32c(bytes(row), crc)
            need(crc == record.crcs[i], f"frame {record.index}, band {i}: samples differ")
            parts.append(rows)
        frame = [[row for part in parts for row in part[i]] for i in range(len(planes))]
        references = [frame] + references[:1]
        shown.append(frame)
    return shown
