//! The V4L2 part of `framecast source list`.

use std::io::{self, Write};
use std::path::PathBuf;

use framecast::source::SourceError;
use framecast::source::v4l2::{self, ControlInfo, ControlKind, DeviceInfo, Mode, Rates, Sizes};
use serde_json::{Value, json};

/// Video nodes with what they are, or why they cannot be used.
pub(super) type Devices = [(PathBuf, Result<DeviceInfo, SourceError>)];

/// Looks at every video node.
pub(super) fn find() -> Vec<(PathBuf, Result<DeviceInfo, SourceError>)> {
    v4l2::list()
}

/// The cameras, and the nodes that are none.
pub(super) fn as_json(devices: &Devices) -> (Vec<Value>, Vec<Value>) {
    let usable = devices.iter().filter_map(|(_, info)| info.as_ref().ok()).map(camera).collect();
    let unusable = devices
        .iter()
        .filter_map(|(path, info)| {
            let reason = info.as_ref().err()?.to_string();
            Some(json!({ "path": path.display().to_string(), "reason": reason }))
        })
        .collect();
    (usable, unusable)
}

/// Prints the cameras; with `all` the nodes that are none too.
pub(super) fn print(out: &mut impl Write, devices: &Devices, all: bool) -> io::Result<()> {
    let mut found = 0;
    for (path, info) in devices {
        match info {
            Ok(info) => {
                found += 1;
                print_one(out, info, all)?;
            }
            Err(error) if all => writeln!(out, "{}  not usable: {error}\n", path.display())?,
            Err(_) => {}
        }
    }
    if found == 0 {
        let note = if devices.is_empty() || all {
            String::new()
        } else {
            format!(" ({} video nodes are no usable cameras; --all says why)", devices.len())
        };
        writeln!(out, "no camera found{note}\n")?;
    }
    Ok(())
}

fn print_one(out: &mut impl Write, info: &DeviceInfo, all: bool) -> io::Result<()> {
    writeln!(out, "v4l2:{}  {} ({}, {})", info.path.display(), info.card, info.driver, info.bus)?;
    for name in &info.stable {
        writeln!(out, "  stable name  v4l2:{}", name.display())?;
    }
    for mode in &info.modes {
        let read = if mode.format.is_some() { "" } else { "  (not read)" };
        if mode.format.is_some() || all {
            writeln!(out, "  {:5} {}{read}", mode.code, sizes_text(mode))?;
        }
    }
    let hidden = info.modes.iter().filter(|m| m.format.is_none()).count();
    if hidden > 0 && !all {
        writeln!(out, "  and {hidden} formats that are not read (--all)")?;
    }
    if all {
        for control in &info.controls {
            writeln!(out, "  {}", control_text(control))?;
        }
    } else {
        writeln!(out, "  {} controls (--all)", info.controls.len())?;
    }
    writeln!(out)
}

fn sizes_text(mode: &Mode) -> String {
    match &mode.sizes {
        Sizes::List(list) => {
            let sizes = list.iter().map(|(size, rates)| match rates.fastest() {
                Some(fps) => format!("{size}@{}", trimmed(fps)),
                None => size.to_string(),
            });
            sizes.collect::<Vec<_>>().join(" ")
        }
        Sizes::Range { min, max, step, rates } => {
            let rate = rates.fastest().map_or_else(String::new, |f| format!("@{}", trimmed(f)));
            format!("{min}..{max}{rate} in steps of {step}")
        }
        Sizes::Unknown => "sizes unknown".to_owned(),
    }
}

/// A rate with up to two decimals.
fn trimmed(fps: f64) -> String {
    let text = format!("{fps:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn control_text(control: &ControlInfo) -> String {
    let value = control.value.map_or_else(String::new, |v| format!(" = {v}"));
    let range = match &control.kind {
        ControlKind::Integer | ControlKind::Bitmask => {
            format!("{}..={} step {}", control.min, control.max, control.step)
        }
        ControlKind::Boolean => "0 or 1".to_owned(),
        ControlKind::Menu(entries) => {
            entries.iter().map(|(v, n)| format!("{v} {n}")).collect::<Vec<_>>().join(", ")
        }
        ControlKind::Button => "button".to_owned(),
        _ => "cannot be set here".to_owned(),
    };
    let note = match (control.read_only, control.inactive) {
        (true, _) => "  read-only",
        (_, true) => "  inactive",
        _ => "",
    };
    format!("{}{value}  [{range}]{note}", control.name)
}

fn camera(info: &DeviceInfo) -> Value {
    json!({
        "uri": format!("v4l2:{}", info.path.display()),
        "path": info.path.display().to_string(),
        "stable": info.stable.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
        "card": info.card,
        "driver": info.driver,
        "bus": info.bus,
        "formats": info.modes.iter().map(format).collect::<Vec<_>>(),
        "controls": info.controls.iter().map(control).collect::<Vec<_>>(),
    })
}

fn format(mode: &Mode) -> Value {
    let sizes = match &mode.sizes {
        Sizes::List(list) => list
            .iter()
            .map(|(size, rates)| {
                json!({ "width": size.width, "height": size.height, "rates": rates_json(rates) })
            })
            .collect(),
        Sizes::Range { min, max, step, rates } => vec![json!({
            "min": [min.width, min.height],
            "max": [max.width, max.height],
            "step": [step.width, step.height],
            "rates": rates_json(rates),
        })],
        Sizes::Unknown => Vec::new(),
    };
    json!({
        "code": mode.code,
        "description": mode.description,
        "format": mode.format.map(|f| f.name()),
        "sizes": sizes,
    })
}

fn rates_json(rates: &Rates) -> Value {
    match rates {
        Rates::List(list) => list.iter().map(|r| json!([r.num(), r.den()])).collect(),
        Rates::Range { min, max } => {
            json!({ "min": [min.num(), min.den()], "max": [max.num(), max.den()] })
        }
        Rates::Unknown => Value::Null,
    }
}

fn control(control: &ControlInfo) -> Value {
    let (kind, menu) = match &control.kind {
        ControlKind::Integer => ("integer", None),
        ControlKind::Boolean => ("boolean", None),
        ControlKind::Menu(entries) => ("menu", Some(entries)),
        ControlKind::Button => ("button", None),
        ControlKind::Bitmask => ("bitmask", None),
        _ => ("other", None),
    };
    json!({
        "name": control.name,
        "id": format!("{:#010x}", control.id),
        "kind": kind,
        "min": control.min,
        "max": control.max,
        "step": control.step,
        "default": control.default,
        "value": control.value,
        "menu": menu.map(|m| m.iter().map(|(v, n)| json!([v, n])).collect::<Vec<_>>()),
        "read_only": control.read_only,
        "inactive": control.inactive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_short() {
        assert_eq!(trimmed(30.0), "30");
        assert_eq!(trimmed(30_000.0 / 1_001.0), "29.97");
        assert_eq!(trimmed(7.5), "7.5");
    }
}
