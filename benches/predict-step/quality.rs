//! What the timed settings are worth: the six camera clips of the study at a width of 640.

use std::error::Error;
use std::path::PathBuf;

use framecast::engine::{EngineChoice, LoadOptions, load};
use framecast::frame::{FramePool, Size};
use framecast::model::{Contract, ModelFile};
use framecast::source::{self, SourceOptions};
use framecast::task::TaskError;
use framecast::task::evaluate::{EvalOptions, Evaluator};
use framecast::task::predict::{Blend, Forecaster, blend_binding};

/// The clips, and whether they are larger than the width and scaled to it.
const CLIPS: [(&str, bool); 6] = [
    ("aerial_suburb_flyover.mp4", true),
    ("tello_indoor_takeoff.mp4", true),
    ("vtest_480x360.avi", false),
    ("dashcam_solidWhiteRight.mp4", true),
    ("bridge_traffic.mp4", false),
    ("foreman_cif_BA1_FT_C.264", false),
];

/// The width that larger clips are scaled to.
const WIDTH: u32 = 640;

/// PSNR of frames over copy-last in dB, clip by clip; a clip that is not there has none.
pub(crate) type Quality = Vec<(&'static str, Option<f64>)>;

/// Scores at most `most` frames of each clip.
pub(crate) fn measure(
    file: &ModelFile,
    contract: &Contract,
    ort: bool,
    most: Option<u64>,
) -> Result<Quality, Box<dyn Error>> {
    let data = std::env::var_os("FRAMECAST_DATA").map_or("../shared/data".into(), PathBuf::from);
    let mut list = Vec::new();
    for (name, large) in CLIPS {
        let path = data.join("clips").join(name);
        let short = name.split('_').next().unwrap_or(name);
        if !path.exists() {
            eprintln!("{} is not there; set FRAMECAST_DATA", path.display());
            list.push((short, None));
            continue;
        }
        eprintln!("scoring {short}");
        let mut make = |size: Size| -> Result<Box<dyn Forecaster>, TaskError> {
            let mut options = LoadOptions::default();
            options.engine = if ort { EngineChoice::Ort } else { EngineChoice::Tract };
            options.threads = 1;
            options.bind = blend_binding(contract, size)?;
            let session = load(file, &options)?.session;
            Ok(Box::new(Blend::new(session, contract, file.sha256().to_owned(), size)?))
        };
        let options = EvalOptions {
            frames: most,
            width: large.then_some(WIDTH),
            without_ssim: true,
            ..EvalOptions::default()
        };
        let uri = path.display().to_string();
        let mut source = source::open(&uri, &SourceOptions::default(), &FramePool::new(4))?;
        let mut evaluator = Evaluator::new(options, &mut make);
        let row = evaluator.clip(short, source.as_mut(), &mut |_, _| true)?;
        let gain = row.model.psnr_frames.zip(row.copy_last.psnr_frames).map(|(m, c)| m - c);
        list.push((short, gain));
    }
    Ok(list)
}
