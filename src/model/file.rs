//! An ONNX file, read whole, checked and parsed once; tasks and engines share it.
//!
//! External data are read in: [`ModelFile::bytes`] is always a self-contained model.

use std::collections::HashSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost::bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::onnx::{self, GraphProto, ModelLimits, ModelProto, ScanError, ValueInfoProto};
use super::{Contract, DType, Dim, ModelError, check, external};

/// A parsed ONNX model.
#[derive(Clone, Debug)]
pub struct ModelFile {
    name: String,
    path: Option<PathBuf>,
    bytes: Bytes,
    proto: ModelProto,
    sha256: String,
    /// Given from outside, in place of the file's own.
    contract: Option<Contract>,
}

/// A tensor that goes into or comes out of a graph, as the graph declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Name in the graph.
    pub name: String,
    /// Element type; `None` for texts, sequences and types we do not compute with.
    pub dtype: Option<DType>,
    /// Shape, outermost first; `None` when the rank is open.
    pub shape: Option<Vec<Dim>>,
}

impl ModelFile {
    /// Reads and checks the file at `path` within the default limits.
    ///
    /// # Errors
    /// [`ModelError`] when the file cannot be read, is no complete ONNX model, or contradicts
    /// itself.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::open_within(path, &ModelLimits::default())
    }

    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// As [`ModelFile::open`].
    pub fn open_within(path: impl AsRef<Path>, limits: &ModelLimits) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let io = |action| move |cause| ModelError::Io { action, path: path.to_owned(), cause };
        let name = path.display().to_string();
        let mut file = fs::File::open(path).map_err(io("open"))?;
        let metadata = file.metadata().map_err(io("read"))?;
        if metadata.is_dir() {
            return Err(io("read")(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
        }
        let over = |value| ModelError::Limit {
            model: name.clone(),
            what: "the file's size in bytes",
            value,
            limit: limits.bytes,
        };
        if metadata.len() > limits.bytes {
            return Err(over(metadata.len()));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        // The length above is no promise: pipes have none and files grow.
        file.by_ref().take(limits.bytes + 1).read_to_end(&mut bytes).map_err(io("read"))?;
        if bytes.len() as u64 > limits.bytes {
            return Err(over(bytes.len() as u64));
        }
        Self::parse(name, Some(path.to_owned()), Bytes::from(bytes), limits)
    }

    /// Checks and parses `bytes`; `name` stands for them in messages.
    ///
    /// # Errors
    /// As [`ModelFile::open`]; external data are refused, since there is no folder to find them in.
    pub fn from_bytes(name: &str, bytes: impl Into<Bytes>) -> Result<Self, ModelError> {
        Self::parse(name.to_owned(), None, bytes.into(), &ModelLimits::default())
    }

    /// The model `proto`, encoded and checked like a file.
    ///
    /// # Errors
    /// As [`ModelFile::open`].
    pub fn from_proto(name: &str, proto: &ModelProto) -> Result<Self, ModelError> {
        Self::from_bytes(name, proto.encode_to_vec())
    }

    fn parse(
        name: String,
        path: Option<PathBuf>,
        mut bytes: Bytes,
        limits: &ModelLimits,
    ) -> Result<Self, ModelError> {
        let format = |reason: String| ModelError::Format { model: name.clone(), reason };
        let limit =
            |what, value, limit| ModelError::Limit { model: name.clone(), what, value, limit };
        if bytes.len() as u64 > limits.bytes {
            return Err(limit("the size in bytes", bytes.len() as u64, limits.bytes));
        }
        if bytes.is_empty() {
            return Err(format("it is empty".to_owned()));
        }
        onnx::scan(&bytes, limits).map_err(|e| match e {
            ScanError::Damaged(reason) => format(reason),
            ScanError::Limit(what, value, most) => limit(what, value, most),
        })?;
        let mut proto = ModelProto::decode(bytes.clone()).map_err(|e| format(e.to_string()))?;
        let folder = path.as_deref().and_then(Path::parent);
        if external::read_in(&name, folder, &mut proto, limits)? {
            bytes = Bytes::from(proto.encode_to_vec());
        }
        check::check(&name, &proto)?;
        let sha256 = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { name, path, bytes, proto, sha256, contract: None })
    }

    /// The file's path as given, or the name given with the bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the file lies; `None` for bytes.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The self-contained model.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message.
    #[must_use]
    pub const fn proto(&self) -> &ModelProto {
        &self.proto
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &GraphProto {
        static EMPTY: std::sync::LazyLock<GraphProto> =
            std::sync::LazyLock::new(GraphProto::default);
        // A model without a graph is refused in `parse`.
        self.proto.graph.as_ref().unwrap_or(&EMPTY)
    }

    /// Version of the default operator set; 0 when only functions of other domains are used.
    #[must_use]
    pub fn opset(&self) -> i64 {
        self.proto.opset_of("")
    }

    /// SHA-256 of [`ModelFile::bytes`], in hexadecimal: of the file itself unless it has external
    /// data.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The contract in force, which fits the graph: the one given to
    /// [`ModelFile::set_contract`], or the file's own; `None` without either.
    ///
    /// # Errors
    /// [`ModelError::Contract`] when the file's own is unreadable or does not fit.
    pub fn contract(&self) -> Result<Option<Contract>, ModelError> {
        if let Some(contract) = &self.contract {
            return Ok(Some(contract.clone()));
        }
        let contract = Contract::read(&self.name, &self.proto)?;
        if let Some(contract) = &contract {
            contract.validate(self)?;
        }
        Ok(contract)
    }

    /// Puts `contract` in force; the bytes stay.
    ///
    /// # Errors
    /// [`ModelError::Contract`] unless it fits the graph.
    pub fn set_contract(&mut self, contract: Contract) -> Result<(), ModelError> {
        contract.validate(self)?;
        self.contract = Some(contract);
        Ok(())
    }

    /// The value of `key` in `metadata_props`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.proto.metadata_props.iter().find(|p| p.key == key).map(|p| p.value.as_str())
    }

    /// The graph's inputs in order, without those that initializers give a value.
    #[must_use]
    pub fn inputs(&self) -> Vec<Declared> {
        let graph = self.graph();
        let given: HashSet<&str> = graph
            .initializer
            .iter()
            .map(|t| t.name.as_str())
            .chain(
                graph
                    .sparse_initializer
                    .iter()
                    .filter_map(|s| Some(s.values.as_ref()?.name.as_str())),
            )
            .collect();
        graph.input.iter().filter(|v| !given.contains(v.name.as_str())).map(Declared::of).collect()
    }

    /// The graph's outputs in order.
    #[must_use]
    pub fn outputs(&self) -> Vec<Declared> {
        self.graph().output.iter().map(Declared::of).collect()
    }
}

