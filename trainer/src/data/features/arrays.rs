//! Features and labels as NumPy arrays.

use std::path::Path;

use framecast::model::{TensorBuf, TensorData, npy};

use super::Labelled;

pub(super) fn read(
    path: &Path,
    add: &mut dyn FnMut(Labelled) -> Result<(), String>,
) -> Result<(), String> {
    let beside = path.with_extension("labels.npy");
    let features = npy::read(path).map_err(|e| e.to_string())?;
    let labels = npy::read(&beside).map_err(|e| e.to_string())?;
    let [examples, dims] = shape(&features, "features")?;
    let [rows, classes] = shape(&labels, "labels")?;
    if rows != examples {
        return Err(format!("{examples} examples but {rows} rows of labels"));
    }
    let features = reals(&features).ok_or("features must be f32, f64 or u8")?;
    let labels = reals(&labels).ok_or("labels must be bool, u8, f32 or f64")?;
    for at in 0..examples {
        let truth = &labels[at * classes..(at + 1) * classes];
        add(Labelled {
            id: at.to_string(),
            labels: (0u32..).zip(truth).filter(|(_, t)| **t != 0.0).map(|(l, _)| l).collect(),
            features: features[at * dims..(at + 1) * dims].to_vec(),
        })?;
    }
    Ok(())
}

fn shape(tensor: &TensorBuf, what: &str) -> Result<[usize; 2], String> {
    tensor.shape().try_into().map_err(|_| {
        format!("{what} have the shape {:?}; a row an example is needed", tensor.shape())
    })
}

fn reals(tensor: &TensorBuf) -> Option<Vec<f32>> {
    match tensor.data() {
        TensorData::F32(v) => Some(v.clone()),
        TensorData::F64(v) => Some(v.iter().map(|v| *v as f32).collect()),
        TensorData::U8(v) => Some(v.iter().map(|v| f32::from(*v)).collect()),
        TensorData::Bool(v) => Some(v.iter().map(|v| f32::from(u8::from(*v))).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::FeatureSet;
    use super::*;

    #[test]
    fn arrays_are_read_with_the_labels_beside_them() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("set.npy");
        let labels = place.path().join("set.labels.npy");
        let values = TensorBuf::new(&[2, 3], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        npy::write(&path, &values).unwrap();
        let error = FeatureSet::read(&path, 3, 2).unwrap_err().to_string();
        assert!(error.contains("set.labels.npy"), "{error}");
        npy::write(&labels, &TensorBuf::new(&[2, 2], vec![0u8, 1, 1, 1]).unwrap()).unwrap();
        let set = FeatureSet::read(&path, 3, 2).unwrap();
        assert_eq!((set.labels(0), set.labels(1)), (&[1][..], &[0, 1][..]));
        assert_eq!(set.features(1), [4.0, 5.0, 6.0]);
        npy::write(&labels, &TensorBuf::new(&[1, 2], vec![0u8, 1]).unwrap()).unwrap();
        let error = FeatureSet::read(&path, 3, 2).unwrap_err().to_string();
        assert!(error.contains("2 examples but 1 rows"), "{error}");
    }
}
