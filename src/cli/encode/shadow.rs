//! What resilience costs: the first frames are coded without it as well.

use framecast::codec::{CodecError, Encoder, EncoderConfig, FrameInfo, Picture, StreamSpec};

use crate::cli::coded_predictor::Slot;

/// Refresh periods that are coded twice.
const PERIODS: u64 = 2;

/// Bytes with resilience and without.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct Cost {
    /// Frames coded both ways.
    frames: u64,
    /// Bytes of the frames written.
    bytes: u64,
    /// Bytes of the same frames without resilience.
    plain_bytes: u64,
}

impl Cost {
    /// In words.
    pub(super) fn text(&self) -> String {
        let more = self.bytes as f64 / self.plain_bytes.max(1) as f64 - 1.0;
        format!(
            "{:+.1} % bits (the first {} frames: {} bytes, {} without)",
            100.0 * more,
            self.frames,
            self.bytes,
            self.plain_bytes
        )
    }
}

/// An encoder of the same frames that is not resilient.
pub(super) struct Shadow {
    encoder: Encoder,
    left: u64,
    cost: Cost,
}

impl Shadow {
    pub(super) fn new(
        config: &EncoderConfig,
        spec: &StreamSpec,
        predictor: Slot,
        period: u32,
    ) -> Result<Self, CodecError> {
        let plain = EncoderConfig { refresh: None, ..config.clone() };
        let encoder = Encoder::new(&plain, spec, predictor)?;
        let cost = Cost { frames: 0, bytes: 0, plain_bytes: 0 };
        Ok(Self { encoder, left: PERIODS * u64::from(period), cost })
    }

    /// Codes a frame that took `bytes` with resilience.
    pub(super) fn add(
        &mut self,
        picture: &Picture,
        info: &FrameInfo,
        bytes: usize,
    ) -> Result<(), CodecError> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        self.encoder.send_frame(picture, info)?;
        let plain = self.encoder.receive_packet().map_or(0, |packet| packet.bytes.len());
        self.cost.frames += 1;
        self.cost.bytes += bytes as u64;
        self.cost.plain_bytes += plain as u64;
        Ok(())
    }

    pub(super) fn cost(self) -> Option<Cost> {
        (self.cost.frames > 0).then_some(self.cost)
    }
}
