//! The names that fields of fine-tuning data have, by what they hold. Letter case, and whether words are joined by
//! spaces, dashes or underscores, do not matter.

/// What is to be learned, likeliest first.
pub(super) const COMPLETIONS: [&str; 36] = [
    "completion",
    "response",
    "output",
    "answer",
    "answers",
    "answerkey",
    "answer_key",
    "target",
    "label",
    "summary",
    "translation",
    "reply",
    "code",
    "headline",
    "sentiment",
    "category",
    "completions",
    "responses",
    "outputs",
    "targets",
    "highlights",
    "solution",
    "ground_truth",
    "reference",
    "tgt",
    "target_text",
    "output_text",
    "answer_text",
    "response_text",
    "completion_text",
    "label_text",
    "assistant",
    "bot",
    "gpt",
    "sql",
    "a",
];
/// Of these a list may hold several, each right by itself.
pub(super) const ANSWERS: [&str; 5] = ["answers", "answer", "responses", "targets", "references"];
/// Texts that may well be JSON, and are then to be read as they stand.
const AS_IT_STANDS: [&str; 13] = [
    "completion",
    "response",
    "output",
    "answer",
    "target",
    "label",
    "prompt",
    "instruction",
    "question",
    "query",
    "input",
    "text",
    "code",
];
/// What holds several texts, also where it is JSON in a string.
const HOLDERS: [&str; 10] = [
    "answers",
    "responses",
    "targets",
    "references",
    "choices",
    "options",
    "contexts",
    "passages",
    "documents",
    "translation",
];
/// What an answer follows from, likeliest first.
pub(super) const PROMPTS: [&str; 37] = [
    "prompt",
    "instruction",
    "question",
    "input",
    "source",
    "query",
    "text",
    "context",
    "article",
    "document",
    "review",
    "sentence",
    "message",
    "content",
    "prompts",
    "instructions",
    "questions",
    "inputs",
    "src",
    "source_text",
    "input_text",
    "prompt_text",
    "question_text",
    "problem",
    "problem_statement",
    "utterance",
    "dialogue",
    "user",
    "human",
    "passage",
    "body",
    "tweet",
    "comment",
    "request",
    "task",
    "docstring",
    "q",
];
/// What an instruction or a question speaks of; read after it, or before a question that stands after it.
pub(super) const CONTEXTS: [&str; 16] = [
    "input",
    "inputs",
    "context",
    "contexts",
    "passage",
    "passages",
    "paragraph",
    "background",
    "evidence",
    "knowledge",
    "document",
    "documents",
    "article",
    "choices",
    "options",
    "schema",
];
/// What an instruction may come with instead of an input.
pub(super) const INSTRUCTED: [&str; 4] = ["question", "query", "problem", "sentence"];
/// Prompts that stand before what they speak of, wherever the file has it (Taori et al. 2023).
pub(super) const LEADING: [&str; 4] = ["prompt", "instruction", "prompts", "instructions"];
/// Prompts that may ask for a text, or ask about it.
pub(super) const QUESTIONS: [&str; 3] = ["question", "questions", "query"];
pub(super) const TEXTS: [&str; 6] = ["text", "content", "body", "message", "story", "document"];
/// What names a text, and is rarely what is to be learned.
pub(super) const TITLES: [&str; 1] = ["title"];
pub(super) const SYSTEMS: [&str; 5] =
    ["system", "system_prompt", "system_message", "systeminstruction", "system_instruction"];
pub(super) const HISTORIES: [&str; 3] = ["history", "chat_history", "conversation_history"];
pub(super) const CHATS: [&str; 10] = [
    "messages",
    "conversations",
    "conversation",
    "chat",
    "dialog",
    "dialogue",
    "turns",
    "contents",
    "thread",
    "segments",
];
/// Of two answers the better.
pub(super) const CHOSEN: [&str; 6] =
    ["chosen", "chosen_response", "preferred_output", "preferred", "accepted", "answer_chosen"];
/// What says whether an answer is wanted (TRL's `label`, LLaMA-Factory's `kto_tag`), or learned at all.
pub(super) const WANTED: [&str; 9] =
    ["label", "kto_tag", "kto_label", "desirable", "is_desirable", "wanted", "weight", "train", "trainable"];
