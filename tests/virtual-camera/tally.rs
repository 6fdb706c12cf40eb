//! Reads a source for a while and keeps the books on what came.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use framecast::frame::{DropReason, Frame, MonoTime};
use framecast::source::{Read, Source};

/// What a source delivered.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) frames: u64,
    pub(crate) lost: BTreeMap<&'static str, u64>,
    pub(crate) reopened: u64,
    /// From the start of reading to the first frame.
    pub(crate) first_frame: Option<Duration>,
    last_seq: Option<u64>,
    base_seq: u64,
    last_time: MonoTime,
    /// The first thing that should not have happened.
    pub(crate) wrong: Option<String>,
}

impl Tally {
    pub(crate) fn lost(&self, reason: DropReason) -> u64 {
        self.lost.get(reason.name()).copied().unwrap_or(0)
    }

    fn note(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    fn frame(&mut self, frame: &Frame) {
        let seq = frame.seq().0;
        match self.last_seq {
            Some(last) if seq <= last => self.note(format!("frame #{seq} came after #{last}")),
            None => self.base_seq = seq,
            _ => {}
        }
        self.last_seq = Some(seq);
        let age = MonoTime::now().since(frame.captured());
        if frame.captured() < self.last_time || age > Duration::from_secs(2) {
            self.note(format!("frame #{seq} is {age:?} old or older than the one before"));
        }
        self.last_time = frame.captured();
        self.frames += 1;
    }

    /// Reads until `enough` frames came in this call, at most `limit`; `each` sees every frame.
    pub(crate) fn read(
        &mut self,
        source: &mut dyn Source,
        enough: u64,
        limit: Duration,
        mut each: impl FnMut(&Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let start = Instant::now();
        let target = self.frames + enough;
        self.first_frame = None;
        while self.frames < target {
            if start.elapsed() > limit {
                return Err(format!("only {self:?} within {limit:?}"));
            }
            let deadline = MonoTime::now().after(Duration::from_millis(100));
            match source.read(deadline).map_err(|e| e.to_string())? {
                Read::Frame(frame) => {
                    self.first_frame.get_or_insert(start.elapsed());
                    self.frame(&frame);
                    each(&frame)?;
                }
                Read::Lost { frames, reason } => {
                    *self.lost.entry(reason.name()).or_default() += frames;
                }
                Read::Reopened => self.reopened += 1,
                Read::Timeout => {}
                _ => return Err("the stream ended".to_owned()),
            }
        }
        Ok(())
    }

    /// Holds the numbers of one opening against the books: every number is a frame or a loss.
    pub(crate) fn balanced(&self) -> Result<(), String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let span = self.last_seq.map_or(0, |last| last - self.base_seq + 1);
        // What was left out on purpose has no number.
        let lost = self.lost.values().sum::<u64>() - self.lost(DropReason::Policy);
        let booked = self.frames + lost;
        // Losses before the first frame and after the last lie outside the span.
        if booked < span || booked > span + 16 {
            return Err(format!("{span} frame numbers but {booked} booked: {self:?}"));
        }
        Ok(())
    }

    /// Frames and losses in words.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("{} frames", self.frames);
        for (reason, n) in &self.lost {
            text.push_str(&format!(", {n} {reason}"));
        }
        if self.reopened > 0 {
            text.push_str(&format!(", reopened {}", self.reopened));
        }
        text
    }
}
