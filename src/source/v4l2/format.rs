//! From the driver's format to our layout: S_FMT, the planes it returns, and their colour.

use crate::frame::{
    ChromaSiting, Colour, ColourMatrix, ColourRange, Layout, PixelFormat, Rational, Size,
};
use crate::source::SourceError;

use super::abi::{self, MAX_PLANES, fourcc};
use super::device::Device;
use super::{errors, ioctl, modes};

/// Our name of a four-character code.
pub(super) fn known(code: u32) -> Option<PixelFormat> {
    const TABLE: [([u8; 4], PixelFormat); 19] = [
        (*b"YUYV", PixelFormat::Yuyv),
        (*b"UYVY", PixelFormat::Uyvy),
        (*b"NV12", PixelFormat::Nv12),
        (*b"NM12", PixelFormat::Nv12),
        (*b"NV21", PixelFormat::Nv21),
        (*b"NM21", PixelFormat::Nv21),
        (*b"YU12", PixelFormat::I420),
        (*b"YM12", PixelFormat::I420),
        (*b"YV12", PixelFormat::Yv12),
        (*b"YM21", PixelFormat::Yv12),
        (*b"422P", PixelFormat::I422),
        (*b"YM16", PixelFormat::I422),
        (*b"YM24", PixelFormat::I444),
        (*b"GREY", PixelFormat::Grey),
        (*b"Y8  ", PixelFormat::Grey),
        (*b"RGB3", PixelFormat::Rgb24),
        (*b"BGR3", PixelFormat::Bgr24),
        (*b"MJPG", PixelFormat::Mjpeg),
        (*b"JPEG", PixelFormat::Mjpeg),
    ];
    TABLE.iter().find(|(c, _)| fourcc(*c) == code).map(|&(_, format)| format)
}

/// What the driver answered to S_FMT, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Negotiated {
    /// Buffer type.
    pub kind: u32,
    /// Four-character code.
    pub code: u32,
    /// Where the planes lie once copied together.
    pub layout: Layout,
    /// What the samples mean.
    pub colour: Colour,
    /// Memory planes of a driver buffer: 1, or one for each plane of the layout.
    pub memory_planes: usize,
    /// True when each frame interleaves two fields taken at different times.
    pub interlaced: bool,
}

/// The fields of both format structures that matter here.
struct Answer {
    size: Size,
    code: u32,
    field: u32,
    strides: [usize; MAX_PLANES],
    memory_planes: usize,
    colorspace: u32,
    ycbcr_enc: u32,
    quantization: u32,
}

impl Answer {
    fn of(format: &mut abi::Format) -> Self {
        let mut strides = [0; MAX_PLANES];
        if format.kind == abi::BUF_CAPTURE_MPLANE {
            let m = *format.mplane();
            for (to, plane) in strides.iter_mut().zip(m.planes) {
                *to = { plane.bytes_per_line } as usize;
            }
            return Self {
                size: Size::new(m.width, m.height),
                code: m.pixel_format,
                field: m.field,
                strides,
                memory_planes: usize::from(m.num_planes),
                colorspace: m.colorspace,
                ycbcr_enc: u32::from(m.ycbcr_enc),
                quantization: u32::from(m.quantization),
            };
        }
        let p = *format.pix();
        if let Some(first) = strides.first_mut() {
            *first = p.bytes_per_line as usize;
        }
        Self {
            size: Size::new(p.width, p.height),
            code: p.pixel_format,
            field: p.field,
            strides,
            memory_planes: 1,
            colorspace: p.colorspace,
            ycbcr_enc: p.ycbcr_enc,
            quantization: p.quantization,
        }
    }
}

/// The size the driver is set to now.
pub(super) fn current_size(device: &Device, kind: u32) -> Result<Size, SourceError> {
    let mut format = abi::Format::zeroed(kind);
    ioctl::get_format(device.fd(), &mut format)
        .map_err(|e| errors::call(device.path(), "reading its format", e))?;
    Ok(Answer::of(&mut format).size)
}

