//! RMS norm and layer norm, a row at a time.

use super::dot;
use super::op::HostOp;

/// `x · weight / rms(x)`: x `[rows, d]`, weight `[d]`.
#[derive(Clone, Debug)]
pub(crate) struct RmsNorm {
    pub epsilon: f32,
}

impl HostOp<2> for RmsNorm {
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

/// `(x - mean) / deviation · weight + bias`: x `[rows, d]`, weight and bias `[d]`.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    pub epsilon: f32,
}

impl HostOp<3> for LayerNorm {
    /// Mean and 1 / deviation of each row.
    type Saved = Vec<(f32, f32)>;

    fn forward(&self, [x, weight, bias]: [&[f32]; 3], _: bool) -> (Vec<f32>, Self::Saved) {
        let d = weight.len();
        let mut saved = Vec::with_capacity(x.len() / d);
        let mut out = Vec::with_capacity(x.len());
        let mut centred = vec![0.0; d];
        for row in x.chunks_exact(d) {
            let mean = super::sum(row) / d as f32;
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
                let (level, slope) = (super::sum(&scaled) / d as f32, dot(&scaled, &normed) / d as f32);
                dx.extend(scaled.iter().zip(&normed).map(|(s, n)| inverse * (s - level - n * slope)));
            }
            if let Some(dw) = &mut dw {
                dw.iter_mut().zip(normed.iter().zip(g)).for_each(|(dw, (n, g))| *dw += n * g);
            }
            if let Some(db) = &mut db {
                super::add(db, g);
            }
        }
        [dx, dw, db]
    }
}
