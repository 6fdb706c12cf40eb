//! NumPy `.npy` files as tensors, all element types a session takes.

use std::fs;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use super::{DType, TensorBuf, TensorData};

/// A file that is no array we can take, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NpyError(String);

/// Largest file read.
const LIMIT: u64 = 4 << 30;

/// First bytes of a file.
const MAGIC: &[u8] = b"\x93NUMPY";

const NO_ARRAY: &str = "is no .npy file";

/// The NumPy name of a type, little-endian.
fn descriptor(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::F16 => "<f2",
        DType::U8 => "|u1",
        DType::I8 => "|i1",
        DType::U16 => "<u2",
        DType::I16 => "<i2",
        DType::U32 => "<u4",
        DType::I32 => "<i4",
        DType::U64 => "<u8",
        DType::I64 => "<i8",
        DType::Bool => "|b1",
    }
}

fn dtype_of(descriptor: &str) -> Option<DType> {
    use DType::{Bool, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    [F32, F64, F16, U8, I8, U16, I16, U32, I32, U64, I64, Bool]
        .into_iter()
        .find(|d| self::descriptor(*d)[1..] == *descriptor.get(1..).unwrap_or_default())
        // Big-endian files are rare enough to be refused.
        .filter(|_| !descriptor.starts_with('>'))
}

macro_rules! for_each_number {
    ($m:ident) => {
        $m!(
            F32: f32, F64: f64, F16: half::f16, U8: u8, I8: i8, U16: u16, I16: i16, U32: u32,
            I32: i32, U64: u64, I64: i64
        )
    };
}

/// Reads a file of at most 4 GiB.
///
/// # Errors
/// [`NpyError`] when it cannot be read, is cut short, or holds elements no tensor has.
pub fn read(path: &Path) -> Result<TensorBuf, NpyError> {
    let at = |e: &dyn std::fmt::Display| NpyError(format!("{}: {e}", path.display()));
    // What is read counts: a pipe or device says nothing of its size.
    let mut file = fs::File::open(path).map_err(|e| at(&e))?.take(LIMIT + 1);
    let mut bytes = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut bytes).map_err(|e| at(&e))?;
    if bytes != MAGIC {
        return Err(at(&NO_ARRAY));
    }
    file.read_to_end(&mut bytes).map_err(|e| at(&e))?;
    if bytes.len() as u64 > LIMIT {
        return Err(at(&format!("it is above the limit of {LIMIT} bytes")));
    }
    parse(&bytes).map_err(|e| at(&e))
}

/// Reads the bytes of a file.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8]) -> Result<TensorBuf, NpyError> {
    array(bytes).map_err(NpyError)
}

