//! RMS norm (Zhang & Sennrich 2019), a row at a time.

use super::host::{SliceOp, dot, run};
use burn::Tensor;

pub(super) fn composed(x: Tensor<2>, weight: &Tensor<1>, epsilon: f64) -> Tensor<2> {
    let inverse = (x.clone().square().mean_dim(1) + epsilon).sqrt().recip();
    x * inverse * weight.clone().unsqueeze::<2>()
}

pub(super) fn host(x: Tensor<2>, weight: &Tensor<1>, epsilon: f64) -> Tensor<2> {
    let shape = x.dims();
    run(RmsNorm { epsilon: epsilon as f32 }, [x.into_dispatch(), weight.clone().into_dispatch()], shape)
}

/// `x · weight / rms(x)`: x `[rows, d]`, weight `[d]`.
#[derive(Clone, Debug)]
pub(crate) struct RmsNorm {
    pub epsilon: f32,
}

impl SliceOp<2> for RmsNorm {
    /// 1 / rms of each row.
    type Saved = Vec<f32>;

    fn forward(&self, [x, weight]: [&[f32]; 2], _: bool) -> (Vec<f32>, Vec<f32>) {
        let d = weight.len();
        let mut inverses = Vec::with_capacity(x.len() / d);
        let mut out = Vec::with_capacity(x.len());
        for row in x.chunks_exact(d) {
            let inverse = 1.0 / (dot(row, row) / d as f32 + self.epsilon).sqrt();
            out.extend(row.iter().zip(weight).map(|(x, w)| x * inverse * w));
            inverses.push(inverse);
        }
        (out, inverses)
    }

    fn backward(
        &self,
        [x, weight]: [&[f32]; 2],
        inverses: Vec<f32>,
        gradient: &[f32],
        wanted: [bool; 2],
    ) -> [Option<Vec<f32>>; 2] {
        let d = weight.len();
        let rows = || x.chunks_exact(d).zip(gradient.chunks_exact(d)).zip(&inverses);
        let dx = wanted[0].then(|| {
            let mut dx = Vec::with_capacity(x.len());
            let mut scaled = vec![0.0; d];
            for ((x, g), inverse) in rows() {
                scaled.iter_mut().zip(g.iter().zip(weight)).for_each(|(s, (g, w))| *s = g * w);
                let pull = dot(&scaled, x) * inverse * inverse * inverse / d as f32;
                dx.extend(scaled.iter().zip(x).map(|(s, x)| s * inverse - x * pull));
            }
            dx
        });
        let dw = wanted[1].then(|| {
            let mut dw = vec![0.0; d];
            for ((x, g), inverse) in rows() {
                dw.iter_mut().zip(x.iter().zip(g)).for_each(|(dw, (x, g))| *dw += g * (x * inverse));
            }
            dw
        });
        [dx, dw]
    }
}
