//! Weights that lie in files beside the model are read into it.
#![warn(clippy::indexing_slicing)]

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};

use prost::bytes::Bytes;

use super::ModelError;
use super::onnx::{GraphProto, ModelLimits, ModelProto, NodeProto, TensorProto, dims_of};

const EXTERNAL: i32 = 1;

/// Replaces every reference to another file by its bytes; true when there was one.
///
/// Only files in the model's own folder are opened, so that a model cannot read the rest of the
/// disk.
pub(super) fn read_in(
    model: &str,
    folder: Option<&Path>,
    proto: &mut ModelProto,
    limits: &ModelLimits,
) -> Result<bool, ModelError> {
    let mut reader =
        Reader { model, folder, left: limits.bytes, limit: limits.bytes, found: false };
    if let Some(graph) = &mut proto.graph {
        reader.graph(graph)?;
    }
    for function in &mut proto.functions {
        reader.nodes(&mut function.node)?;
    }
    Ok(reader.found)
}

struct Reader<'a> {
    model: &'a str,
    folder: Option<&'a Path>,
    left: u64,
    limit: u64,
    found: bool,
}

impl Reader<'_> {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<(), ModelError> {
        for tensor in &mut graph.initializer {
            self.tensor(tensor)?;
        }
        for sparse in &mut graph.sparse_initializer {
            for tensor in sparse.values.iter_mut().chain(&mut sparse.indices) {
                self.tensor(tensor)?;
            }
        }
        self.nodes(&mut graph.node)
    }

    fn nodes(&mut self, nodes: &mut [NodeProto]) -> Result<(), ModelError> {
        for attribute in nodes.iter_mut().flat_map(|n| &mut n.attribute) {
            for tensor in attribute.t.as_deref_mut().into_iter().chain(&mut attribute.tensors) {
                self.tensor(tensor)?;
            }
            for graph in attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs) {
                self.graph(graph)?;
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &mut TensorProto) -> Result<(), ModelError> {
        if tensor.data_location != EXTERNAL {
            return Ok(());
        }
        self.found = true;
        let entries: HashMap<&str, &str> =
            tensor.external_data.iter().map(|e| (e.key.as_str(), e.value.as_str())).collect();
        let location = entries.get("location").copied().unwrap_or_default();
        let wrong = |reason: String| ModelError::External {
            model: self.model.to_owned(),
            tensor: tensor.name.clone(),
            file: location.to_owned(),
            reason,
        };
        let number = |key: &str| match entries.get(key) {
            None => Ok(None),
            Some(text) => text
                .parse::<u64>()
                .map(Some)
                .map_err(|_| wrong(format!("its {key} {text:?} is no number of bytes"))),
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        let inside = Path::new(location).components().all(|c| matches!(c, Component::Normal(_)));
        if location.is_empty() || !inside {
            return Err(wrong("only files in the model's own folder are read".to_owned()));
        }
        let Some(folder) = self.folder else {
            return Err(wrong(
                "the model was given as bytes, without a folder; save it with its weights inside"
                    .to_owned(),
            ));
        };
        let path = folder.join(location);
        let mut file = File::open(&path).map_err(|cause| {
            wrong(format!("cannot open {}: {cause}; put the file beside the model", path.display()))
        })?;
        let size = file.metadata().map_err(|e| wrong(e.to_string()))?.len();
        let (_, count) = dims_of(&tensor.dims).map_err(&wrong)?;
        let bits = tensor.element().bits().ok_or_else(|| {
            wrong(format!("elements of type {} cannot lie in a file", tensor.element().name()))
        })?;
        let needed = (count as u64).checked_mul(bits).map_or(u64::MAX, |b| b.div_ceil(8));
        let length = length.unwrap_or(needed);
        if length != needed {
            return Err(wrong(format!(
                "{length} bytes are named but the shape {:?} needs {needed}",
                tensor.dims
            )));
        }
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(wrong(format!(
                "it has {size} bytes but {length} at {offset} are needed; it is cut off or \
                 belongs to another model"
            )));
        }
        if length > self.left {
            return Err(ModelError::Limit {
                model: self.model.to_owned(),
                what: "the size of the external data in bytes",
                value: (self.limit - self.left).saturating_add(length),
                limit: self.limit,
            });
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(length).read_to_end(&mut bytes))
            .map_err(|e| wrong(e.to_string()))?;
        if bytes.len() as u64 != length {
            return Err(wrong("it became shorter while it was read".to_owned()));
        }
        self.left -= length;
        tensor.raw_data = Bytes::from(bytes);
        tensor.data_location = 0;
        tensor.external_data.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::ModelFile;
    use super::*;
    use crate::model::DType;
    use crate::model::onnx::{GraphBuilder, StringStringEntryProto};
    use prost::Message as _;

    fn model(location: &str, offset: &str) -> ModelProto {
        let mut g = GraphBuilder::new("g");
        let x = g.input("x", DType::F32, &[2.into()]);
        let w = g.constant("w", &[2], vec![0.0f32; 2]);
        let y = g.node("Add", &[&x, &w], &[]);
        g.output(&y, DType::F32, &[2.into()]);
        let mut proto = g.finish().unwrap();
        let tensor = &mut proto.graph.as_mut().unwrap().initializer[0];
        tensor.raw_data = Bytes::new();
        tensor.data_location = EXTERNAL;
        for (key, value) in [("location", location), ("offset", offset)] {
            tensor
                .external_data
                .push(StringStringEntryProto { key: key.into(), value: value.into() });
        }
        proto
    }

    #[test]
    fn weights_beside_the_model_are_read_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        std::fs::write(&path, model("w.bin", "4").encode_to_vec()).unwrap();
        let mut weights = vec![0u8; 4];
        weights.extend(1.5f32.to_le_bytes());
        weights.extend(2.5f32.to_le_bytes());
        std::fs::write(dir.path().join("w.bin"), &weights).unwrap();
        let file = ModelFile::open(&path).unwrap();
        let tensor = file.graph().initializer[0].to_tensor().unwrap();
        assert_eq!(tensor.as_f32(), Some(&[1.5, 2.5][..]));
        assert!(ModelFile::from_bytes("again", file.bytes().to_vec()).is_ok());

        std::fs::write(dir.path().join("w.bin"), &weights[..11]).unwrap();
        let error = ModelFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("11 bytes") && error.contains("w.bin"), "{error}");
        std::fs::remove_file(dir.path().join("w.bin")).unwrap();
        let error = ModelFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("w.bin") && error.contains("beside the model"), "{error}");
    }

    #[test]
    fn a_model_reads_only_its_own_folder() {
        let dir = tempfile::tempdir().unwrap();
        for location in ["/etc/passwd", "../w.bin", "", "a/../../b"] {
            let path = dir.path().join("m.onnx");
            std::fs::write(&path, model(location, "0").encode_to_vec()).unwrap();
            let error = ModelFile::open(&path).unwrap_err().to_string();
            assert!(error.contains("own folder"), "{location}: {error}");
        }
        let error = ModelFile::from_proto("m", &model("w.bin", "0")).unwrap_err().to_string();
        assert!(error.contains("without a folder"), "{error}");
    }
}
