//! Framecast's own codec under test, in this process and on one thread.

use std::time::Duration;

use serde_json::{Value, json};

use crate::codec::stream::{Record, StreamReader, StreamWriter};
use crate::codec::{
    self, CodecError, Decoder, DecoderOptions, Encoder, EncoderConfig, FrameInfo, Picture, Profile,
    Received, StreamSpec, frame_to_picture, picture_to_bytes,
};
use crate::frame::{Frame, FrameMeta, PooledBuf};
use crate::pipeline::Stop;

use super::BenchError;
use super::clip::Clip;
use super::ffmpeg::{Mode, quoted};
use super::measure::{Coder, Coding, Prepared, Times};

/// Makes a predictor for such frames; called once for each side.
pub type MakePredictor = dyn Fn(&StreamSpec) -> Result<Box<dyn codec::Predictor>, BenchError>;

/// A predictor in the codec's slot.
struct InSlot {
    /// Its name on the command line of `encode`.
    name: String,
    /// All that its pictures depend on.
    identity: String,
    make: Box<MakePredictor>,
}

/// The codec of this program in one profile, with a predictor or without.
pub struct Own {
    name: String,
    profile: Profile,
    errors: Vec<u8>,
    predictor: Option<InSlot>,
    build: String,
    stop: Stop,
}

impl Own {
    /// The profile without a predictor. `build` tells this program from others that may code
    /// otherwise; `errors` are the bounds of its curve.
    #[must_use]
    pub fn new(profile: Profile, build: &str, errors: &[u8], stop: &Stop) -> Self {
        Self {
            name: format!("framecast:{profile}"),
            profile,
            errors: errors.to_vec(),
            predictor: None,
            build: build.to_owned(),
            stop: stop.clone(),
        }
    }

    /// With the predictor that `encode` knows as `name`; `identity` is all that its pictures depend
    /// on.
    #[must_use]
    pub fn with_predictor(mut self, name: &str, identity: &str, make: Box<MakePredictor>) -> Self {
        let (name, identity) = (name.to_owned(), identity.to_owned());
        self.predictor = Some(InSlot { name, identity, make });
        self
    }

    fn predictor(
        &self,
        spec: &StreamSpec,
    ) -> Result<Option<Box<dyn codec::Predictor>>, BenchError> {
        self.predictor.as_ref().map(|slot| (slot.make)(spec)).transpose()
    }

    /// The whole file, and the time of the coder alone: the frames are in memory, as for ffmpeg they
    /// are in the file system's cache, and loading the predictor is no coding.
    fn encode(&self, clip: &Clip, max_error: u8) -> Result<(Vec<u8>, f64), BenchError> {
        let config = EncoderConfig { profile: self.profile, max_error, ..EncoderConfig::default() };
        let mut spec = StreamSpec::new(clip.layout.format(), clip.size());
        (spec.colour, spec.rate) = (clip.colour, Some(clip.rate));
        let fail = |error: CodecError| failure(clip, &error);
        let predictor = self.predictor(&spec)?;
        let mut time = CpuTime::default();
        let (mut encoder, mut writer) = time
            .of(|| {
                let encoder = Encoder::new(&config, &spec, predictor)?;
                // Nothing is written to a disk, so nothing has to be kept from a power cut.
                let writer = StreamWriter::new(Vec::new(), encoder.header(), Duration::MAX)?;
                Ok((encoder, writer))
            })
            .map_err(fail)?;
        let mut picture = Picture::new(spec.layout(), clip.size().w(), clip.size().h());
        for (number, bytes) in (0..).zip(&clip.frames) {
            self.go_on()?;
            let meta = FrameMeta { colour: clip.colour, ..FrameMeta::default() };
            let frame = Frame::new(PooledBuf::unpooled(bytes.clone()), clip.layout, meta)
                .map_err(|e| BenchError::Clip { clip: clip.name.clone(), reason: e.to_string() })?;
            time.of(|| {
                frame_to_picture(&frame, &mut picture)?;
                encoder.send_frame(&picture, &FrameInfo::numbered(number))?;
                while let Some(packet) = encoder.receive_packet() {
                    writer.write(packet)?;
                }
                Ok(())
            })
            .map_err(fail)?;
        }
        let (bytes, _) = time.of(|| writer.finish()).map_err(fail)?;
        Ok((bytes, time.seconds()))
    }