/// Asks for `code` at `size` and takes what the driver makes of it; `None` when TRY_FMT already
/// shows that the answer is a format we do not read.
pub(super) fn set(
    device: &Device,
    kind: u32,
    code: u32,
    size: Size,
) -> Result<Option<Negotiated>, SourceError> {
    let ask = |format: &mut abi::Format| {
        if kind == abi::BUF_CAPTURE_MPLANE {
            let m = format.mplane();
            (m.width, m.height, m.pixel_format) = (size.width, size.height, code);
            m.field = abi::FIELD_NONE;
        } else {
            let p = format.pix();
            (p.width, p.height, p.pixel_format) = (size.width, size.height, code);
            p.field = abi::FIELD_NONE;
        }
    };
    let mut format = abi::Format::zeroed(kind);
    ask(&mut format);
    // Some drivers have no TRY_FMT; then S_FMT alone decides.
    if ioctl::try_format(device.fd(), &mut format).is_ok()
        && known(Answer::of(&mut format).code).is_none()
    {
        return Ok(None);
    }
    format = abi::Format::zeroed(kind);
    ask(&mut format);
    ioctl::set_format(device.fd(), &mut format)
        .map_err(|e| errors::call(device.path(), "setting its format", e))?;
    let answer = Answer::of(&mut format);
    let Some(known) = known(answer.code) else { return Ok(None) };
    negotiated(kind, known, &answer)
        .map(Some)
        .map_err(|why| errors::unsupported(device.path(), why))
}

/// Checks a driver's answer.
fn negotiated(kind: u32, format: PixelFormat, answer: &Answer) -> Result<Negotiated, String> {
    let code = abi::code_text(answer.code);
    let interlaced = match answer.field {
        abi::FIELD_ANY | abi::FIELD_NONE => false,
        abi::FIELD_INTERLACED | abi::FIELD_INTERLACED_TB | abi::FIELD_INTERLACED_BT => true,
        other => {
            return Err(format!(
                "delivers single fields (field order {other}); only progressive or interleaved \
                 frames can be used, choose a progressive mode of the camera"
            ));
        }
    };
    let planes = Layout::packed(format, answer.size).map_err(|e| e.to_string())?.planes().len();
    let [first, second, third, ..] = answer.strides;
    let strides = match (answer.memory_planes, format) {
        (1, PixelFormat::I420 | PixelFormat::Yv12 | PixelFormat::I422) => {
            // One number for three planes: the chroma lines are half as long.
            [first, first.div_ceil(2), first.div_ceil(2)]
        }
        (1, _) => [first; 3],
        (n, _) if n == planes => [first, second, third],
        (n, _) => {
            return Err(format!(
                "delivers {code} in {n} memory planes; 1 or {planes} were expected"
            ));
        }
    };
    let layout = Layout::with_strides(format, answer.size, strides).map_err(|e| e.to_string())?;
    Ok(Negotiated {
        kind,
        code: answer.code,
        layout,
        colour: colour(format, answer.colorspace, answer.ycbcr_enc, answer.quantization),
        memory_planes: answer.memory_planes,
        interlaced,
    })
}

/// The driver's colour fields as ours; the defaults of each follow `V4L2_MAP_*_DEFAULT`.
fn colour(format: PixelFormat, colorspace: u32, ycbcr_enc: u32, quantization: u32) -> Colour {
    if format.is_compressed() {
        return Colour::JPEG;
    }
    // V4L2_COLORSPACE_{REC709, JPEG, BT2020, DCI_P3}.
    let matrix = match (ycbcr_enc, colorspace) {
        (2 | 4, _) | (0, 3 | 12) => ColourMatrix::Bt709,
        (6 | 7, _) | (0, 10) => ColourMatrix::Bt2020,
        _ => ColourMatrix::Bt601,
    };
    let range = match (quantization, colorspace) {
        (1, _) | (0, 7) => ColourRange::Full,
        // Monochrome sensors use all 256 levels, and drivers (vivid too) leave the field unset.
        (0, _) if format == PixelFormat::Grey => ColourRange::Full,
        _ => ColourRange::Limited,
    };
    Colour { matrix, range, siting: ChromaSiting::Left }
}

