//! What a file of records yields, whatever its format: named fields in the file's order.

use super::malformed::Malformed;
use super::value::Value;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    /// Its line, or its number where lines say nothing.
    pub at: usize,
    pub fields: Vec<(String, Value)>,
}

/// A cell that cannot be read as those of its column are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Broken {
    pub column: String,
    pub reason: String,
}

/// The records of a file.
pub(super) struct Records {
    pub records: Vec<Record>,
    pub malformed: Malformed,
    /// What was decided in reading, a sentence each.
    pub notes: Vec<String>,
    /// Columns that only number the rows.
    pub index: Vec<String>,
    /// Names that several columns have.
    pub repeated: Vec<String>,
    /// Whether the format knows text only, so that lists and objects stand in it as JSON.
    pub text_only: bool,
}