    /// The frames, each by its number, and the time of the decoder alone.
    fn decode(&self, clip: &Clip, stream: &[u8]) -> Result<(Vec<Vec<u8>>, f64), BenchError> {
        let fail = |error: CodecError| failure(clip, &error);
        let mut time = CpuTime::default();
        let mut reader = time.of(|| StreamReader::new(stream)).map_err(fail)?;
        let predictor = self.predictor(&reader.header().spec)?;
        let options = DecoderOptions::default();
        let decoder = time.of(|| Decoder::new(reader.header(), predictor, options));
        let mut decoder = decoder.map_err(fail)?;
        let mut frames = Vec::new();
        loop {
            self.go_on()?;
            let sent = time.of(|| match reader.next_record()? {
                Some(Record::Frame(packet)) => decoder.send_packet(packet).map(|()| true),
                _ => Ok(false),
            });
            if !sent.map_err(fail)? {
                return Ok((frames, time.seconds()));
            }
            while let Some(Received::Frame(frame)) = time.of(|| decoder.receive_frame()) {
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
    }

    fn go_on(&self) -> Result<(), BenchError> {
        if self.stop.is_aborted() { Err(BenchError::Stopped) } else { Ok(()) }
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
        let predictor = self.predictor.as_ref().map(|slot| &slot.identity);
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
        let (stream, encode_s) = self.encode(&clip.clip, max_error)?;
        let (decoded, decode_s) = self.decode(&clip.clip, &stream)?;
        let bound = |(a, b): (&Vec<u8>, &Vec<u8>)| {
            a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= max_error)
        };
        if let Some(at) = clip.clip.frames.iter().zip(&decoded).position(|pair| !bound(pair)) {
            let reason = format!("frame {at} came back with an error above {max_error}");
            return Err(BenchError::Clip { clip: clip.clip.name.clone(), reason });
        }
        let mut command = format!("framecast encode --threads 1 --profile {}", self.profile);
        if max_error > 0 {
            command += &format!(" --max-error {max_error}");
        }
        if let Some(slot) = &self.predictor {
            command += &format!(" --predict {}", quoted(slot.name.as_ref()));
        }
        command += &format!(" {} {}.fcv", quoted(clip.file.as_os_str()), clip.clip.name);
        Ok(Coding {
            bytes: stream.len() as u64,
            header_bytes: 0,
            times: Times { encode_s, decode_s },
            decoded,
            command,
        })
    }

    fn time(&self, clip: &Prepared, mode: Mode) -> Result<Times, BenchError> {
        let (stream, encode_s) = self.encode(&clip.clip, Self::max_error(mode))?;
        let (_, decode_s) = self.decode(&clip.clip, &stream)?;
        Ok(Times { encode_s, decode_s })
    }
}

fn failure(clip: &Clip, error: &CodecError) -> BenchError {
    BenchError::Clip { clip: clip.name.clone(), reason: error.to_string() }
}

/// Adds up processor time of this process, all threads together; elsewhere than on Linux the
/// clock's.
#[derive(Clone, Copy, Debug, Default)]
struct CpuTime(Duration);

impl CpuTime {
    /// Counts what `work` takes.
    fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        #[cfg(target_os = "linux")]
        let now = || {
            let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
            let (seconds, nanos) = (u64::try_from(t.tv_sec), u32::try_from(t.tv_nsec));
            Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
        };
        #[cfg(not(target_os = "linux"))]
        let now = {
            let start = std::time::Instant::now();
            move || start.elapsed()
        };
        let before = now();
        let made = work();
        self.0 += now().saturating_sub(before);
        made
    }

    const fn seconds(&self) -> f64 {
        self.0.as_secs_f64()
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
            let plain = Own::new(profile, "test", &[2], &Stop::new());
            let make: Box<MakePredictor> = Box::new(|_| Ok(Box::new(codec::Motion::new())));
            let moved = Own::new(profile, "test", &[2], &Stop::new())
                .with_predictor("motion", "motion", make);
            assert_ne!(plain.identity(Mode::Lossless), moved.identity(Mode::Lossless));
            for own in [plain, moved] {
                let exact = measure(&own, &clip, Mode::Lossless, None).unwrap();
                assert!(exact.quality.exact && exact.bytes > 0, "{}", own.name());
                assert!(exact.encode_cpu_s >= 0.0 && exact.yardstick_cpu_s.is_none());
                let named = exact.command.contains("--predict motion");
                assert_eq!(named, own.predictor.is_some(), "{}", exact.command);
            }
        }
    }

    #[test]
    fn a_stopped_coder_ends_between_two_frames() {
        let folder = tempfile::tempdir().unwrap();
        let clip = Prepared::new(moving(Size::new(40, 24), 4), folder.path()).unwrap();
        let stop = Stop::new();
        let own = Own::new(Profile::Light, "test", &[], &stop);
        stop.abort();
        assert!(matches!(own.code(&clip, Mode::Lossless), Err(BenchError::Stopped)));
    }

    #[test]
    fn bounds_are_the_points_of_the_curve() {
        let folder = tempfile::tempdir().unwrap();
        let clip = Prepared::new(moving(Size::new(40, 24), 4), folder.path()).unwrap();
        let own = Own::new(Profile::Fast, "test", &[1, 4], &Stop::new());
        let names: Vec<_> = own.curve().into_iter().map(|m| own.mode_name(m)).collect();
        assert_eq!(names, ["max error 1", "max error 4"]);
        for mode in own.curve() {
            let measured = measure(&own, &clip, mode, None).unwrap();
            assert!(measured.encode_cpu_s > 0.0 && measured.decode_cpu_s > 0.0);
            assert!(u32::from(measured.quality.max_error) <= u32::from(Own::max_error(mode)));
            assert!(measured.command.contains("--max-error"), "{}", measured.command);
        }
    }
}