/// Asks for `rate` when given, and returns the rate the driver then has, if it tells.
pub(super) fn set_rate(
    device: &Device,
    kind: u32,
    rate: Option<Rational>,
) -> Result<Option<Rational>, SourceError> {
    let mut parm = abi::StreamParm {
        kind,
        capability: 0,
        capture_mode: 0,
        time_per_frame: abi::Fract::default(),
        extended_mode: 0,
        read_buffers: 0,
        rest: [0; 176],
    };
    // Not every device has a rate to tell or set; frames come all the same.
    if ioctl::get_parm(device.fd(), &mut parm).is_err() {
        return Ok(None);
    }
    if let Some(rate) = rate
        && parm.capability & abi::PARM_TIME_PER_FRAME != 0
    {
        parm.time_per_frame = abi::Fract { numerator: rate.den(), denominator: rate.num() };
        ioctl::set_parm(device.fd(), &mut parm)
            .map_err(|e| errors::call(device.path(), "setting its frame rate", e))?;
    }
    Ok(modes::rate(parm.time_per_frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: &[u8; 4], strides: &[usize], memory_planes: usize) -> Answer {
        let mut all = [0; MAX_PLANES];
        all[..strides.len()].copy_from_slice(strides);
        Answer {
            size: Size::new(640, 360),
            code: fourcc(*code),
            field: abi::FIELD_NONE,
            strides: all,
            memory_planes,
            colorspace: 8,
            ycbcr_enc: 0,
            quantization: 0,
        }
    }

    fn check(a: &Answer) -> Result<Negotiated, String> {
        negotiated(abi::BUF_CAPTURE, known(a.code).unwrap(), a)
    }

    #[test]
    fn strides_of_one_buffer_and_of_several() {
        let one = check(&answer(b"YU12", &[704], 1)).unwrap();
        let strides: Vec<_> = one.layout.planes().iter().map(|p| p.stride).collect();
        assert_eq!(strides, [704, 352, 352]);
        let two = check(&answer(b"NM12", &[640, 704], 2)).unwrap();
        assert_eq!(two.layout.planes()[1].stride, 704);
        assert_eq!(two.layout.format(), PixelFormat::Nv12);
        let packed = check(&answer(b"YUYV", &[0], 1)).unwrap();
        assert_eq!(packed.layout.len(), 640 * 360 * 2);
    }

    #[test]
    fn broken_answers_are_refused() {
        assert!(check(&answer(b"NM12", &[640, 640, 640], 3)).unwrap_err().contains("3 memory"));
        assert!(check(&answer(b"YUYV", &[100], 1)).unwrap_err().contains("stride 100"));
        assert!(check(&answer(b"YUYV", &[0], 0)).is_err());
        let mut fields = answer(b"YUYV", &[1280], 1);
        fields.field = 7;
        assert!(check(&fields).unwrap_err().contains("field order 7"));
        let mut empty = answer(b"YUYV", &[1280], 1);
        empty.size = Size::new(0, 360);
        assert!(check(&empty).is_err());
    }

    #[test]
    fn colour_defaults_follow_the_colour_space() {
        let of = |space, enc, quant| colour(PixelFormat::Yuyv, space, enc, quant).to_string();
        assert_eq!(of(8, 0, 0), "bt601-limited");
        assert_eq!(of(3, 0, 0), "bt709-limited");
        assert_eq!(of(3, 1, 1), "bt601-full");
        assert_eq!(of(7, 0, 0), "bt601-full");
        assert_eq!(of(10, 0, 2), "bt2020-limited");
        assert_eq!(colour(PixelFormat::Mjpeg, 8, 0, 0), Colour::JPEG);
        assert_eq!(colour(PixelFormat::Grey, 8, 0, 0).range, ColourRange::Full);
        assert_eq!(colour(PixelFormat::Grey, 8, 0, 2).range, ColourRange::Limited);
    }
}
