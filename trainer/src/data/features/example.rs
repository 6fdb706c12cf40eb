//! `tf.Example` and `tf.SequenceExample`: named lists in the protobuf wire format.
#![warn(clippy::indexing_slicing)]

use std::collections::BTreeMap;

/// A list of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Feature {
    Bytes(Vec<Vec<u8>>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// The features of an example by name, and the lists of features of a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Example {
    pub(super) features: BTreeMap<String, Feature>,
    pub(super) lists: BTreeMap<String, Vec<Feature>>,
}

/// One field of a message.
enum Value<'a> {
    Number(u64),
    Four([u8; 4]),
    Bytes(&'a [u8]),
    /// A type that none of these messages uses.
    Other,
}

/// The fields of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let Some((byte, rest)) = self.0.split_first() else {
                return Err("a number is cut short".to_owned());
            };
            self.0 = rest;
            if shift == 63 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 64 bits".to_owned())
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let at = usize::try_from(count).ok().filter(|n| *n <= self.0.len());
        let Some((taken, rest)) = at.and_then(|at| self.0.split_at_checked(at)) else {
            return Err(format!("a field of {count} bytes in {} bytes", self.0.len()));
        };
        self.0 = rest;
        Ok(taken)
    }

    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Other
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Four(self.take(4)?.try_into().unwrap_or_default()),
            kind => return Err(format!("a field of the unknown type {kind}")),
        };
        Ok(Some((key >> 3, value)))
    }
}

/// Reads an `Example` or a `SequenceExample`: their first fields, features and context, are alike.
pub(super) fn parse(bytes: &[u8]) -> Result<Example, String> {
    let mut example = Example::default();
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(map)) => entries(map, |name, value| {
                example.features.insert(name, feature(value)?);
                Ok(())
            })?,
            (2, Value::Bytes(map)) => entries(map, |name, value| {
                let mut list = Vec::new();
                let mut fields = Fields(value);
                while let Some((number, value)) = fields.next()? {
                    if let (1, Value::Bytes(bytes)) = (number, value) {
                        list.push(feature(bytes)?);
                    }
                }
                example.lists.insert(name, list);
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok(example)
}

/// Calls `add` with the name and the bytes of each entry of a map.
fn entries(
    bytes: &[u8],
    mut add: impl FnMut(String, &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        let (1, Value::Bytes(entry)) = (number, value) else { continue };
        let (mut name, mut content) = (String::new(), &[][..]);
        let mut fields = Fields(entry);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(bytes)) => name = String::from_utf8_lossy(bytes).into_owned(),
                (2, Value::Bytes(bytes)) => content = bytes,
                _ => {}
            }
        }
        add(name, content)?;
    }
    Ok(())
}

fn feature(bytes: &[u8]) -> Result<Feature, String> {
    let mut found = Feature::Bytes(Vec::new());
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        let Value::Bytes(list) = value else { continue };
        let mut fields = Fields(list);
        match number {
            1 => {
                let mut values = Vec::new();
                while let Some((number, value)) = fields.next()? {
                    if let (1, Value::Bytes(bytes)) = (number, value) {
                        values.push(bytes.to_vec());
                    }
                }
                found = Feature::Bytes(values);
            }
            2 => {
                let mut values = Vec::new();
                while let Some((number, value)) = fields.next()? {
                    match (number, value) {
                        (1, Value::Bytes(packed)) => {
                            let (floats, rest) = packed.as_chunks::<4>();
                            if !rest.is_empty() {
                                return Err("a list of reals is cut short".to_owned());
                            }
                            values.extend(floats.iter().map(|b| f32::from_le_bytes(*b)));
                        }
                        (1, Value::Four(one)) => values.push(f32::from_le_bytes(one)),
                        _ => {}
                    }
                }
                found = Feature::Floats(values);
            }
            3 => {
                let mut values = Vec::new();
                while let Some((number, value)) = fields.next()? {
                    match (number, value) {
                        (1, Value::Bytes(packed)) => {
                            let mut numbers = Fields(packed);
                            while !numbers.0.is_empty() {
                                values.push(numbers.varint()?.cast_signed());
                            }
                        }
                        (1, Value::Number(one)) => values.push(one.cast_signed()),
                        _ => {}
                    }
                }
                found = Feature::Ints(values);
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The message back into bytes, for tests.
#[cfg(test)]
pub(super) fn write(example: &Example) -> Vec<u8> {
    fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 0x7f {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }
    fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
        [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
    }
    fn feature(feature: &Feature) -> Vec<u8> {
        match feature {
            Feature::Bytes(list) => {
                field(1, &list.iter().flat_map(|b| field(1, b)).collect::<Vec<_>>())
            }
            Feature::Floats(list) => {
                let packed: Vec<u8> = list.iter().flat_map(|v| v.to_le_bytes()).collect();
                field(2, &field(1, &packed))
            }
            Feature::Ints(list) => {
                let packed: Vec<u8> = list.iter().flat_map(|v| varint(v.cast_unsigned())).collect();
                field(3, &field(1, &packed))
            }
        }
    }
    let entry = |name: &str, value: Vec<u8>| {
        field(1, &[field(1, name.as_bytes()), field(2, &value)].concat())
    };
    let features: Vec<u8> =
        example.features.iter().flat_map(|(name, f)| entry(name, feature(f))).collect();
    let lists: Vec<u8> = example
        .lists
        .iter()
        .flat_map(|(name, list)| {
            entry(name, list.iter().flat_map(|f| field(1, &feature(f))).collect())
        })
        .collect();
    let mut bytes = field(1, &features);
    if !lists.is_empty() {
        bytes.extend(field(2, &lists));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Example {
        let mut example = Example::default();
        let mut add = |name: &str, feature| example.features.insert(name.to_owned(), feature);
        add("id", Feature::Bytes(vec![b"ab12".to_vec()]));
        add("labels", Feature::Ints(vec![0, 300, -1, i64::MAX]));
        add("mean", Feature::Floats(vec![0.5, -2.0, f32::MIN_POSITIVE]));
        add("empty", Feature::Bytes(vec![]));
        let frames = vec![Feature::Bytes(vec![vec![1, 2, 3]]), Feature::Bytes(vec![vec![]])];
        example.lists.insert("rgb".to_owned(), frames);
        example
    }

    #[test]
    fn messages_come_back() {
        assert_eq!(parse(&write(&full())).unwrap(), full());
        assert_eq!(parse(&[]).unwrap(), Example::default());
        // Numbers that are not packed, as old writers have them.
        let unpacked = [10, 16, 10, 14, 10, 1, b'x', 18, 9, 26, 7, 8, 5, 8, 172, 2, 8, 9];
        let found = parse(&unpacked).unwrap();
        assert_eq!(found.features["x"], Feature::Ints(vec![5, 300, 9]));
    }

    #[test]
    fn cut_and_foreign_bytes_never_panic() {
        let bytes = write(&full());
        let mut refused = 0;
        for cut in 0..bytes.len() {
            refused += usize::from(parse(&bytes[..cut]).is_err());
        }
        assert!(refused > bytes.len() / 2, "{refused} of {}", bytes.len());
        assert!(parse(&[0xff; 40]).unwrap_err().contains("64 bits"));
        assert!(parse(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap_err().contains("field of"));
        assert!(parse(&[0x0b]).unwrap_err().contains("unknown type 3"));
    }
}
