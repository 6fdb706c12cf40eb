//! Controls: exposure, gain, focus and whatever else a driver has, by name or number.

use std::path::Path;

use crate::source::SourceError;

use super::abi;
use super::device::Device;
use super::{errors, ioctl};

/// More controls or menu entries than any driver has; a driver that never ends its list stops here.
const MAX_CONTROLS: usize = 1_000;
const MAX_MENU: i64 = 256;

/// The value a control takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlKind {
    /// A number.
    Integer,
    /// 0 or 1.
    Boolean,
    /// One of these numbers, each with its name.
    Menu(Vec<(i64, String)>),
    /// Any value triggers it.
    Button,
    /// A set of bits.
    Bitmask,
    /// A class heading, text or array, which cannot be set here.
    Other,
}

/// One control of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlInfo {
    /// The driver's number.
    pub id: u32,
    /// The name in lower case with underscores, for example `exposure_time_absolute`.
    pub name: String,
    /// What it takes.
    pub kind: ControlKind,
    /// Least value.
    pub min: i64,
    /// Greatest value.
    pub max: i64,
    /// Distance between values.
    pub step: u64,
    /// Value after power-on.
    pub default: i64,
    /// Value now, when it can be read.
    pub value: Option<i64>,
    /// Cannot be set.
    pub read_only: bool,
    /// Has no effect at the moment, because another control (often an automatic) overrides it.
    pub inactive: bool,
    wide: bool,
}

/// A device opened for its controls alone, beside or without a stream.
#[derive(Debug)]
pub struct Controls {
    device: Device,
}

impl Controls {
    /// Opens the device at `path`.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be opened or is no V4L2 device.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        Ok(Self { device: Device::open(path.as_ref())? })
    }

    /// Every control.
    #[must_use]
    pub fn list(&self) -> Vec<ControlInfo> {
        list(&self.device)
    }

    /// The value of control `name`.
    ///
    /// # Errors
    /// [`SourceError`] when there is no such control or it cannot be read.
    pub fn get(&self, name: &str) -> Result<i64, SourceError> {
        let control = find(&self.device, name)?;
        control.value.ok_or_else(|| {
            errors::unsupported(self.device.path(), format!("control {name} cannot be read"))
        })
    }

    /// Sets control `name`.
    ///
    /// # Errors
    /// [`SourceError`] when there is no such control or the value is out of its range.
    pub fn set(&self, name: &str, value: i64) -> Result<(), SourceError> {
        set(&self.device, name, value)
    }
}

/// Sets several controls, switches and menus first: those are the automatics, and while one is on
/// the values it governs cannot be set.
pub(super) fn set_all(device: &Device, wishes: &[(String, i64)]) -> Result<(), SourceError> {
    let mut found = Vec::with_capacity(wishes.len());
    for (name, value) in wishes {
        found.push((find(device, name)?, name, *value));
    }
    found.sort_by_key(|(control, ..)| comes_late(&control.kind));
    found.iter().try_for_each(|(_, name, value)| set(device, name, *value))
}

/// True for a plain value, which a switch or menu may govern.
const fn comes_late(kind: &ControlKind) -> bool {
    !matches!(kind, ControlKind::Boolean | ControlKind::Menu(_))
}

/// Sets the control called `name`, or numbered so (`0x00980900`).
pub(super) fn set(device: &Device, name: &str, value: i64) -> Result<(), SourceError> {
    let control = find(device, name)?;
    check(&control, value).map_err(|why| errors::unsupported(device.path(), why))?;
    let done = if control.wide {
        ioctl::set_control64(device.fd(), control.id, value)
    } else {
        // `check` has held the value against a 32-bit range.
        let value = i32::try_from(value).unwrap_or(value as u32 as i32);
        ioctl::set_control(device.fd(), &mut abi::Control { id: control.id, value })
    };
    done.map_err(|e| errors::call(device.path(), &format!("setting {}", control.name), e))?;
    if control.inactive {
        tracing::warn!(
            control = %control.name,
            "the control is inactive: another one, often an automatic, overrides it"
        );
    }
    Ok(())
}

fn find(device: &Device, name: &str) -> Result<ControlInfo, SourceError> {
    let controls = list(device);
    let id = name.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let wanted = plain_name(name);
    let at = controls.iter().position(|c| Some(c.id) == id || c.name == wanted);
    if let Some(at) = at {
        return controls
            .into_iter()
            .nth(at)
            .ok_or_else(|| errors::unsupported(device.path(), "changed its controls meanwhile"));
    }
    let settable = controls.iter().filter(|c| !c.read_only && c.kind != ControlKind::Other);
    let names: Vec<&str> = settable.map(|c| c.name.as_str()).collect();
    let near = names
        .iter()
        .map(|n| (strsim::jaro_winkler(&wanted, n), *n))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match near {
        Some((_, near)) => format!("did you mean {near}?"),
        None if names.is_empty() => "it has none that can be set".to_owned(),
        None => format!("it has {}", names.join(", ")),
    };
    Err(errors::unsupported(device.path(), format!("has no control {name:?}; {hint}")))
}

/// Whether `control` takes `value`.
fn check(control: &ControlInfo, value: i64) -> Result<(), String> {
    let ControlInfo { name, min, max, step, default, .. } = control;
    if control.read_only || control.kind == ControlKind::Other {
        return Err(format!("control {name} cannot be set"));
    }
    if control.kind == ControlKind::Button {
        return Ok(());
    }
    if control.kind == ControlKind::Bitmask {
        let mask = u64::from(max.cast_unsigned() as u32);
        return if value.cast_unsigned() & !mask == 0 {
            Ok(())
        } else {
            Err(format!("{name} = {value:#x} has bits outside {mask:#x}"))
        };
    }
    if !(*min..=*max).contains(&value) {
        return Err(format!(
            "{name} = {value} is out of range {min}..={max} (step {step}, default {default})"
        ));
    }
    match &control.kind {
        ControlKind::Menu(entries) if !entries.iter().any(|(v, _)| *v == value) => {
            let entries: Vec<_> = entries.iter().map(|(v, n)| format!("{v} ({n})")).collect();
            Err(format!("{name} = {value} is not on its menu: {}", entries.join(", ")))
        }
        _ => Ok(()),
    }
}

