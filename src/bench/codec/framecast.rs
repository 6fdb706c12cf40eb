//! Framecast's own codec under test, in this process and on one thread.

use std::time::Duration;
#[cfg(not(target_os = "linux"))]
use std::time::Instant;

use serde_json::{Value, json};

use crate::codec::stream::{Record, StreamReader, StreamWriter};
use crate::codec::{
    self, CodecError, Decoder, DecoderOptions, Encoder, EncoderConfig, FrameInfo, Picture, Profile,
    Received, StreamSpec, frame_to_picture, picture_to_bytes,
};
use crate::frame::{Frame, FrameMeta, PooledBuf};

use super::BenchError;
use super::clip::Clip;
use super::ffmpeg::Mode;
use super::measure::{Coder, Coding, Prepared};

/// Makes a predictor for such frames; called once for each side.
pub type MakePredictor = dyn Fn(&StreamSpec) -> Result<Box<dyn codec::Predictor>, BenchError>;

/// The codec of this program in one profile, with a predictor or without.
pub struct Own {
    name: String,
    profile: Profile,
    errors: Vec<u8>,
    predictor: Option<(String, Box<MakePredictor>)>,
    build: String,
}

impl Own {
    /// The profile without a predictor. `build` tells this program from others that may code
    /// otherwise; `errors` are the bounds of its curve.
    #[must_use]
    pub fn new(profile: Profile, build: &str, errors: &[u8]) -> Self {
        Self {
            name: format!("framecast:{profile}"),
            profile,
            errors: errors.to_vec(),
            predictor: None,
            build: build.to_owned(),
        }
    }

    /// With a predictor; `identity` is all that its pictures depend on.
    #[must_use]
    pub fn with_predictor(mut self, identity: &str, make: Box<MakePredictor>) -> Self {
        self.predictor = Some((identity.to_owned(), make));
        self
    }

    fn predictor(
        &self,
        spec: &StreamSpec,
    ) -> Result<Option<Box<dyn codec::Predictor>>, BenchError> {
        self.predictor.as_ref().map(|(_, make)| make(spec)).transpose()
    }

    fn encode(&self, clip: &Clip, max_error: u8) -> Result<Vec<u8>, BenchError> {
        let config = EncoderConfig { profile: self.profile, max_error, ..EncoderConfig::default() };
        let mut spec = StreamSpec::new(clip.layout.format(), clip.size());
        (spec.colour, spec.rate) = (clip.colour, Some(clip.rate));
        let fail = |error: CodecError| failure(clip, &error);
        let predictor = self.predictor(&spec)?;
        let mut encoder = Encoder::new(&config, &spec, predictor).map_err(fail)?;
        // Nothing is written to a disk, so nothing has to be kept from a power cut.
        let mut writer =
            StreamWriter::new(Vec::new(), encoder.header(), Duration::MAX).map_err(fail)?;
        let mut picture = Picture::new(spec.layout(), clip.size().w(), clip.size().h());
        for (number, bytes) in (0..).zip(&clip.frames) {
            let meta = FrameMeta { colour: clip.colour, ..FrameMeta::default() };
            let frame = Frame::new(PooledBuf::unpooled(bytes.clone()), clip.layout, meta)
                .map_err(|e| BenchError::Clip { clip: clip.name.clone(), reason: e.to_string() })?;
            frame_to_picture(&frame, &mut picture).map_err(fail)?;
            encoder.send_frame(&picture, &FrameInfo::numbered(number)).map_err(fail)?;
            while let Some(packet) = encoder.receive_packet() {
                writer.write(packet).map_err(fail)?;
            }
        }
        writer.finish().map(|(bytes, _)| bytes).map_err(fail)
    }

    fn decode(&self, clip: &Clip, stream: &[u8]) -> Result<Vec<Vec<u8>>, BenchError> {
        let fail = |error: CodecError| failure(clip, &error);
        let mut reader = StreamReader::new(stream).map_err(fail)?;
        let predictor = self.predictor(&reader.header().spec)?;
        let options = DecoderOptions::default();
        let mut decoder = Decoder::new(reader.header(), predictor, options).map_err(fail)?;
        let mut frames = Vec::new();
        while let Some(Record::Frame(packet)) = reader.next_record().map_err(fail)? {
            decoder.send_packet(packet).map_err(fail)?;
            while let Some(Received::Frame(frame)) = decoder.receive_frame() {
                if !frame.status.is_exact() {
                    let reason =
                        format!("frame {} of an undamaged stream was repaired", frame.index);
                    return Err(BenchError::Clip { clip: clip.name.clone(), reason });
                }
                let mut bytes = Vec::new();
                picture_to_bytes(frame.picture, clip.layout.format(), &mut bytes).map_err(fail)?;
                frames.push(bytes);
            }
        }
        Ok(frames)
    }

    fn max_error(mode: Mode) -> u8 {
        match mode {
            Mode::Lossless => 0,
            Mode::Lossy(error) => u8::try_from(error).unwrap_or(u8::MAX),
        }
    }
}

