//! Layer norm (Ba et al. 2016), a row at a time.

use super::host::{SliceOp, add, dot, run, sum};
use burn::Tensor;

pub(super) fn composed(x: Tensor<2>, weight: &Tensor<1>, bias: &Tensor<1>, epsilon: f64) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1);
    let inverse = (centred.clone().square().mean_dim(1) + epsilon).sqrt().recip();
    centred * inverse * weight.clone().unsqueeze::<2>() + bias.clone().unsqueeze::<2>()
}

pub(super) fn host(x: Tensor<2>, weight: &Tensor<1>, bias: &Tensor<1>, epsilon: f64) -> Tensor<2> {
    let shape = x.dims();
    let inputs = [x.into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    run(LayerNorm { epsilon: epsilon as f32 }, inputs, shape)
}

/// `(x - mean) / deviation · weight + bias`: x `[rows, d]`, weight and bias `[d]`.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    pub epsilon: f32,
}

impl SliceOp<3> for LayerNorm {
    /// Mean and 1 / deviation of each row.
    type Saved = Vec<(f32, f32)>;

    fn forward(&self, [x, weight, bias]: [&[f32]; 3], _: bool) -> (Vec<f32>, Self::Saved) {
        let d = weight.len();
        let mut saved = Vec::with_capacity(x.len() / d);
        let mut out = Vec::with_capacity(x.len());
        let mut centred = vec![0.0; d];
        for row in x.chunks_exact(d) {
            let mean = sum(row) / d as f32;
            centred.iter_mut().zip(row).for_each(|(c, x)| *c = x - mean);
            let inverse = 1.0 / (dot(&centred, &centred) / d as f32 + self.epsilon).sqrt();
            out.extend(centred.iter().zip(weight.iter().zip(bias)).map(|(c, (w, b))| c * inverse * w + b));
            saved.push((mean, inverse));
        }
        (out, saved)
    }

    fn backward(
        &self,
        [x, weight, bias]: [&[f32]; 3],
        saved: Self::Saved,
        gradient: &[f32],
        wanted: [bool; 3],
    ) -> [Option<Vec<f32>>; 3] {
        let d = weight.len();
        let mut dx = wanted[0].then(|| Vec::with_capacity(x.len()));
        let mut dw = wanted[1].then(|| vec![0.0; d]);
        let mut db = wanted[2].then(|| vec![0.0; bias.len()]);
        let (mut normed, mut scaled) = (vec![0.0; d], vec![0.0; d]);
        for ((x, g), &(mean, inverse)) in x.chunks_exact(d).zip(gradient.chunks_exact(d)).zip(&saved) {
            normed.iter_mut().zip(x).for_each(|(n, x)| *n = (x - mean) * inverse);
            if let Some(dx) = &mut dx {
                scaled.iter_mut().zip(g.iter().zip(weight)).for_each(|(s, (g, w))| *s = g * w);
                let (level, slope) = (sum(&scaled) / d as f32, dot(&scaled, &normed) / d as f32);
                dx.extend(scaled.iter().zip(&normed).map(|(s, n)| inverse * (s - level - n * slope)));
            }
            if let Some(dw) = &mut dw {
                dw.iter_mut().zip(normed.iter().zip(g)).for_each(|(dw, (n, g))| *dw += n * g);
            }
            if let Some(db) = &mut db {
                add(db, g);
            }
        }
        [dx, dw, db]
    }
}