/// The name as it is written on a command line: lower case, runs of other characters as `_`.
fn plain_name(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        } else if !plain.ends_with('_') && !plain.is_empty() {
            plain.push('_');
        }
    }
    plain.trim_end_matches('_').to_owned()
}

/// Every control of the device.
pub(super) fn list(device: &Device) -> Vec<ControlInfo> {
    let mut found = Vec::new();
    let mut id = 0;
    for _ in 0..MAX_CONTROLS {
        let mut query = abi::QueryExtCtrl {
            id: id | abi::CTRL_NEXT,
            kind: 0,
            name: [0; 32],
            minimum: 0,
            maximum: 0,
            step: 0,
            default: 0,
            flags: 0,
            elem_size: 0,
            elems: 0,
            nr_of_dims: 0,
            dims: [0; 4],
            reserved: [0; 32],
        };
        // A driver that returns the same number again would never end.
        if ioctl::query_control(device.fd(), &mut query).is_err() || query.id <= id {
            break;
        }
        id = query.id;
        if query.flags & abi::CTRL_DISABLED == 0 {
            found.push(info(device, &query));
        }
    }
    found
}

fn info(device: &Device, query: &abi::QueryExtCtrl) -> ControlInfo {
    let wide = query.kind == abi::CTRL_INTEGER64;
    let kind = match query.kind {
        _ if query.nr_of_dims > 0 => ControlKind::Other,
        abi::CTRL_INTEGER | abi::CTRL_INTEGER64 => ControlKind::Integer,
        abi::CTRL_BOOLEAN => ControlKind::Boolean,
        abi::CTRL_BUTTON => ControlKind::Button,
        abi::CTRL_BITMASK => ControlKind::Bitmask,
        abi::CTRL_MENU | abi::CTRL_INTEGER_MENU => ControlKind::Menu(menu(device, query)),
        _ => ControlKind::Other,
    };
    let readable = query.flags & abi::CTRL_WRITE_ONLY == 0
        && !matches!(kind, ControlKind::Button | ControlKind::Other);
    let value = readable
        .then(|| {
            if wide {
                return ioctl::get_control64(device.fd(), query.id).ok();
            }
            let mut control = abi::Control { id: query.id, value: 0 };
            ioctl::get_control(device.fd(), &mut control).ok()?;
            Some(i64::from(control.value))
        })
        .flatten();
    ControlInfo {
        id: query.id,
        name: plain_name(&abi::text(&query.name)),
        kind,
        min: query.minimum,
        max: query.maximum,
        step: query.step,
        default: query.default,
        value,
        read_only: query.flags & abi::CTRL_READ_ONLY != 0,
        inactive: query.flags & abi::CTRL_INACTIVE != 0,
        wide,
    }
}

fn menu(device: &Device, query: &abi::QueryExtCtrl) -> Vec<(i64, String)> {
    let mut entries = Vec::new();
    let last = query.maximum.min(query.minimum.saturating_add(MAX_MENU));
    for value in query.minimum..=last {
        let Ok(index) = u32::try_from(value) else { continue };
        let mut menu = abi::QueryMenu { id: query.id, index, ..abi::QueryMenu::default() };
        // Menus may have holes.
        if ioctl::query_menu(device.fd(), &mut menu).is_err() {
            continue;
        }
        let name = { menu.name };
        let name = if query.kind == abi::CTRL_INTEGER_MENU {
            let bytes = name.first_chunk().copied().unwrap_or_default();
            i64::from_le_bytes(bytes).to_string()
        } else {
            abi::text(&name)
        };
        entries.push((value, name));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(kind: ControlKind) -> ControlInfo {
        ControlInfo {
            id: 1,
            name: "gain".to_owned(),
            kind,
            min: -64,
            max: 64,
            step: 1,
            default: 0,
            value: Some(0),
            read_only: false,
            inactive: false,
            wide: false,
        }
    }

    #[test]
    fn names_are_written_plainly() {
        assert_eq!(plain_name("Exposure Time, Absolute"), "exposure_time_absolute");
        assert_eq!(plain_name("Inject V4L2_BUF_FLAG_ERROR"), "inject_v4l2_buf_flag_error");
        assert_eq!(plain_name(" (auto) "), "auto");
    }

    #[test]
    fn ranges_stand_in_the_error() {
        assert!(check(&control(ControlKind::Integer), 64).is_ok());
        let error = check(&control(ControlKind::Integer), 65).unwrap_err();
        assert_eq!(error, "gain = 65 is out of range -64..=64 (step 1, default 0)");
        let menu =
            control(ControlKind::Menu(vec![(1, "Manual".to_owned()), (3, "Auto".to_owned())]));
        let error = check(&menu, 2).unwrap_err();
        assert!(error.contains("1 (Manual), 3 (Auto)"), "{error}");
        assert!(check(&menu, 3).is_ok());
        assert!(!comes_late(&menu.kind) && comes_late(&ControlKind::Integer));
        assert!(check(&control(ControlKind::Button), 1_000).is_ok());
        assert!(check(&control(ControlKind::Other), 0).is_err());
        let mut mask = control(ControlKind::Bitmask);
        mask.max = 0xff;
        assert!(check(&mask, 0x80).is_ok());
        assert!(check(&mask, 0x100).is_err());
    }
}
