//! The predictive codec: lossless and bounded-error coding of camera frames, bit-exact everywhere.
//!
//! Knows frames, vision and its own [`Predictor`] trait, nothing of models. All arithmetic that the
//! bitstream depends on is exact; `docs/bitstream.md` says how.
//!
//! [`Encoder`] takes frames and gives packets, [`Decoder`] takes packets and gives frames, one for
//! one and without look-ahead. [`stream`] puts packets into `.fcv` files and finds them again, also
//! behind damage.
//!
//! ```
//! use framecast::codec::{Decoder, DecoderOptions, Encoder, EncoderConfig, FrameInfo, Received};
//! use framecast::codec::{Picture, StreamSpec};
//! use framecast::frame::{PixelFormat, Size};
//!
//! let spec = StreamSpec::new(PixelFormat::I420, Size::new(64, 48));
//! let mut encoder = Encoder::new(&EncoderConfig::default(), &spec, None)?;
//! let mut decoder = Decoder::new(encoder.header(), None, DecoderOptions::default())?;
//! let picture = Picture::new(spec.layout(), 64, 48);
//! for index in 0..3 {
//!     encoder.send_frame(&picture, &FrameInfo::numbered(index))?;
//!     while let Some(packet) = encoder.receive_packet() {
//!         decoder.send_packet(packet)?;
//!     }
//!     while let Some(Received::Frame(frame)) = decoder.receive_frame() {
//!         assert!(frame.status.is_exact() && *frame.picture == picture);
//!     }
//! }
//! # Ok::<(), framecast::codec::CodecError>(())
//! ```

mod arithmetic;
pub mod band;
mod band_set;
mod bands;
mod conceal;
mod config;
mod convert;
mod decoder;
mod encoder;
mod error;
mod history;
mod identity;
mod picture;
mod predictor;
mod slices;
pub mod stream;
#[cfg(test)]
mod tests;
mod trial;

pub use band::Profile;
pub use band_set::BandSet;
pub use config::{EncoderConfig, MAX_ERROR_LIMIT, PredictorUse, StreamSpec};
pub use convert::{frame_to_picture, layout_of, picture_to_bytes};
pub use decoder::{DecodedFrame, Decoder, DecoderOptions, FrameStatus, Received};
pub use encoder::{Encoder, Packet};
pub use error::CodecError;
pub use identity::stream_id;
pub use picture::{Picture, PlaneBuf, SampleLayout};
pub use predictor::{
    CopyLast, Exactness, Memory, Motion, Predictor, PredictorFailure, PredictorId, PredictorKind,
    chroma_field,
};
pub use slices::{MAX_SLICES, SliceLayout};
pub use stream::{FrameInfo, FrameKind, StreamHeader};
