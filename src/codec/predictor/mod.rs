//! The predictor slot: what the next frame may look like, from reconstructed frames alone.
//!
//! Encoder and decoder run the same predictor on the same pictures; what it draws is one more
//! source of prediction for the bands. It must give the same bytes on both sides: always
//! ([`Exactness::Exact`]) or on the same build of the same program ([`Exactness::SameBuild`]).

mod carry;
mod copy_last;
mod memory;
mod motion;

pub use carry::chroma_field;
pub use copy_last::CopyLast;
pub use memory::Memory;
pub use motion::Motion;

use super::band::Drawn;
use super::error::CodecError;
use super::picture::Picture;

/// What a stream says its predictor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PredictorKind {
    /// The last reconstructed frame.
    CopyLast,
    /// The last frame moved on as it moved so far.
    Motion,
    /// A model file, known by its hash.
    Model,
}

/// Where a predictor gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Exactness {
    /// Everywhere: integers, or floats in a written order.
    Exact,
    /// Where engine, version, provider, precision, threads, processor features and optimisation
    /// are those named here.
    SameBuild {
        /// One line that must be equal on both sides, at most 1000 bytes.
        pins: String,
    },
}

/// A predictor's identity, as the stream header carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PredictorId {
    /// Which predictor.
    pub kind: PredictorKind,
    /// Its name, for messages: at most 100 bytes.
    pub name: String,
    /// SHA-256 of the model file; zeros for one that has none.
    pub sha256: [u8; 32],
    /// Where it gives the same bytes.
    pub exactness: Exactness,
}

impl PredictorId {
    /// The identity of a predictor without a model file.
    #[must_use]
    pub fn built_in(kind: PredictorKind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), sha256: [0; 32], exactness: Exactness::Exact }
    }

    /// The model's hash in hexadecimal digits.
    #[must_use]
    pub fn sha256_text(&self) -> String {
        use std::fmt::Write as _;
        self.sha256.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The bytes of a hash in hexadecimal digits.
    #[must_use]
    pub fn sha256_from_text(text: &str) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(bytes)
    }

    /// Checks that `self`, which a stream needs, is `given`.
    ///
    /// # Errors
    /// [`CodecError::Predictor`] with what differs.
    pub(super) fn expect(&self, given: &Self) -> Result<(), CodecError> {
        let bad = |reason| Err(CodecError::Predictor { reason });
        if self.kind != given.kind {
            return bad(format!(
                "the stream was predicted by {:?} and cannot be decoded with {:?}",
                self.name, given.name
            ));
        }
        if self.sha256 != given.sha256 {
            return bad(format!(
                "the stream was predicted by the model {:?} with SHA-256 {}; the one given, {:?}, has {}",
                self.name,
                self.sha256_text(),
                given.name,
                given.sha256_text()
            ));
        }
        match (&self.exactness, &given.exactness) {
            (Exactness::Exact, Exactness::Exact) => Ok(()),
            (Exactness::SameBuild { pins }, Exactness::SameBuild { pins: ours })
                if pins == ours =>
            {
                Ok(())
            }
            (Exactness::SameBuild { pins }, ours) => bad(format!(
                "the stream can be decoded only where its predictor computes as it did when it was made ({}); here it is {}",
                // The stream may hold anything.
                pins.escape_debug(),
                match ours {
                    Exactness::Exact => "exact",
                    Exactness::SameBuild { pins } => pins,
                }
            )),
            (Exactness::Exact, Exactness::SameBuild { pins }) => bad(format!(
                "the stream needs its predictor in exact arithmetic; the one given is {pins}"
            )),
        }
    }
}

/// What a failing predictor says.
pub type PredictorFailure = Box<dyn std::error::Error + Send + Sync>;

/// Draws the next frame from reconstructed ones.
///
/// Encoder and decoder call it in the same order: [`Predictor::reset`] before each key frame, and
/// before every other frame once [`Predictor::predict`] with the frame before it, also when that
/// was a repeat of the one before, and when the prediction is not used.
pub trait Predictor: Send {
    /// What goes into the stream header.
    fn id(&self) -> &PredictorId;

    /// Forgets all frames.
    fn reset(&mut self);

    /// Takes in `newest`, the reconstructed frame that follows those of the calls before, and draws
    /// the one after it into `next`, which has the same planes. False when it cannot tell yet; then
    /// `next` is not used.
    ///
    /// # Errors
    /// Whatever prevents it; the stream ends there.
    fn predict(&mut self, newest: &Picture, next: &mut Picture) -> Result<bool, PredictorFailure>;

    /// An older frame than those that bands refer to by themselves, carried to where the next frame
    /// is expected to have its content. A predictor has one each time that
    /// [`Predictor::predict`] has drawn, or never.
    fn memory(&self) -> Option<&Picture> {
        None
    }
}

/// A predictor with what keeps it in step.
pub(super) struct Slot {
    predictor: Box<dyn Predictor>,
    picture: Picture,
}

impl Slot {
    pub(super) fn new(predictor: Box<dyn Predictor>, like: &Picture) -> Self {
        Self { predictor, picture: like.clone() }
    }

    pub(super) fn reset(&mut self) {
        self.predictor.reset();
    }

    /// What is predicted to follow `newest`.
    pub(super) fn predict(&mut self, newest: &Picture) -> Result<Option<Drawn<'_>>, CodecError> {
        let told = self.predictor.predict(newest, &mut self.picture).map_err(|cause| {
            CodecError::Prediction { name: self.predictor.id().name.clone(), cause }
        })?;
        // A predictor may only draw: a picture of another kind would not fit the bands.
        let fits = |picture: &&Picture| super::convert::same_kind(picture, newest);
        let picture = Some(&self.picture).filter(|_| told).filter(fits);
        let memory = self.predictor.memory().filter(fits);
        Ok(picture.map(|picture| Drawn { picture, memory }))
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("id", self.predictor.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predictor_of_another_kind_model_or_build_is_refused_with_the_reason() {
        let model = |byte, exactness| PredictorId {
            kind: PredictorKind::Model,
            name: "nano".into(),
            sha256: [byte; 32],
            exactness,
        };
        let pinned = |pins: &str| Exactness::SameBuild { pins: pins.into() };
        let text = model(0xa5, Exactness::Exact).sha256_text();
        assert_eq!(PredictorId::sha256_from_text(&text), Some([0xa5; 32]));
        assert_eq!(PredictorId::sha256_from_text("a5"), None);
        let exact = model(1, Exactness::Exact);
        exact.expect(&exact).unwrap();
        let built = model(1, pinned("ort 1.31"));
        built.expect(&built).unwrap();
        for (stream, given, part) in [
            (&exact, &PredictorId::built_in(PredictorKind::Motion, "motion"), "\"motion\""),
            (&exact, &model(2, Exactness::Exact), "0202"),
            (&built, &model(1, pinned("ort 1.30")), "ort 1.30"),
            (&built, &exact, "here it is exact"),
            (&exact, &built, "the one given is ort 1.31"),
        ] {
            let error = stream.expect(given).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