impl Declared {
    fn of(value: &ValueInfoProto) -> Self {
        let tensor = value.tensor_type();
        Self {
            name: value.name.clone(),
            dtype: tensor.and_then(|t| onnx::DataType(t.elem_type).dtype()),
            shape: tensor.and_then(onnx::TensorType::dims),
        }
    }
}

impl ModelProto {
    /// Version of the operator set of `domain`; 0 when it is not imported.
    #[must_use]
    pub fn opset_of(&self, domain: &str) -> i64 {
        let same = |d: &str| d == domain || (domain.is_empty() && d == "ai.onnx");
        self.opset_import.iter().find(|o| same(&o.domain)).map_or(0, |o| o.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::GraphBuilder;

    fn double() -> ModelProto {
        let mut g = GraphBuilder::new("double");
        let x = g.input("x", DType::F32, &[1.into(), "N".into()]);
        let y = g.node("Add", &[&x, &x], &[]);
        g.output_as(&y, "y", DType::F32, &[1.into(), "N".into()]);
        g.finish().unwrap()
    }

    #[test]
    fn a_built_model_is_read() {
        let model = ModelFile::from_proto("double", &double()).unwrap();
        assert_eq!(model.opset(), 17);
        assert_eq!(model.inputs()[0].shape, Some(vec![Dim::Fixed(1), Dim::Symbol("N".into())]));
        assert_eq!(model.outputs()[0].dtype, Some(DType::F32));
        assert!(model.contract().unwrap().is_none());
        assert_eq!(model.sha256().len(), 64);
    }

    #[test]
    fn cut_empty_and_foreign_files_are_refused() {
        let bytes = double().encode_to_vec();
        for cut in 0..bytes.len() {
            assert!(ModelFile::from_bytes("cut", bytes[..cut].to_vec()).is_err(), "cut at {cut}");
        }
        let error = ModelFile::from_bytes("m", b"GIF89a".to_vec()).unwrap_err().to_string();
        assert!(error.contains("not a complete ONNX model"), "{error}");
        let error = ModelFile::open("/nonexistent/m.onnx").unwrap_err().to_string();
        assert!(error.contains("/nonexistent/m.onnx"), "{error}");
        let error = ModelFile::open(std::env::temp_dir()).unwrap_err().to_string();
        assert!(error.contains("directory"), "{error}");
    }

    #[test]
    fn limits_hold() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        fs::write(&path, double().encode_to_vec()).unwrap();
        let limits = ModelLimits { bytes: 10, ..Default::default() };
        let error = ModelFile::open_within(&path, &limits).unwrap_err().to_string();
        assert!(error.contains("limit of 10"), "{error}");
        assert!(ModelFile::open(&path).is_ok());
    }
}
