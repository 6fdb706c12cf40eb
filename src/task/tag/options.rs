//! How tags are steadied and chosen.

use std::str::FromStr;
use std::time::Duration;

use crate::task::TaskError;

/// What is averaged over the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pool {
    /// The scores of the frames.
    #[default]
    Scores,
    /// The embeddings of the frames, which are then scored once; only for models that take
    /// embeddings.
    Embeddings,
    /// Votes: the share of the frames whose score reaches the threshold.
    Votes,
}

impl Pool {
    /// The names, as [`FromStr`] reads them.
    pub const NAMES: &'static str = "scores, embeddings or votes";
}

impl FromStr for Pool {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "scores" => Ok(Self::Scores),
            "embeddings" => Ok(Self::Embeddings),
            "votes" => Ok(Self::Votes),
            _ => Err(format!("write {}", Self::NAMES)),
        }
    }
}

/// How tags are steadied and chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TagOptions {
    /// The most tags reported of a frame.
    pub top: usize,
    /// Tags are reported up to the first below this, and a frame votes for those that reach it.
    pub threshold: f32,
    /// A tag begins at this score.
    pub on: f32,
    /// A tag ends below this score.
    pub off: f32,
    /// Time that is averaged over; zero for the newest frame alone.
    pub window: Duration,
    /// What is averaged.
    pub pool: Pool,
}

impl Default for TagOptions {
    fn default() -> Self {
        Self {
            top: 5,
            threshold: 0.5,
            on: 0.6,
            off: 0.4,
            window: Duration::from_secs(1),
            pool: Pool::Scores,
        }
    }
}

impl TagOptions {
    /// The longest window.
    pub const LONGEST: Duration = Duration::from_secs(600);

    /// Checks the ranges; `model` is named in the error.
    ///
    /// # Errors
    /// [`TaskError::Option`] with the range.
    pub fn check(&self) -> Result<(), TaskError> {
        let wrong = |name: &'static str, value: String, range: &'static str| {
            Err(TaskError::Option { name, value, range })
        };
        for (name, value) in [("threshold", self.threshold), ("on", self.on), ("off", self.off)] {
            if !(0.0..=1.0).contains(&value) {
                return wrong(name, value.to_string(), "0..=1");
            }
        }
        if self.off > self.on {
            return wrong("off", self.off.to_string(), "at most the level at which a tag begins");
        }
        if self.window > Self::LONGEST {
            return wrong("window", format!("{:?}", self.window), "at most 600s");
        }
        if self.top == 0 {
            return wrong("top", "0".to_owned(), "at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_named() {
        let base = TagOptions::default();
        assert!(base.check().is_ok());
        let said = |options: TagOptions| options.check().unwrap_err().to_string();
        assert!(said(TagOptions { on: 1.5, ..base }).contains("1.5"));
        assert!(said(TagOptions { threshold: f32::NAN, ..base }).contains("0..=1"));
        assert!(said(TagOptions { off: 0.7, ..base }).contains("begins"));
        assert!(said(TagOptions { window: Duration::from_secs(601), ..base }).contains("600s"));
        assert!(said(TagOptions { top: 0, ..base }).contains("at least 1"));
        assert!("mean".parse::<Pool>().unwrap_err().contains("votes"));
    }
}
