//! `framecast-train devices`: where training can compute.

use framecast_trainer::device::{DeviceChoice, KINDS};

/// A line for each kind of device: that it works, why not, or which build has it.
pub(crate) fn devices() -> String {
    let mut text = String::new();
    for (names, feature, built_in) in KINDS {
        if let (Some(feature), false) = (feature, built_in) {
            text.push_str(&format!("{names}: not built in (--features {feature})\n"));
            continue;
        }
        let first = names.split(',').next().unwrap_or(names);
        text.push_str(&match first.parse::<DeviceChoice>().map(DeviceChoice::open) {
            Ok(Ok(_)) => format!("{names}: works\n"),
            Ok(Err(error)) => format!("{error}\n"),
            Err(reason) => format!("{reason}\n"),
        });
    }
    text
}
