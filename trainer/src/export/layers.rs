//! The operators of [`Layers`] as ONNX nodes, operator set 17.

use framecast::model::onnx::Attribute;

use super::nodes::Nodes;
use crate::net::{Cell, Graph as _, Layers, SHORTEST};

impl Nodes<'_> {
    fn windows(
        &mut self,
        x: &str,
        name: &str,
        stride: usize,
        [lines, columns]: [usize; 2],
        groups: usize,
    ) -> String {
        let shape = self.param(&format!("{name}.weight")).0;
        let kernel = self.constant(&format!("{name}.weight"));
        let bias = self.constant(&format!("{name}.bias"));
        let (lines, columns) = (lines as i64, columns as i64);
        let attributes: [(&str, Attribute); 4] = [
            ("kernel_shape", [shape[2] as i64, shape[3] as i64].into()),
            ("pads", [lines, columns, lines, columns].into()),
            ("strides", [stride as i64; 2].into()),
            ("group", (groups as i64).into()),
        ];
        self.graph.node("Conv", &[x, &kernel, &bias], &attributes)
    }

    fn transpose(&mut self, x: &str, order: &[i64]) -> String {
        self.graph.node("Transpose", &[x], &[("perm", order.into())])
    }

    fn reshape(&mut self, x: &str, shape: &[i64]) -> String {
        let shape = self.whole("shape", shape);
        self.op("Reshape", &[x, &shape])
    }

    fn over(&mut self, operator: &str, x: &str, axes: &[i64]) -> String {
        let attributes: [(&str, Attribute); 2] =
            [("axes", axes.into()), ("keepdims", 1_i64.into())];
        self.graph.node(operator, &[x], &attributes)
    }
}

impl Layers for Nodes<'_> {
    fn linear(&mut self, x: &String, name: &str) -> String {
        self.windows(x, name, 1, [0, 0], 1)
    }

    fn convolve(&mut self, x: &String, name: &str, stride: usize, padding: [usize; 2]) -> String {
        self.windows(x, name, stride, padding, 1)
    }

    fn depthwise(&mut self, x: &String, name: &str, stride: usize, padding: [usize; 2]) -> String {
        let groups = self.param(&format!("{name}.weight")).0[0];
        self.windows(x, name, stride, padding, groups)
    }

    fn embed(&mut self, tokens: &String, name: &str) -> String {
        let weight = format!("{name}.weight");
        let (shape, values) = self.param(&weight);
        let table = self.graph.constant(&weight, &shape[..2], values);
        let last = self.whole("last_id", &[shape[0].saturating_sub(1) as i64]);
        let first = self.whole("first_id", &[0]);
        let ids = self.op("Min", &[tokens, &last]);
        let ids = self.op("Max", &[&ids, &first]);
        let ids = self.reshape(&ids, &[1, -1]);
        let rows = self.graph.node("Gather", &[&table, &ids], &[("axis", 0_i64.into())]);
        let columns = self.transpose(&rows, &[0, 2, 1]);
        let axis = self.whole("axis", &[2]);
        self.op("Unsqueeze", &[&columns, &axis])
    }

    fn recurrent(&mut self, x: &String, name: &str, cell: Cell) -> String {
        let mut packed = |part: &str| {
            let name = format!("{name}.{part}.weight");
            let (shape, values) = self.param(&name);
            self.graph.constant(&name, &[1, shape[0], shape[1]], values)
        };
        let (input, state) = (packed("input"), packed("state"));
        let mut bias = self.param(&format!("{name}.input.bias")).1;
        bias.extend(self.param(&format!("{name}.state.bias")).1);
        let gates = bias.len() / 2;
        let bias = self.graph.constant(&format!("{name}.bias"), &[1, 2 * gates], bias);
        // N x C x 1 x T to T x N x C.
        let axis = self.whole("axis", &[2]);
        let sequence = self.op("Squeeze", &[x, &axis]);
        let sequence = self.transpose(&sequence, &[2, 0, 1]);
        let mut attributes: Vec<(&str, Attribute)> =
            vec![("hidden_size", ((gates / cell.gates()) as i64).into())];
        let operator = match cell {
            Cell::Gru => {
                attributes.push(("linear_before_reset", 1_i64.into()));
                "GRU"
            }
            Cell::Lstm => "LSTM",
        };
        let states = self.graph.node(operator, &[&sequence, &input, &state, &bias], &attributes);
        // T x 1 x N x H to N x H x 1 x T.
        self.transpose(&states, &[2, 3, 1, 0])
    }

    fn last(&mut self, x: &String) -> String {
        self.slice(x, 3, -1, i64::MAX)
    }

    fn max_over(&mut self, x: &String) -> String {
        self.over("ReduceMax", x, &[2, 3])
    }

    fn max_pool_by(&mut self, x: &String, side: usize, stride: usize) -> String {
        let attributes: [(&str, Attribute); 2] =
            [("kernel_shape", [side as i64; 2].into()), ("strides", [stride as i64; 2].into())];
        self.graph.node("MaxPool", &[x], &attributes)
    }

    fn normalise(&mut self, x: &String) -> String {
        let squares = self.op("Mul", &[x, x]);
        let sum = self.total(&squares);
        let sum = self.affine(&sum, 1.0, SHORTEST);
        let length = self.op("Sqrt", &[&sum]);
        self.op("Div", &[x, &length])
    }

    fn flatten(&mut self, x: &String) -> String {
        self.reshape(x, &[1, -1, 1, 1])
    }

    fn unflatten(&mut self, x: &String, size: [usize; 3]) -> String {
        let [c, h, w] = size.map(|n| n as i64);
        self.reshape(x, &[1, c, h, w])
    }

    fn exp(&mut self, x: &String) -> String {
        self.op("Exp", &[x])
    }

    fn log(&mut self, x: &String) -> String {
        self.op("Log", &[x])
    }

    fn total(&mut self, x: &String) -> String {
        let axes = self.whole("axes", &[1]);
        self.graph.node("ReduceSum", &[x, &axes], &[("keepdims", 1_i64.into())])
    }
}