impl Coder for Own {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_lossless(&self) -> bool {
        true
    }

    fn curve(&self) -> Vec<Mode> {
        self.errors.iter().map(|e| Mode::Lossy(u32::from(*e))).collect()
    }

    fn effort(&self, mode: Mode) -> f64 {
        let own = match self.profile {
            Profile::Light => 3.0,
            Profile::Fast => 4.0,
            Profile::Strong => 12.0,
        };
        if mode == Mode::Lossless { own } else { own + 3.0 }
    }

    fn identity(&self, mode: Mode) -> Value {
        let predictor = self.predictor.as_ref().map(|(identity, _)| identity);
        json!({
            "build": self.build,
            "profile": self.profile.name(),
            "max_error": Self::max_error(mode),
            "predictor": predictor,
        })
    }

    fn mode_name(&self, mode: Mode) -> String {
        match Self::max_error(mode) {
            0 => "lossless".to_owned(),
            error => format!("max error {error}"),
        }
    }

    fn code(&self, clip: &Prepared, mode: Mode) -> Result<Coding, BenchError> {
        let max_error = Self::max_error(mode);
        let start = CpuTime::now();
        let stream = self.encode(&clip.clip, max_error)?;
        let between = CpuTime::now();
        let decoded = self.decode(&clip.clip, &stream)?;
        let decode_s = between.seconds();
        let bound = |(a, b): (&Vec<u8>, &Vec<u8>)| {
            a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= max_error)
        };
        if let Some(at) = clip.clip.frames.iter().zip(&decoded).position(|pair| !bound(pair)) {
            let reason = format!("frame {at} came back with an error above {max_error}");
            return Err(BenchError::Clip { clip: clip.clip.name.clone(), reason });
        }
        let mut command = format!("framecast encode --profile {}", self.profile);
        if max_error > 0 {
            command += &format!(" --max-error {max_error}");
        }
        command += &format!(" {} {}.fcv", clip.file.display(), clip.clip.name);
        Ok(Coding {
            bytes: stream.len() as u64,
            header_bytes: 0,
            encode_s: between.since(&start),
            decode_s,
            decoded,
            commands: vec![command],
        })
    }
}

fn failure(clip: &Clip, error: &CodecError) -> BenchError {
    BenchError::Clip { clip: clip.name.clone(), reason: error.to_string() }
}

/// Processor time of this process, all threads together; elsewhere than on Linux the clock's.
#[derive(Clone, Copy, Debug)]
struct CpuTime(#[cfg(target_os = "linux")] f64, #[cfg(not(target_os = "linux"))] Instant);

#[cfg(target_os = "linux")]
impl CpuTime {
    fn now() -> Self {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Self(t.tv_sec as f64 + t.tv_nsec as f64 / 1e9)
    }

    fn since(&self, earlier: &Self) -> f64 {
        (self.0 - earlier.0).max(0.0)
    }

    fn seconds(&self) -> f64 {
        Self::now().since(self)
    }
}

#[cfg(not(target_os = "linux"))]
impl CpuTime {
    fn now() -> Self {
        Self(Instant::now())
    }

    fn since(&self, earlier: &Self) -> f64 {
        self.0.duration_since(earlier.0).as_secs_f64()
    }

    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::codec::clip::tests::moving;
    use crate::bench::codec::measure;
    use crate::frame::Size;

    #[test]
    fn every_profile_and_predictor_gives_the_clip_back() {
        let folder = tempfile::tempdir().unwrap();
        let clip = Prepared::new(moving(Size::new(40, 24), 4), folder.path()).unwrap();
        for profile in Profile::ALL {
            let plain = Own::new(profile, "test", &[2]);
            let make: Box<MakePredictor> = Box::new(|_| Ok(Box::new(codec::Motion::new())));
            let moved = Own::new(profile, "test", &[2]).with_predictor("motion", make);
            assert_ne!(plain.identity(Mode::Lossless), moved.identity(Mode::Lossless));
            for own in [plain, moved] {
                let exact = measure(&own, &clip, Mode::Lossless, None).unwrap();
                assert!(exact.quality.exact && exact.bytes > 0, "{}", own.name());
                assert!(exact.encode_cpu_s >= 0.0 && exact.yardstick_cpu_s.is_none());
            }
        }
    }

    #[test]
    fn bounds_are_the_points_of_the_curve() {
        let folder = tempfile::tempdir().unwrap();
        let clip = Prepared::new(moving(Size::new(40, 24), 4), folder.path()).unwrap();
        let own = Own::new(Profile::Fast, "test", &[1, 4]);
        let names: Vec<_> = own.curve().into_iter().map(|m| own.mode_name(m)).collect();
        assert_eq!(names, ["max error 1", "max error 4"]);
        for mode in own.curve() {
            let measured = measure(&own, &clip, mode, None).unwrap();
            assert!(u32::from(measured.quality.max_error) <= u32::from(Own::max_error(mode)));
            assert!(measured.commands[0].contains("--max-error"), "{:?}", measured.commands);
        }
    }
}