fn array(bytes: &[u8]) -> Result<TensorBuf, String> {
    let short = || "is cut short".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or(NO_ARRAY)?;
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let (header_len, rest) = if major == 1 {
        let (n, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
        (usize::from(u16::from_le_bytes(*n)), rest)
    } else {
        let (n, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        (u32::from_le_bytes(*n) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(header_len).ok_or_else(short)?;
    let header = String::from_utf8_lossy(header);
    let field = |key: &str| {
        let start = header.find(&format!("'{key}'"))? + key.len() + 2;
        Some(header.get(start..)?.trim_start().strip_prefix(':')?.trim_start())
    };
    let descriptor = field("descr")
        .and_then(|f| f.strip_prefix('\'')?.split('\'').next())
        .ok_or("has no element type, or a structured one")?;
    let dtype = dtype_of(descriptor)
        .ok_or_else(|| format!("has elements of {descriptor:?}, which no tensor here holds"))?;
    if field("fortran_order").is_some_and(|f| f.starts_with("True")) {
        return Err("is in Fortran order; save it with numpy.ascontiguousarray".to_owned());
    }
    let shape = field("shape").and_then(|f| f.strip_prefix('(')?.split(')').next());
    let shape: Vec<usize> = shape
        .ok_or("has no shape")?
        .split(',')
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(|s| s.parse().map_err(|_| format!("has a size {s:?}")))
        .collect::<Result<_, _>>()?;
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let count = count.ok_or("has a shape too large for memory")?;
    let values = elements(dtype, data);
    if values.len() < count {
        return Err(format!("holds {} elements instead of {count}", values.len()));
    }
    let mut values = values;
    values.resize(count);
    TensorBuf::new(&shape, values).map_err(|e| e.to_string())
}

fn elements(dtype: DType, data: &[u8]) -> TensorData {
    macro_rules! arms {
        ($($v:ident: $ty:ty),*) => {
            match dtype {
                $(DType::$v => {
                    let (chunks, _) = data.as_chunks::<{ size_of::<$ty>() }>();
                    TensorData::$v(chunks.iter().map(|c| <$ty>::from_le_bytes(*c)).collect())
                })*
                DType::Bool => TensorData::Bool(data.iter().map(|b| *b != 0).collect()),
            }
        };
    }
    for_each_number!(arms)
}

/// Writes a file, complete or not at all.
///
/// # Errors
/// The system's answer.
pub fn write(path: &Path, tensor: &TensorBuf) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::new(file);
    let sizes: Vec<String> = tensor.shape().iter().map(|n| format!("{n},")).collect();
    let mut header = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
        descriptor(tensor.dtype()),
        sizes.join(" ")
    );
    // The elements start at a multiple of 64 bytes.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    header.push_str(&" ".repeat(padded.saturating_sub(header.len())));
    header.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(b"\x01\x00")?;
    let length = u16::try_from(header.len()).map_err(std::io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    macro_rules! arms {
        ($($v:ident: $ty:ty),*) => {
            match tensor.data() {
                $(TensorData::$v(v) => {
                    v.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))?;
                })*
                TensorData::Bool(v) => v.iter().try_for_each(|x| out.write_all(&[u8::from(*x)]))?,
            }
        };
    }
    for_each_number!(arms);
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_survive_a_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let tensors = [
            TensorBuf::new(&[2, 1], vec![1.5f32, -2.0]).unwrap(),
            TensorBuf::new(&[], vec![16_000i64]).unwrap(),
            TensorBuf::new(&[3], TensorData::Bool(vec![true, false, true])).unwrap(),
            TensorBuf::new(&[0, 4], Vec::<u16>::new()).unwrap(),
            TensorBuf::new(&[1], vec![half::f16::from_f32(0.5)]).unwrap(),
        ];
        for tensor in tensors {
            write(&path, &tensor).unwrap();
            assert_eq!(fs::read(&path).unwrap().len() % 64, tensor_bytes(&tensor) % 64);
            assert_eq!(read(&path).unwrap(), tensor);
        }
    }

    fn tensor_bytes(tensor: &TensorBuf) -> usize {
        match tensor.dtype() {
            DType::F32 => 4 * tensor.data().len(),
            DType::I64 => 8 * tensor.data().len(),
            DType::F16 | DType::U16 => 2 * tensor.data().len(),
            _ => tensor.data().len(),
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_is_not_read_for_ever() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("is no .npy file"), "{error}");
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write(&path, &TensorBuf::zeros(DType::F32, &[3, 5])).unwrap();
        let bytes = fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let swap = |from: &str, to: &str| {
            let text = bytes.iter().map(|b| char::from(*b)).collect::<String>().replace(from, to);
            array(&text.chars().map(|c| c as u8).collect::<Vec<u8>>()).unwrap_err()
        };
        assert!(swap("<f4", ">f4").contains(">f4"));
        assert!(swap("<f4", "<c8").contains("<c8"));
        assert!(swap("False", "True ").contains("Fortran"));
        assert!(swap("(3, 5,)", "(3, x,)").contains('x'));
        assert!(swap("NUMPY", "NUMPX").contains("no .npy"));
    }
}
