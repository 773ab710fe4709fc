//! The decoder's parameters by name and shape, in the order they are built: what a checkpoint must give and what
//! an export writes.

use crate::spec::{Activation, ModelConfig, Norm, Position};

/// Every parameter of a model of this config. Linear weights are `[in, out]`.
pub fn parameter_shapes(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let (d, ff) = (config.d_model, config.d_ff);
    let q = config.heads * config.head_dim;
    let kv = config.kv_heads * config.head_dim;
    let mut list = Vec::new();
    let mut add = |name: String, shape: &[usize]| list.push((name, shape.to_vec()));

    add("embed.weight".into(), &[config.vocab_size, d]);
    if config.position == Position::Learned {
        add("positions.weight".into(), &[config.context, d]);
    }
    for layer in 0..config.layers {
        let block = |part: &str| format!("blocks.{layer}.{part}");
        let mut linear = |part: &str, input: usize, output: usize, bias: bool| {
            add(format!("{}.weight", block(part)), &[input, output]);
            if bias {
                add(format!("{}.bias", block(part)), &[output]);
            }
        };
        linear("attention.query", d, q, config.bias.qkv);
        linear("attention.key", d, kv, config.bias.qkv);
        linear("attention.value", d, kv, config.bias.qkv);
        linear("attention.out", q, d, config.bias.attention_out);
        if config.activation == Activation::SwiGlu {
            linear("mlp.gate", d, ff, config.bias.mlp);
        }
        linear("mlp.up", d, ff, config.bias.mlp);
        linear("mlp.down", ff, d, config.bias.mlp);
        if config.qk_norm {
            add(block("attention.query_norm.weight"), &[config.head_dim]);
            add(block("attention.key_norm.weight"), &[config.head_dim]);
        }
        for norm in ["norm_attention", "norm_mlp"] {
            add(block(&format!("{norm}.weight")), &[d]);
            if config.norm == Norm::Layer {
                add(block(&format!("{norm}.bias")), &[d]);
            }
        }
    }
    add("norm.weight".into(), &[d]);
    if config.norm == Norm::Layer {
        add("norm.bias".into(), &[d]);
    }
    if !config.tied_embeddings {
        add("head.weight".into(), &[d, config.vocab_size]);
    }
    if config.bias.head {
        add("head.bias".into(), &[config.vocab_size]);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Bias;

    fn check(config: ModelConfig) {
        let total: usize = parameter_shapes(&config).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(total as u64, config.parameters().total);
    }

    #[test]
    fn shapes_add_up_to_the_count() {
        let ladder = ModelConfig::ladder(512, 64, 96, 3);
        check(ladder.clone());
        check(ModelConfig { kv_heads: 1, qk_norm: true, tied_embeddings: false, ..ladder.clone() });
        check(ModelConfig {
            norm: Norm::Layer,
            position: Position::Learned,
            activation: Activation::Gelu,
            bias: Bias { qkv: true, attention_out: true, mlp: true, head: true },
            ..ladder
        });
    }
}