/// Marks of an answer that must not be learned.
const REJECTED: [&str; 3] = ["reject", "non_preferred", "dispreferred"];
/// Names of columns that only number the rows.
const INDEX: [&str; 5] = ["unnamed: 0", "index", "level_0", "__index_level_0__", "row_idx"];
/// What tells records apart and where they are from: nothing to learn.
const LABELS_OF_RECORDS: [&str; 14] = [
    "id",
    "_id",
    "idx",
    "uid",
    "uuid",
    "guid",
    "url",
    "link",
    "index",
    "date",
    "timestamp",
    "created_at",
    "prompt_id",
    "row_idx",
];
/// Where an object keeps the text that its name stands for.
const CONTENTS: [&str; 7] = ["text", "content", "value", "body", "parts", "messages", "string"];

fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// How well a column's path speaks for a name: it is the name, or ends in it, or is what an object of the name holds.
fn rank(path: &str, name: &str) -> Option<usize> {
    let path = plain(path);
    let last = path.rsplit('.').next().unwrap_or(&path);
    let held = || path.strip_prefix(name)?.strip_prefix('.').filter(|rest| CONTENTS.contains(rest));
    match path == name {
        true => Some(0),
        false if last == name => Some(1),
        false => held().map(|_| 2),
    }
}

/// The column that one of `names` means, of those that `may` be taken.
pub(super) fn find(columns: &[String], names: &[&str], may: impl Fn(usize) -> bool) -> Option<usize> {
    let of_rank = |wanted: usize| {
        names.iter().find_map(|name| (0..columns.len()).find(|&at| may(at) && rank(&columns[at], name) == Some(wanted)))
    };
    (0..3).find_map(of_rank)
}

/// Whether a path has one of these names.
pub(super) fn is_one_of(path: &str, names: &[&str]) -> bool {
    names.iter().any(|name| rank(path, name).is_some())
}

/// Whether it is a name that columns of training data have.
pub(super) fn is_known(name: &str) -> bool {
    let lists: [&[&str]; 8] = [&TITLES, &COMPLETIONS, &PROMPTS, &TEXTS, &SYSTEMS, &HISTORIES, &CHATS, &CHOSEN];
    let name = plain(name);
    lists.iter().any(|list| list.contains(&name.as_str()))
}

/// Whether a text under this name is to be read as it stands, be it JSON.
pub(super) fn stands(name: &str) -> bool {
    AS_IT_STANDS.contains(&plain(name).as_str())
}

/// Whether JSON in a string under this name stands for what it holds.
pub(super) fn holds(name: &str) -> bool {
    let name = plain(name);
    let lists: [&[&str]; 3] = [&HOLDERS, &CHATS, &HISTORIES];
    lists.iter().any(|list| list.contains(&name.as_str()))
}

/// Whether it is an answer, or one of two.
pub(super) fn is_answer(name: &str) -> bool {
    is_one_of(name, &COMPLETIONS) || is_one_of(name, &CHOSEN) || is_rejected(name)
}

pub(super) fn is_index(name: &str) -> bool {
    INDEX.contains(&plain(name).replace("unnamed:_", "unnamed: ").as_str())
}

pub(super) fn is_rejected(path: &str) -> bool {
    let path = plain(path);
    REJECTED.iter().any(|mark| path.split('.').any(|step| step.starts_with(mark)))
}

/// Whether the column tells records apart, or says where they are from.
pub(super) fn names_records(path: &str) -> bool {
    let path = plain(path);
    let last = path.rsplit('.').next().unwrap_or(&path);
    LABELS_OF_RECORDS.contains(&last) || is_index(path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_their_best_match() {
        let columns: Vec<String> =
            ["meta.prompt", "answers.answer_start", "answers.text", "Question "].map(String::from).into();
        assert_eq!(find(&columns, &PROMPTS, |_| true), Some(3));
        assert_eq!(find(&columns, &PROMPTS, |at| at != 3), Some(0));
        assert_eq!(find(&columns, &COMPLETIONS, |_| true), Some(2));
        assert!(is_rejected("rejected.content") && is_rejected("Rejected Response") && !is_rejected("object"));
        assert!(is_index("Unnamed: 0") && names_records("meta.id") && !names_records("idea"));
    }
}
