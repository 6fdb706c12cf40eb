//! Losses of a batch of pairs: every picture against every sentence.

use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Device, Tensor, TensorData};

use super::settings::{EmbedSettings, Loss, Reduction};

/// What a score is lowered by where it does not count.
const OUT: f32 = 1e4;

/// The loss of `scores`, sentences x pictures, whose pairs are the diagonal. `owners` are the
/// pictures that the rows are about: another row about the same picture is no wrong one.
pub(super) fn pairs(
    settings: &EmbedSettings,
    scores: &Tensor<2>,
    owners: &[usize],
    device: &Device,
) -> Tensor<1> {
    let n = owners.len();
    let ones = |holds: &dyn Fn(usize, usize) -> bool| {
        let values: Vec<f32> =
            (0..n * n).map(|i| f32::from(u8::from(holds(i / n, i % n)))).collect();
        Tensor::<2>::from_data(TensorData::new(values, [n, n]), device)
    };
    let right = ones(&|i, j| i == j);
    let same = ones(&|i, j| i != j && owners[i] == owners[j]);
    let each = match settings.loss {
        Loss::InfoNce => {
            let logits = (scores.clone() - same.mul_scalar(OUT)).div_scalar(settings.temperature);
            let towards = |dim: usize| log_softmax(logits.clone(), dim) * right.clone();
            (towards(0) + towards(1)).sum_dim(1).mul_scalar(-0.5)
        }
        Loss::MaxMargin | Loss::Hardest => {
            let wrong = scores.clone() - (same + right.clone()).mul_scalar(OUT);
            let own = (scores.clone() * right).sum_dim(1);
            let hinge = |own: Tensor<2>| relu(wrong.clone() - own + settings.margin);
            let (rows, columns) = (hinge(own.clone()), hinge(own.transpose()));
            if settings.loss == Loss::Hardest {
                rows.max_dim(1) + columns.transpose().max_dim(1)
            } else {
                rows.sum_dim(1) + columns.transpose().sum_dim(1)
            }
        }
    };
    match settings.reduction {
        Reduction::Mean => each.mean(),
        Reduction::Sum => each.sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(loss: Loss, reduction: Reduction, owners: &[usize]) -> f32 {
        let settings = EmbedSettings {
            loss,
            reduction,
            margin: 0.2,
            temperature: 0.5,
            ..EmbedSettings::default()
        };
        let device = Device::flex();
        let scores = vec![0.5f32, 0.4, 0.1, 0.0, 0.3, 0.6, 0.2, 0.1, 0.9];
        let scores = Tensor::<2>::from_data(TensorData::new(scores, [3, 3]), &device);
        let value = pairs(&settings, &scores, owners, &device);
        value.into_data().try_to_vec::<f32>().unwrap()[0]
    }

    #[test]
    fn hinges_by_hand() {
        // Rows: 0.1 + 0, 0 + 0.5, 0 + 0. Columns: 0 + 0, 0.3 + 0, 0 + 0.
        let all = [0, 1, 2];
        assert!((loss(Loss::MaxMargin, Reduction::Sum, &all) - 0.9).abs() < 1e-5);
        assert!((loss(Loss::MaxMargin, Reduction::Mean, &all) - 0.3).abs() < 1e-5);
        assert!((loss(Loss::Hardest, Reduction::Sum, &all) - 0.9).abs() < 1e-5);
        // The second and third sentence are about one picture: 0.5 is no mistake any more.
        assert!((loss(Loss::MaxMargin, Reduction::Sum, &[0, 7, 7]) - 0.4).abs() < 1e-5);
    }

    #[test]
    fn cross_entropy_by_hand() {
        let scores = [[0.5f64, 0.4, 0.1], [0.0, 0.3, 0.6], [0.2, 0.1, 0.9]];
        let ln = |own: f64, all: [f64; 3]| {
            (own / 0.5) - all.map(|v| (v / 0.5).exp()).iter().sum::<f64>().ln()
        };
        let mut sum = 0.0;
        for (i, row) in scores.iter().enumerate() {
            let column = [scores[0][i], scores[1][i], scores[2][i]];
            sum -= 0.5 * (ln(row[i], *row) + ln(row[i], column));
        }
        let got = loss(Loss::InfoNce, Reduction::Sum, &[0, 1, 2]);
        assert!((f64::from(got) - sum).abs() < 1e-4, "{got} {sum}");
        assert!(loss(Loss::InfoNce, Reduction::Sum, &[0, 7, 7]) < got);
    }
}
