//! Networks written down: each operator of [`Graph`] as ONNX nodes, operator set 17.

use framecast::model::WindowLayout;
use framecast::model::onnx::{Attribute, GraphBuilder};
use framecast::vision::blend::BLOCK;

use crate::net::{Graph, Params};

/// A graph being written, with the parameters of its network.
pub(super) struct Nodes<'a> {
    pub(super) graph: GraphBuilder,
    weights: &'a Params,
    window: Option<(usize, WindowLayout)>,
    missing: Vec<String>,
}

impl<'a> Nodes<'a> {
    pub(super) const fn new(
        graph: GraphBuilder,
        weights: &'a Params,
        window: Option<(usize, WindowLayout)>,
    ) -> Self {
        Self { graph, weights, window, missing: Vec::new() }
    }

    /// The graph, when every parameter was there.
    pub(super) fn finish(self) -> Result<GraphBuilder, String> {
        if self.missing.is_empty() {
            return Ok(self.graph);
        }
        Err(format!("it has no parameters {}", self.missing.join(", ")))
    }

    pub(super) fn param(&mut self, name: &str) -> (Vec<usize>, Vec<f32>) {
        if let Some(param) = self.weights.get(name) {
            return (param.shape.clone(), param.values.clone());
        }
        self.missing.push(name.to_owned());
        (vec![0; 4], Vec::new())
    }

    pub(super) fn constant(&mut self, name: &str) -> String {
        let (shape, values) = self.param(name);
        self.graph.constant(name, &shape, values)
    }

    pub(super) fn whole(&mut self, name: &str, values: &[i64]) -> String {
        self.graph.constant(name, &[values.len()], values.to_vec())
    }

    fn number(&mut self, name: &str, value: f32) -> String {
        self.graph.constant(name, &[], vec![value])
    }

    pub(super) fn op(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.graph.node(operator, inputs, &[])
    }

    /// Elements `from..to` along `axis`.
    pub(super) fn slice(&mut self, x: &str, axis: i64, from: i64, to: i64) -> String {
        let [from, to, axis] =
            [("from", from), ("to", to), ("axis", axis)].map(|(name, v)| self.whole(name, &[v]));
        self.op("Slice", &[x, &from, &to, &axis])
    }

    fn squeeze(&mut self, x: &str, axis: i64) -> String {
        let axis = self.whole("axis", &[axis]);
        self.op("Squeeze", &[x, &axis])
    }

    fn blocks(&mut self, operator: &str, x: &str, side: usize) -> String {
        if side == 1 {
            return x.to_owned();
        }
        let mut attributes: Vec<(&str, Attribute)> = vec![("blocksize", (side as i64).into())];
        if operator == "DepthToSpace" {
            attributes.push(("mode", "DCR".into()));
        }
        self.graph.node(operator, &[x], &attributes)
    }
}

