//! Which rows of a pass belong to which sequence, and where each stands in it.

use std::ops::Range;
use std::sync::Arc;

/// Sequences laid end to end, with nothing between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where each sequence ends; it begins where the one before it does.
    ends: Arc<[usize]>,
    /// The position of each row in its sequence.
    positions: Arc<[u32]>,
    regular: Option<Regular>,
}

/// Sequences of one length at consecutive positions: tensors of one shape hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regular {
    pub sequences: usize,
    pub tokens: usize,
    /// The position of each first token.
    pub offset: usize,
}

impl Layout {
    /// `sequences` of `tokens` each, the first at position `offset`.
    pub fn regular(sequences: usize, tokens: usize, offset: usize) -> Self {
        let positions = (0..sequences).flat_map(|_| offset as u32..(offset + tokens) as u32).collect();
        Layout::new((1..=sequences).map(|index| index * tokens).collect(), positions)
    }

    /// Sequences of these lengths, each from position 0 on.
    pub fn ragged(lengths: &[usize]) -> Self {
        let ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        Layout::new(ends.collect(), lengths.iter().flat_map(|&length| 0..length as u32).collect())
    }

    fn new(ends: Vec<usize>, positions: Vec<u32>) -> Self {
        let tokens = ends.first().copied().unwrap_or(0);
        let offset = positions.first().map_or(0, |&first| first as usize);
        let one_length = ends.iter().zip(1..).all(|(&end, index)| end == index * tokens);
        let consecutive =
            || positions.iter().enumerate().all(|(row, &position)| position as usize == offset + row % tokens);
        let regular =
            (tokens > 0 && one_length && consecutive()).then_some(Regular { sequences: ends.len(), tokens, offset });
        Layout { ends: ends.into(), positions: positions.into(), regular }
    }

    /// The rows of these numbers alone, which ascend.
    pub fn select(&self, rows: &[u32]) -> Self {
        let ends = self.ends.iter().map(|&end| rows.partition_point(|&row| (row as usize) < end)).collect();
        Layout::new(ends, rows.iter().map(|&row| self.positions[row as usize]).collect())
    }

    /// Each sequence with `count` rows more before it.
    pub fn after(&self, count: usize) -> Self {
        Layout::ragged(&self.sequences().map(|rows| count + rows.len()).collect::<Vec<_>>())
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.positions.len()
    }

    /// The rows of each sequence.
    pub fn sequences(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter()).map(|(start, &end)| start..end)
    }

    /// The position of each row in its sequence.
    pub fn positions(&self) -> &Arc<[u32]> {
        &self.positions
    }

    /// Its shape where all sequences have one.
    pub fn as_regular(&self) -> Option<Regular> {
        self.regular
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_one_length_are_regular_however_they_came() {
        let shape = |layout: &Layout| layout.as_regular().map(|r| (r.sequences, r.tokens, r.offset));
        let ragged = Layout::ragged(&[3, 1, 2]);
        assert_eq!((ragged.rows(), shape(&ragged)), (6, None));
        assert_eq!(ragged.sequences().collect::<Vec<_>>(), [0..3, 3..4, 4..6]);
        assert_eq!(**ragged.positions(), [0, 1, 2, 0, 0, 1]);
        assert_eq!(Layout::ragged(&[2, 2]), Layout::regular(2, 2, 0));
        assert_eq!(shape(&Layout::regular(1, 3, 5)), Some((1, 3, 5)));
        let longer = Layout::regular(2, 2, 0).after(3);
        assert_eq!(longer, Layout::regular(2, 5, 0));
        assert_eq!(longer.select(&[3, 4, 8, 9]), Layout::regular(2, 2, 3));
        let some = ragged.select(&[1, 2, 5]);
        assert_eq!(some.sequences().collect::<Vec<_>>(), [0..2, 2..2, 2..3]);
        assert_eq!((&**some.positions(), shape(&some)), (&[1, 2, 1][..], None));
        assert_eq!(shape(&Layout::ragged(&[])), None);
    }
}
