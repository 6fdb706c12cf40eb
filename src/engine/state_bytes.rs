//! Recurrent state as bytes: `FCSTATE2`, the model's SHA-256, then each tensor with a byte that
//! says whether it awaits its initial value, then a SHA-256 of all before it. Little-endian.
#![warn(clippy::indexing_slicing)]

use sha2::{Digest as _, Sha256};

use super::{EngineError, TensorSpec};
use crate::model::{TensorBuf, TensorData, TensorSlice};

const MAGIC: &[u8; 8] = b"FCSTATE2";

macro_rules! for_each_type {
    ($m:ident) => {
        $m!(F32, F64, F16, U8, I8, U16, I16, U32, I32, U64, I64)
    };
}

fn put_elements(slice: TensorSlice<'_>, out: &mut Vec<u8>) {
    macro_rules! arms {
        ($($v:ident),*) => {
            match slice {
                $(TensorSlice::$v(s) => s.iter().for_each(|x| out.extend(x.to_le_bytes())),)*
                TensorSlice::Bool(s) => out.extend(s.iter().map(|x| u8::from(*x))),
            }
        };
    }
    for_each_type!(arms);
}

fn element_bytes(data: &TensorData) -> usize {
    macro_rules! arms {
        ($($v:ident),*) => {
            match data {
                $(TensorData::$v(v) => size_of_val(v.as_slice()),)*
                TensorData::Bool(v) => v.len(),
            }
        };
    }
    for_each_type!(arms)
}

fn take_elements(data: &mut TensorData, bytes: &[u8]) {
    macro_rules! arms {
        ($($v:ident),*) => {
            match data {
                $(TensorData::$v(v) => {
                    let (chunks, _) = bytes.as_chunks();
                    for (x, b) in v.iter_mut().zip(chunks) {
                        *x = from_le(*b);
                    }
                })*
                TensorData::Bool(v) => v.iter_mut().zip(bytes).for_each(|(x, b)| *x = *b != 0),
            }
        };
    }
    for_each_type!(arms);
}

trait FromLe<const N: usize> {
    fn from_le(bytes: [u8; N]) -> Self;
}

macro_rules! from_le_impl {
    ($($ty:ty),*) => {
        $(impl FromLe<{ size_of::<$ty>() }> for $ty {
            fn from_le(bytes: [u8; size_of::<$ty>()]) -> Self {
                Self::from_le_bytes(bytes)
            }
        })*
    };
}

from_le_impl!(f32, f64, half::f16, u8, i8, u16, i16, u32, i32, u64, i64);

fn from_le<T: FromLe<N>, const N: usize>(bytes: [u8; N]) -> T {
    T::from_le(bytes)
}

pub(super) fn encode(model: &[u8; 32], tensors: &[(&str, bool, TensorBuf)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(MAGIC);
    out.extend(model);
    out.extend((tensors.len() as u64).to_le_bytes());
    for (name, fresh, tensor) in tensors {
        out.push(u8::from(*fresh));
        out.extend((name.len() as u64).to_le_bytes());
        out.extend(name.as_bytes());
        out.extend((element_bytes(tensor.data()) as u64).to_le_bytes());
        put_elements(tensor.data().as_slice(), &mut out);
    }
    let digest = Sha256::digest(&out);
    out.extend(digest);
    out
}

fn damaged(reason: &str) -> EngineError {
    EngineError::Model {
        model: "saved state".to_owned(),
        reason: format!("{reason}; start without it, the state builds up again"),
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], EngineError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(|| damaged("it is cut short"))?;
        self.0 = rest;
        Ok(head)
    }

    fn length(&mut self) -> Result<usize, EngineError> {
        let bytes = self.take(8)?.try_into().map_err(|_| damaged("it is cut short"))?;
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| damaged("a length is too large"))
    }
}

pub(super) fn decode(
    bytes: &[u8],
    model: &[u8; 32],
    specs: &[&TensorSpec],
) -> Result<Vec<(bool, TensorBuf)>, EngineError> {
    let body_len = bytes.len().checked_sub(32).ok_or_else(|| damaged("it is cut short"))?;
    let (body, digest) = bytes.split_at(body_len);
    if !body.starts_with(MAGIC) {
        return Err(damaged("it is no state file of this program"));
    }
    if Sha256::digest(body).as_slice() != digest {
        return Err(damaged("its checksum does not match, so it is damaged"));
    }
    let mut reader = Reader(body);
    reader.take(MAGIC.len())?;
    if reader.take(32)? != model {
        return Err(damaged("it belongs to another model"));
    }
    if reader.length()? != specs.len() {
        return Err(damaged("the number of state tensors differs"));
    }
    let mut tensors = Vec::with_capacity(specs.len());
    for spec in specs {
        let fresh = reader.take(1)? != [0];
        let name_len = reader.length()?;
        if reader.take(name_len)? != spec.name.as_bytes() {
            return Err(damaged("the names of its tensors differ"));
        }
        let mut value = TensorBuf::zeros(spec.dtype, &spec.shape);
        let len = reader.length()?;
        if len != element_bytes(value.data()) {
            return Err(damaged("it was made for another frame size"));
        }
        take_elements(value.data_mut(), reader.take(len)?);
        tensors.push((fresh, value));
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DType;

    #[test]
    fn state_survives_a_round_trip_and_damage_is_seen() {
        let spec = TensorSpec { name: "h".into(), dtype: DType::F32, shape: vec![1, 3] };
        let flag = TensorSpec { name: "b".into(), dtype: DType::Bool, shape: vec![2] };
        let h = TensorBuf::new(&[1, 3], vec![1.0f32, -2.5, f32::MIN_POSITIVE]).unwrap();
        let b = TensorBuf::new(&[2], TensorData::Bool(vec![true, false])).unwrap();
        let bytes = encode(&[7; 32], &[("h", false, h.clone()), ("b", true, b.clone())]);
        let back = decode(&bytes, &[7; 32], &[&spec, &flag]).unwrap();
        assert_eq!(back, [(false, h), (true, b)]);

        let other = decode(&bytes, &[8; 32], &[&spec, &flag]).unwrap_err().to_string();
        assert!(other.contains("another model"), "{other}");
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], &[7; 32], &[&spec, &flag]).is_err());
        }
        let mut flipped = bytes.clone();
        flipped[60] ^= 1;
        assert!(decode(&flipped, &[7; 32], &[&spec, &flag]).is_err());
        let wide = TensorSpec { shape: vec![2, 3], ..spec };
        let size = decode(&bytes, &[7; 32], &[&wide, &flag]).unwrap_err().to_string();
        assert!(size.contains("frame size"), "{size}");
    }
}
