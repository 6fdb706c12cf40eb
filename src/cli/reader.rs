//! The frames of a source one after the other, for commands that look at each by itself: with their
//! time, and with what broke the stream before them.

use std::time::Duration;

use framecast::frame::{Frame, MonoTime};
use framecast::model::ResetReason;
use framecast::pipeline::{Fresh, Stop, TimeLine};
use framecast::source::{Read, Source, SourceError, SourceInfo};

/// How long a read lasts at most before the interrupt is looked at.
const POLL: Duration = Duration::from_millis(200);

/// A frame in its place.
#[derive(Debug)]
pub(crate) struct Shot {
    /// The frame.
    pub(crate) frame: Frame,
    /// Its time on the stream's own time line.
    pub(crate) time: MonoTime,
    /// Why it does not continue the frame before; whoever remembers frames begins anew.
    pub(crate) reset: Option<ResetReason>,
}

/// Reads a source from now on; to be made when everything else is ready.
#[derive(Debug)]
pub(crate) struct Reader {
    source: Fresh,
    line: TimeLine,
    seen: u64,
    /// Frames are missing since the last one.
    lost: bool,
    reset: Option<ResetReason>,
}

impl Reader {
    pub(crate) fn new(source: Box<dyn Source>) -> Self {
        let line = TimeLine::new(source.info());
        Self { source: Fresh::new(source), line, seen: 0, lost: false, reset: None }
    }

    pub(crate) fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    /// Frames so far.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// The next frame; none at the end, and when `stop` is an interrupt.
    pub(crate) fn next(&mut self, stop: &Stop) -> Result<Option<Shot>, SourceError> {
        while !stop.is_aborted() {
            match self.source.read(MonoTime::now().after(POLL))? {
                Read::Frame(frame) => {
                    let moment =
                        self.line.place(frame.seq(), frame.captured(), frame.meta().position);
                    // A frame or two that are missing say nothing.
                    let gap = std::mem::take(&mut self.lost) && moment.jumped;
                    let reset = self.reset.take().or(gap.then_some(ResetReason::Gap));
                    self.seen += 1;
                    return Ok(Some(Shot { frame, time: moment.time, reset }));
                }
                Read::Reopened => self.reset = Some(ResetReason::Reconnect),
                Read::Lost { frames, reason } => {
                    tracing::warn!("{frames} frames were lost: {reason}");
                    self.lost = true;
                }
                Read::Timeout => {}
                _ => break,
            }
        }
        Ok(None)
    }

    /// Says what the source could not read although it went on.
    pub(crate) fn finish(&self) {
        let damage = self.source.damage();
        if !damage.is_none() {
            tracing::warn!("{}: {damage}", self.info().uri);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use framecast::frame::{
        DropReason, FrameMeta, FrameSeq, Layout, PixelFormat, PooledBuf, Rational, Size,
    };

    use super::*;

    /// What a source says, one after the other.
    #[derive(Clone, Copy)]
    enum Says {
        /// A frame of this number, filmed this many milliseconds from now.
        Frame(u64, u64),
        Lost,
        Reopened,
    }

    struct Script {
        info: SourceInfo,
        start: MonoTime,
        says: VecDeque<Says>,
    }

    impl Source for Script {
        fn info(&self) -> &SourceInfo {
            &self.info
        }

        fn read(&mut self, _: MonoTime) -> Result<Read, SourceError> {
            Ok(match self.says.pop_front() {
                Some(Says::Frame(seq, ms)) => {
                    let layout = Layout::packed(PixelFormat::Grey, Size::new(2, 2)).unwrap();
                    let captured = self.start.after(Duration::from_millis(ms));
                    let meta = FrameMeta { seq: FrameSeq(seq), captured, ..FrameMeta::default() };
                    let samples = PooledBuf::unpooled(vec![7; 4]);
                    Read::Frame(Frame::new(samples, layout, meta).unwrap())
                }
                Some(Says::Lost) => Read::Lost { frames: 1, reason: DropReason::Corrupt },
                Some(Says::Reopened) => Read::Reopened,
                None => Read::End,
            })
        }
    }

    fn read(live: bool, says: &[Says]) -> Vec<(u64, Option<ResetReason>)> {
        let info = SourceInfo {
            uri: "x:".to_owned(),
            description: String::new(),
            format: PixelFormat::Grey,
            size: Size::new(2, 2),
            // What it is called, not what it does.
            rate: Some(Rational::whole(100)),
            live,
            frames: None,
        };
        let start = MonoTime::now().after(Duration::from_secs(60));
        let says = says.iter().copied().collect();
        let (mut reader, stop) = (Reader::new(Box::new(Script { info, start, says })), Stop::new());
        let mut shots = Vec::new();
        while let Some(shot) = reader.next(&stop).unwrap() {
            shots.push((shot.time.as_nanos() / 1_000_000, shot.reset));
        }
        assert_eq!(reader.seen(), shots.len() as u64);
        shots
    }

    #[test]
    fn times_are_those_of_the_frames_and_breaks_are_told_once() {
        use ResetReason::{Gap, Reconnect};
        use Says::{Frame, Lost, Reopened};
        let says = [
            Frame(0, 0),
            Frame(1, 500),
            Lost,
            Frame(3, 1_200),
            Frame(4, 3_000),
            Lost,
            Frame(9, 5_000),
            Reopened,
            Frame(10, 5_100),
            Frame(11, 5_200),
        ];
        let camera = [
            (0, None),
            (500, None),
            (1_200, None),
            (3_000, None),
            (5_000, Some(Gap)),
            (5_100, Some(Reconnect)),
            (5_200, None),
        ];
        assert_eq!(read(true, &says), camera);
        // A recording without times counts its frames, the lost ones too.
        let times: Vec<u64> = read(false, &says).iter().map(|(ms, _)| *ms).collect();
        assert_eq!(times, [0, 10, 30, 40, 90, 100, 110]);
    }
}
