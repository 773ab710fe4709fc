//! A large parameter in parts, so that a checkpoint larger than memory is packed as it is read: bands of rows where
//! the file has our layout, bands of columns where it is transposed.

use super::checkpoint::Checkpoint;
use super::files::Files;
use super::stored::StoredTensor;
use crate::engine::model::{ModelError, Part};
use crate::spec::{BLOCK, ParameterSpec};
use std::ops::Range;

/// Numbers that are read at once, about: 1 MB as f32.
const AT_ONCE: usize = 1 << 18;

impl<F: Files> Checkpoint<F> {
    pub(super) fn read_parts(
        &self,
        parameter: &ParameterSpec,
        [rows, columns]: [usize; 2],
        take: &mut dyn FnMut(Part) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let tensor = self.stored(parameter)?;
        let stored = tensor.stored_shape(&[rows, columns]);
        let read = |lines: Range<usize>| self.tensors.read_rows(&tensor.name, &stored, lines);
        match tensor.transposed {
            false => {
                for rows in bands(rows, (AT_ONCE / stored[1]).max(1)) {
                    let values = tensor.read(&[rows.len(), columns], read(rows.clone())?);
                    take(Part { rows, columns: 0..columns, values })?;
                }
            }
            true => {
                for columns_here in bands(columns, (AT_ONCE / rows / BLOCK).max(1) * BLOCK) {
                    let mut values = Vec::with_capacity(rows * columns_here.len());
                    for lines in tensor.stored_lines(columns_here.clone(), columns) {
                        values.extend(read(lines)?);
                    }
                    let plain = StoredTensor { fused: None, ..tensor.clone() };
                    let values = plain.read(&[rows, columns_here.len()], values);
                    take(Part { rows: 0..rows, columns: columns_here, values })?;
                }
            }
        }
        Ok(())
    }
}

fn bands(all: usize, band: usize) -> impl Iterator<Item = Range<usize>> {
    (0..all).step_by(band).map(move |start| start..all.min(start + band))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::formats::{Description, MemoryFiles, write_folder};
    use crate::engine::model::{InitialWeights, WeightSource};
    use crate::seed::Seed;

    /// Models whose matrices take several parts, one for each way a parameter can lie in a file.
    fn configs() -> Vec<serde_json::Value> {
        let gpt2 = serde_json::json!({
            "model_type": "gpt2", "vocab_size": 1500, "n_positions": 8, "n_embd": 768, "n_layer": 1, "n_head": 12,
            "activation_function": "gelu_new",
        });
        let neox = serde_json::json!({
            "model_type": "gpt_neox", "vocab_size": 100, "max_position_embeddings": 8, "hidden_size": 768,
            "num_hidden_layers": 1, "num_attention_heads": 24, "intermediate_size": 1500, "hidden_act": "gelu",
            "rotary_pct": 0.25,
        });
        vec![gpt2, neox]
    }

    #[test]
    fn parts_of_a_file_are_the_whole_parameter() {
        for json in configs() {
            let description = Description::read(json).expect("a config");
            let files =
                write_folder(&description, &mut InitialWeights(Seed(1)), None, crate::engine::formats::Width::F32, &[]);
            let files = files.expect("files").into_iter().collect::<MemoryFiles>();
            let mut checkpoint = Checkpoint::open(files).expect("a checkpoint");
            let mut several = 0;
            for parameter in description.config.parameter_table() {
                let Some([rows, columns]) = parameter.matrix() else { continue };
                let name = &parameter.name;
                let whole = checkpoint.parameter(&parameter).expect("a tensor");
                let (mut seen, mut parts) = (0, 0);
                let mut take = |part: Part| {
                    let width = part.columns.len();
                    assert!(part.columns.start.is_multiple_of(BLOCK));
                    for (row, values) in part.rows.clone().zip(part.values.chunks(width)) {
                        assert_eq!(values, &whole[row * columns..][part.columns.clone()], "{name}, row {row}");
                    }
                    seen += part.values.len();
                    parts += 1;
                    Ok(())
                };
                checkpoint.parts(&parameter, [rows, columns], &mut take).expect("parts");
                assert_eq!(seen, whole.len(), "{name}");
                several += usize::from(parts > 1);
            }
            assert!(several > 1, "only {several} parameters came in parts");
        }
    }
}
