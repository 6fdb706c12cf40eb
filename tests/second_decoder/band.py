"""A band: one slice a frame, its motion and then its planes."""

from container import need
from motion import fresh, moved, vectors
from plane_decoder import LIGHT, PlaneDecoder, PlaneState
from planes import Surface, clamp
from planes_before import planes_before
from range_decoder import RangeDecoder
from references import References, lean, step_regressors


class Band:
    """One band: its rows and all that its coder keeps."""

    def __init__(self, header, planes, rows):
        self.header, self.planes = header, planes
        self.rows = [plane.rows(*rows) for plane in planes]
        self.forget()

    def forget(self):
        """Starts anew, as in a key frame."""
        header = self.header
        self.states = [PlaneState(header.profile, header.max_error) for _ in self.planes]
        self.motion = [fresh(), fresh()]
        self.frames = 0

    def decode(self, data, references, drawn):
        """The band's rows of every plane; `drawn` is the predictor's picture with its memory, if used."""
        coder = RangeDecoder(data)
        references = references[: min(self.frames, 1 if self.header.profile == LIGHT else 2)]
        self.frames += 1
        fields = self.fields(coder, references)
        if not references:
            drawn = None

        done = []
        for i in range(len(self.planes)):
            pictures = self.pictures(i, references, fields, drawn or (None, None))
            done.append((self.planes[i], self.plane(coder, i, pictures, done), pictures.last))
        need(coder.is_whole(), "bytes of a slice are missing or too many")
        return [rows for _, rows, _ in done]

    def fields(self, coder, references):
        """The motion vectors for each reference."""
        top, bottom = self.rows[0]
        fields, bases = [], None
        for distributions, _ in zip(self.motion, references):
            field = vectors(coder, distributions, self.planes[0].width, bottom - top, bases)
            fields.append(field)
            bases = [[(2 * v, 2 * u) for v, u in row] for row in field]
        return fields

    def pictures(self, i, references, fields, drawn):
        """What the coder of plane `i` may look at."""
        plane, state, (top, bottom) = self.planes[i], self.states[i], self.rows[i]
        height = bottom - top
        low, high = (top, bottom) if self.header.refresh else (0, plane.height)
        last, second = [
            moved(frame[i], field, plane, top, height, low, high)
            for frame, field in zip(references, fields)
        ] + [None] * (2 - len(references))

        def kept(rows, field):
            """Moved rows of what the band keeps, which has no more than its own."""
            surface = moved(rows, field, plane, 0, height, 0, height)
            surface.repeat_outer_rows()
            return surface

        steps = [kept(rows, field) for rows, field in zip(state.steps, fields)]
        for picture, step in zip((last, second), steps):
            lean(picture, step, self.header.max_error)

        rows = [clamp(y, low, high - 1) for y in range(top - 1, bottom + 1)]
        picture, memory = [d and Surface([d[i][y] for y in rows]) for d in drawn]
        errors = None
        if last and state.errors_had_references:
            errors = kept(state.errors, fields[0])
        return References(
            last, second, picture, memory, errors, step_regressors(steps[0]) if steps else None
        )

    def plane(self, coder, i, pictures, done):
        """Decodes plane `i`; `done` are those before it."""
        plane, (top, bottom) = self.planes[i], self.rows[i]
        before = planes_before(pictures.last is None, plane, bottom - top, done)
        header = self.header
        decoder = PlaneDecoder(
            self.states[i], header.profile, header.max_error, plane, bottom - top, pictures, before
        )
        return decoder.decode(coder)
