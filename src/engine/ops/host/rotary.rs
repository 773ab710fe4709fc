//! Rotary embedding on rows of heads; the derivative is the rotation back.

use super::op::HostOp;
use std::sync::Arc;

/// x `[batch · tokens, heads · head_dim]`.
#[derive(Clone, Debug)]
pub(crate) struct Rotate {
    /// `[positions, half]`
    pub cos: Arc<[f32]>,
    pub sin: Arc<[f32]>,
    pub half: usize,
    pub tokens: usize,
    pub offset: usize,
    pub heads: usize,
    pub head_dim: usize,
}

impl Rotate {
    fn rotate(&self, x: &[f32], direction: f32) -> Vec<f32> {
        let mut out = x.to_vec();
        for (row, values) in out.chunks_exact_mut(self.heads * self.head_dim).enumerate() {
            let at = (self.offset + row % self.tokens) * self.half;
            let (cos, sin) = (&self.cos[at..at + self.half], &self.sin[at..at + self.half]);
            for head in values.chunks_exact_mut(self.head_dim) {
                let (first, second) = head[..2 * self.half].split_at_mut(self.half);
                for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
                    let sin = direction * sin;
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        }
        out
    }
}

impl HostOp<1> for Rotate {
    type Saved = ();

    fn forward(&self, [x]: [&[f32]; 1], _: bool) -> (Vec<f32>, ()) {
        (self.rotate(x, 1.0), ())
    }

    fn backward(&self, _: [&[f32]; 1], (): (), gradient: &[f32], _: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        [Some(self.rotate(gradient, -1.0))]
    }
}
