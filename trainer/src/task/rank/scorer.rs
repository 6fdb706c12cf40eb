//! The scorer: a vector a user, a vector and a bias an item, and their product.

use std::collections::BTreeMap;

use burn::tensor::{Device, Int, Tensor, TensorData};
use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::movielens::Film;
use crate::net::{Form, Layers, Leaf, Params, Slot, Start, TaskNet};

/// Years that share a feature.
const YEARS: u32 = 5;
/// The first and the last of them.
const SPAN: [u32; 2] = [1915, 2020];

/// Genre and period of each item, as rows of equal length.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    names: Vec<String>,
    rows: Vec<f32>,
}

impl Features {
    /// Of `items`; none at all unless `wanted`.
    #[must_use]
    pub fn new(items: &[(u32, Film)], wanted: bool) -> Self {
        let of = |film: &Film| -> Vec<String> {
            let year = film.year().map(|y| y.clamp(SPAN[0], SPAN[1]) / YEARS * YEARS);
            film.genres.iter().cloned().chain(year.map(|y| y.to_string())).collect()
        };
        let mut places = BTreeMap::new();
        if wanted {
            places.extend(items.iter().flat_map(|(_, film)| of(film)).map(|name| (name, 0)));
        }
        places.values_mut().zip(0..).for_each(|(place, at)| *place = at);
        let width = places.len();
        let mut rows = vec![0.0; items.len() * width];
        for ((_, film), row) in items.iter().zip(rows.chunks_exact_mut(width.max(1))) {
            let own: Vec<usize> = of(film).iter().filter_map(|n| places.get(n).copied()).collect();
            // Rows of length one, so that a film of many genres is no louder.
            let weight = 1.0 / (own.len().max(1) as f32).sqrt();
            own.iter().filter_map(|at| row.get_mut(*at).map(|v| *v = weight)).count();
        }
        Self { names: places.into_keys().collect(), rows }
    }

    /// Features of an item.
    #[must_use]
    pub fn width(&self) -> usize {
        self.names.len()
    }
}

/// Sizes of the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Scorer {
    /// Users.
    pub users: usize,
    /// Items.
    pub items: usize,
    /// Numbers of a vector.
    pub dimension: usize,
    /// What items share.
    pub features: Features,
}

impl Scorer {
    /// The untrained tables: small vectors, and no item ahead of another. The last column of an
    /// item's vector is its bias.
    #[must_use]
    pub fn init(&self, seed: u64) -> Params {
        let mut by = Pcg64::seed_from_u64(seed);
        let mut params = Params::default();
        let small = Start::Uniform { fan_in: 400, gain: 1.0 };
        params.add("user.weight", &[self.users, self.dimension, 1, 1], small, &mut by);
        let wide = self.dimension + 1;
        params.add("item.weight", &[self.items, wide, 1, 1], small, &mut by);
        for param in params.list_mut().iter_mut().filter(|p| p.name == "item.weight") {
            param.values.chunks_exact_mut(wide).filter_map(|c| c.last_mut()).for_each(|b| *b = 0.0);
        }
        if self.features.width() > 0 {
            let shape = [self.features.width(), wide, 1, 1];
            params.add("feature.weight", &shape, Start::Zeros, &mut by);
        }
        params
    }

    /// Scores of pairs of a user and an item, from parameters in training.
    #[must_use]
    pub fn pairs(
        &self,
        leaves: &BTreeMap<String, Leaf>,
        [users, items]: [&[i32]; 2],
        device: &Device,
    ) -> Option<Tensor<1>> {
        let rows = |ids: &[i32]| {
            Tensor::<1, Int>::from_data(TensorData::new(ids.to_vec(), [ids.len()]), device)
        };
        let user = table(leaves, "user.weight")?.select(0, rows(users));
        let mut item = table(leaves, "item.weight")?;
        if let Some(shared) = table(leaves, "feature.weight") {
            let form = [self.items, self.features.width()];
            let weights = TensorData::new(self.features.rows.clone(), form);
            item = item + Tensor::<2>::from_data(weights, device).matmul(shared);
        }
        let item = item.select(0, rows(items));
        let (n, d) = (items.len(), self.dimension);
        let product = user * item.clone().narrow(1, 0, d);
        let sum: Tensor<1> = product.sum_dim(1).reshape([n]);
        Some(sum + item.narrow(1, d, 1).reshape([n]))
    }

    /// The tables as they are exported: what items share is added to each, and the bias stands
    /// alone.
    #[must_use]
    pub fn collapsed(&self, weights: &Params) -> Params {
        let values = |name: &str| weights.get(name).map(|p| p.values.clone()).unwrap_or_default();
        let (user, mut item, shared) =
            (values("user.weight"), values("item.weight"), values("feature.weight"));
        let (wide, width) = (self.dimension + 1, self.features.width());
        if width > 0 {
            let rows = self.features.rows.chunks_exact(width);
            for (vector, row) in item.chunks_exact_mut(wide).zip(rows) {
                for (weight, shared) in row.iter().zip(shared.chunks_exact(wide)) {
                    vector.iter_mut().zip(shared).for_each(|(v, s)| *v += weight * s);
                }
            }
        }
        let split = item.chunks_exact(wide).filter_map(<[f32]>::split_last);
        let (bias, vectors): (Vec<f32>, Vec<&[f32]>) = split.map(|(b, v)| (*b, v)).unzip();
        let mut params = Params::default();
        params.add_values("user.weight", &[self.users, self.dimension, 1, 1], user);
        params.add_values("item.weight", &[self.items, self.dimension, 1, 1], vectors.concat());
        params.add_values("item.bias", &[self.items], bias);
        params
    }

    /// Scores of all items for each user, from collapsed tables.
    #[must_use]
    pub fn scores(&self, collapsed: &Params, user: usize) -> Vec<f32> {
        let values = |name: &str| collapsed.get(name).map_or(&[][..], |p| p.values.as_slice());
        let own = values("user.weight").chunks_exact(self.dimension).nth(user).unwrap_or_default();
        let items = values("item.weight").chunks_exact(self.dimension).zip(values("item.bias"));
        items.map(|(v, bias)| v.iter().zip(own).map(|(a, b)| a * b).sum::<f32>() + bias).collect()
    }
}

fn table(leaves: &BTreeMap<String, Leaf>, name: &str) -> Option<Tensor<2>> {
    match leaves.get(name)? {
        Leaf::Kernel(table) => {
            let [rows, columns, ..] = table.dims();
            Some(table.clone().reshape([rows, columns]))
        }
        Leaf::Bias(_) => None,
    }
}

/// As exported: `Gather` and a matrix product.
impl TaskNet for Scorer {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("user", Role::Tokens, Form::Tokens(1))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(self.items))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(user) = inputs.first() else { return Vec::new() };
        let vector = g.embed(user, "user");
        vec![g.linear(&vector, "item")]
    }
}