impl Graph for Nodes<'_> {
    type Value = String;

    fn conv(&mut self, x: &String, name: &str, stride: usize) -> String {
        let side = self.param(&format!("{name}.weight")).0[2] as i64;
        let kernel = self.constant(&format!("{name}.weight"));
        let bias = self.constant(&format!("{name}.bias"));
        let pad = if stride == 1 { side / 2 } else { 0 };
        let attributes: [(&str, Attribute); 3] = [
            ("kernel_shape", [side; 2].into()),
            ("pads", [pad; 4].into()),
            ("strides", [stride as i64; 2].into()),
        ];
        self.graph.node("Conv", &[x, &kernel, &bias], &attributes)
    }

    fn conv_over_time(&mut self, window: &String, name: &str) -> String {
        let frames = self.window.map_or(1, |(frames, _)| frames);
        let weight = format!("{name}.weight");
        let (shape, values) = self.param(&weight);
        let (taps, side) = (shape[1] / 3, shape[2]);
        // From one channel for each frame and colour to colours, then frames.
        let area = side * side;
        let mut kernel = Vec::with_capacity(values.len());
        for filter in values.chunks_exact((3 * taps * area).max(1)) {
            for colour in 0..3 {
                let of_colour = filter.chunks_exact(area).skip(colour).step_by(3);
                kernel.extend(of_colour.flatten().copied());
            }
        }
        let kernel = self.graph.constant(&weight, &[shape[0], 3, taps, side, side], kernel);
        let bias = self.constant(&format!("{name}.bias"));
        let newest = self.slice(window, 1, (frames - taps) as i64, frames as i64);
        let perm = [("perm", [0_i64, 2, 1, 3, 4].into())];
        let colours_first = self.graph.node("Transpose", &[&newest], &perm);
        let pad = side as i64 / 2;
        let attributes: [(&str, Attribute); 3] = [
            ("kernel_shape", [taps as i64, side as i64, side as i64].into()),
            ("pads", [0, pad, pad, 0, pad, pad].into()),
            ("strides", [1_i64; 3].into()),
        ];
        let result = self.graph.node("Conv", &[&colours_first, &kernel, &bias], &attributes);
        self.squeeze(&result, 2)
    }

    fn conv_each(&mut self, x: &String, name: &str) -> String {
        // As so many pictures of one channel.
        let perm = [("perm", [1_i64, 0, 2, 3].into())];
        let single = self.graph.node("Transpose", &[x], &perm);
        let result = self.conv(&single, name, 1);
        self.graph.node("Transpose", &[&result], &perm)
    }

    fn weighted(&mut self, x: &String, weights: &[Vec<f32>]) -> String {
        let inputs = weights.first().map_or(0, Vec::len);
        let shape = [weights.len(), inputs, 1, 1];
        let kernel = self.graph.constant("fixed.weight", &shape, weights.concat());
        self.graph.node("Conv", &[x, &kernel], &[("kernel_shape", [1_i64; 2].into())])
    }

    fn newest(&mut self, window: &String) -> String {
        match self.window {
            Some((frames, WindowLayout::Time)) => {
                let at = self.graph.constant("newest", &[], vec![frames as i64 - 1]);
                self.graph.node("Gather", &[window, &at], &[("axis", 1_i64.into())])
            }
            Some((frames, _)) => self.slice(window, 1, 3 * (frames as i64 - 1), 3 * frames as i64),
            None => window.clone(),
        }
    }

    fn newest_by_axes(&mut self, window: &String, frames: usize) -> String {
        let shape = self.op("Shape", &[window]);
        let sides = self.slice(&shape, 0, 2, 4);
        let apart = self.whole("frames_and_colours", &[1, frames as i64, 3]);
        let axis = [("axis", 0_i64.into())];
        let apart = self.graph.node("Concat", &[&apart, &sides], &axis);
        let apart = self.op("Reshape", &[window, &apart]);
        let perm = [("perm", [0_i64, 2, 3, 4, 1].into())];
        let time_last = self.graph.node("Transpose", &[&apart], &perm);
        let newest = self.slice(&time_last, 4, frames as i64 - 1, frames as i64);
        self.squeeze(&newest, 4)
    }

    fn add(&mut self, a: &String, b: &String) -> String {
        self.op("Add", &[a, b])
    }

    fn sub(&mut self, a: &String, b: &String) -> String {
        self.op("Sub", &[a, b])
    }

    fn mul(&mut self, a: &String, b: &String) -> String {
        self.op("Mul", &[a, b])
    }

    fn div(&mut self, a: &String, b: &String) -> String {
        self.op("Div", &[a, b])
    }

    fn affine(&mut self, x: &String, scale: f32, shift: f32) -> String {
        let mut x = x.clone();
        for (operator, value, neutral) in [("Mul", scale, 1.0), ("Add", shift, 0.0)] {
            if value != neutral {
                let value = self.number("number", value);
                x = self.op(operator, &[&x, &value]);
            }
        }
        x
    }

    fn channel_affine(&mut self, x: &String, name: &str) -> String {
        let mut x = x.clone();
        for (part, operator) in [("weight", "Mul"), ("bias", "Add")] {
            let name = format!("{name}.{part}");
            let values = self.param(&name).1;
            let values = self.graph.constant(&name, &[1, values.len(), 1, 1], values);
            x = self.op(operator, &[&x, &values]);
        }
        x
    }

    fn abs(&mut self, x: &String) -> String {
        self.op("Abs", &[x])
    }

    fn relu(&mut self, x: &String) -> String {
        self.op("Relu", &[x])
    }

    fn sigmoid(&mut self, x: &String) -> String {
        self.op("Sigmoid", &[x])
    }

    fn tanh(&mut self, x: &String) -> String {
        self.op("Tanh", &[x])
    }

    fn clip(&mut self, x: &String, low: f32, high: f32) -> String {
        let [low, high] = [("low", low), ("high", high)].map(|(name, v)| self.number(name, v));
        self.op("Clip", &[x, &low, &high])
    }

    fn softmax(&mut self, x: &String) -> String {
        self.graph.node("Softmax", &[x], &[("axis", 1_i64.into())])
    }

    fn mean(&mut self, x: &String) -> String {
        self.op("GlobalAveragePool", &[x])
    }

    fn largest(&mut self, x: &String) -> String {
        let attributes: [(&str, Attribute); 2] =
            [("axes", [1_i64].into()), ("keepdims", 1_i64.into())];
        self.graph.node("ReduceMax", &[x], &attributes)
    }

    fn concat(&mut self, parts: &[String]) -> String {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.graph.node("Concat", &parts, &[("axis", 1_i64.into())])
    }

    fn split(&mut self, x: &String, sizes: &[usize]) -> Vec<String> {
        let values: Vec<i64> = sizes.iter().map(|&n| n as i64).collect();
        let values = self.whole("sizes", &values);
        let parts: Vec<String> = (0..sizes.len()).map(|_| self.graph.fresh("part")).collect();
        let names: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.graph.node_named("Split", "", &[x, &values], &names, &[("axis", 1_i64.into())]);
        parts
    }

    fn max_pool(&mut self, x: &String) -> String {
        let attributes: [(&str, Attribute); 2] =
            [("kernel_shape", [2_i64; 2].into()), ("strides", [2_i64; 2].into())];
        self.graph.node("MaxPool", &[x], &attributes)
    }

    fn average_pool(&mut self, x: &String, side: usize) -> String {
        let side = [side as i64; 2];
        let attributes: [(&str, Attribute); 2] =
            [("kernel_shape", side.into()), ("strides", side.into())];
        self.graph.node("AveragePool", &[x], &attributes)
    }

    fn spread(&mut self, x: &String) -> String {
        let scales = vec![1.0_f32, 1.0, BLOCK as f32, BLOCK as f32];
        let scales = self.graph.constant("scales", &[4], scales);
        let attributes: [(&str, Attribute); 2] =
            [("mode", "linear".into()), ("coordinate_transformation_mode", "half_pixel".into())];
        self.graph.node("Resize", &[x, "", &scales], &attributes)
    }

    fn extend(&mut self, x: &String, [lines, columns]: [usize; 2]) -> String {
        let (lines, columns) = (lines as i64, columns as i64);
        let pads = self.whole("pads", &[0, 0, lines, columns, 0, 0, lines, columns]);
        self.graph.node("Pad", &[x, &pads], &[("mode", "edge".into())])
    }

    fn crop(&mut self, x: &String, lines: [usize; 2], columns: [usize; 2]) -> String {
        let end = |n: usize| if n == 0 { i64::MAX } else { -(n as i64) };
        let from = self.whole("from", &[lines[0] as i64, columns[0] as i64]);
        let to = self.whole("to", &[end(lines[1]), end(columns[1])]);
        let axes = self.whole("axes", &[2, 3]);
        self.op("Slice", &[x, &from, &to, &axes])
    }

    fn double(&mut self, x: &String) -> String {
        let scales = self.graph.constant("scales", &[4], vec![1.0_f32, 1.0, 2.0, 2.0]);
        let attributes: [(&str, Attribute); 3] = [
            ("mode", "nearest".into()),
            ("coordinate_transformation_mode", "asymmetric".into()),
            ("nearest_mode", "floor".into()),
        ];
        self.graph.node("Resize", &[x, "", &scales], &attributes)
    }

    fn depth_to_space(&mut self, x: &String, side: usize) -> String {
        self.blocks("DepthToSpace", x, side)
    }

    fn space_to_depth(&mut self, x: &String, side: usize) -> String {
        self.blocks("SpaceToDepth", x, side)
    }

    fn noise(&mut self, x: &String, _deviation: f32) -> String {
        x.clone()
    }

    fn dropout(&mut self, x: &String, _share: f32) -> String {
        x.clone()
    }
}
