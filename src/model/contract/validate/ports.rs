//! One port of a contract against the graph's declaration of it.

use super::super::{ColourOrder, Contract, Dim, Layout, Port, Role, SizeRule, WindowLayout};
use super::{Check, find, shape, wrong};
use crate::model::Declared;

pub(super) fn check(
    field: &str,
    port: &Port,
    declared: &[Declared],
    side: &str,
    contract: &Contract,
) -> Check {
    let graph = find(field, &port.name, declared, side)?;
    if graph.dtype != Some(port.dtype) {
        let has = graph.dtype.map_or_else(|| "another type".to_owned(), |d| d.to_string());
        return wrong(
            format!("{field}.dtype"),
            format!("{:?} is {has} in the graph, not {}", port.name, port.dtype),
        );
    }
    if let Some(dims) = &graph.shape {
        let contradicts = |(graph, own): (&Dim, &Dim)| match (graph, own) {
            (Dim::Fixed(a), Dim::Fixed(b)) => a != b,
            (Dim::Fixed(_), Dim::Symbol(_)) => true,
            (Dim::Symbol(_), _) => false,
        };
        if dims.len() != port.shape.len() || dims.iter().zip(&port.shape).any(contradicts) {
            return wrong(
                format!("{field}.shape"),
                format!(
                    "{:?} is [{}] in the graph, not [{}]",
                    port.name,
                    shape(dims),
                    shape(&port.shape)
                ),
            );
        }
    }
    if port.shape.iter().any(|d| matches!(d, Dim::Fixed(0))) {
        return wrong(format!("{field}.shape"), "a dimension is 0");
    }
    check_range(field, port)?;
    if port.constant.is_some_and(|c| !c.is_finite()) {
        return wrong(format!("{field}.constant"), "it must be a finite number");
    }
    if port.role.is_image() { check_image(field, port, contract) } else { Ok(()) }
}

/// Channels of one picture.
fn channels(port: &Port) -> usize {
    if port.colour == ColourOrder::Luma { 1 } else { 3 }
}

fn check_range(field: &str, port: &Port) -> Check {
    let range = &port.range;
    let field = format!("{field}.range");
    if !(range.black.is_finite() && range.white.is_finite()) || range.black == range.white {
        return wrong(
            field,
            format!("black {} and white {} must be two finite numbers", range.black, range.white),
        );
    }
    for (name, values) in [("mean", &range.mean), ("std", &range.std)] {
        if !values.is_empty() && values.len() != channels(port) {
            return wrong(
                field,
                format!("{name} has {} numbers for {} channels", values.len(), channels(port)),
            );
        }
        if values.iter().any(|v| !v.is_finite() || (name == "std" && *v == 0.0)) {
            return wrong(field, format!("{name} must hold finite numbers, and std no zero"));
        }
    }
    Ok(())
}

fn check_image(field: &str, port: &Port, contract: &Contract) -> Check {
    let (mut expected, mut rank) = (channels(port), 4);
    if port.role == Role::Window
        && let Some(window) = contract.window
    {
        match window.layout {
            WindowLayout::Channels => expected *= window.frames.min(64),
            WindowLayout::Time => rank = 5,
        }
        if let (WindowLayout::Time, Some(Dim::Fixed(frames))) = (window.layout, port.shape.get(1))
            && *frames != window.frames
        {
            return wrong(
                format!("{field}.shape"),
                format!("axis 1 is {frames} but the window has {} frames", window.frames),
            );
        }
    }
    if port.shape.len() != rank {
        return wrong(
            format!("{field}.shape"),
            format!("a picture has {rank} axes here, not {}", port.shape.len()),
        );
    }
    let (channel, height, width) = match port.layout {
        Layout::Nchw => (rank - 3, rank - 2, rank - 1),
        Layout::Nhwc => (rank - 1, rank - 3, rank - 2),
        Layout::Flat => return wrong(format!("{field}.layout"), "a picture is nchw or nhwc"),
    };
    let dim = |axis: usize| port.shape.get(axis);
    if let Some(Dim::Fixed(count)) = dim(channel)
        && *count != expected
    {
        return wrong(
            format!("{field}.shape"),
            format!("axis {channel} is {count} but {expected} channels are described"),
        );
    }
    match contract.size {
        Some(SizeRule::Fixed { width: w, height: h }) => {
            for (axis, size, name) in [(height, h, "height"), (width, w, "width")] {
                let size = size as usize;
                if let Some(Dim::Fixed(n)) = dim(axis)
                    && *n != size
                {
                    return wrong("size", format!("{name} is {size} but {:?} has {n}", port.name));
                }
            }
        }
        Some(SizeRule::MultipleOf(n)) if !(1..=1024).contains(&n) => {
            return wrong("size", format!("multiple-of {n} is outside 1..=1024"));
        }
        _ => {}
    }
    Ok(())
}
