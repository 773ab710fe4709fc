use super::*;
use crate::data::Message;
use proptest::prelude::*;

fn file(name: &str, text: impl AsRef<[u8]>) -> File {
    let bytes = text.as_ref().to_vec();
    File { name: name.into(), size: bytes.len() as u64, bytes }
}

fn read_one(name: &str, text: impl AsRef<[u8]>) -> Result<UserData, UserError> {
    read(name, &[file(name, text)], &Options::default())
}

fn all(data: &UserData) -> Vec<&Example> {
    let Splits { train, dev, test } = &data.splits;
    let mut all: Vec<&Example> = train.iter().chain(dev).chain(test).collect();
    all.sort_by_key(|example| (&example.prompt, &example.completion));
    all
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|i| line(i) + "\n").collect()
}

#[test]
fn every_usual_shape_is_read_without_asking() {
    let shapes = [
        ("a.csv", format!("prompt,completion\n{}", lines(20, |i| format!("\"say, {i}\",yes {i}")))),
        ("a.tsv", format!("question\tanswer\n{}", lines(20, |i| format!("say, {i}\tyes {i}")))),
        ("a.jsonl", lines(20, |i| format!(r#"{{"prompt":"say, {i}","completion":"yes {i}"}}"#))),
        ("b.jsonl", lines(20, |i| format!(r#"{{"instruction":"say, {i}","input":"","output":"yes {i}"}}"#))),
        ("pasted", format!("input;output\n{}", lines(20, |i| format!("say, {i};yes {i}")))),
    ];
    for (name, text) in shapes {
        let data = read_one(name, text).unwrap();
        assert_eq!(all(&data).len(), 20, "{name}");
        assert_eq!(*all(&data)[0], Example::new("say, 0\n", "yes 0"), "{name}");
        assert_eq!(data.notes, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn instructions_bring_their_input() {
    let text = lines(9, |i| format!(r#"{{"instruction":"Add one.","input":"{i}","output":"{}"}}"#, i + 1));
    assert_eq!(*all(&read_one("a.jsonl", text).unwrap())[0], Example::new("Add one.\n0\n", "1"));
}

#[test]
fn every_answer_in_a_chat_is_an_example() {
    let text = lines(9, |i| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"hi {i}"}},{{"role":"assistant","content":"ho"}},
            {{"role":"user","content":[{{"type":"text","text":"bye"}}]}},{{"role":"assistant","content":"so long"}}]}}"#
        )
        .replace('\n', " ")
    });
    let data = read_one("chat.jsonl", text).unwrap();
    assert_eq!(all(&data).len(), 18);
    let chat = ["hi 0", "ho", "bye", "so long"].iter().zip(["user", "assistant"].iter().cycle());
    let chat: Vec<Message> = chat.map(|(text, role)| Message::new(role, *text)).collect();
    let expected = |turns: usize, prompt: &str, completion: &str| Example {
        chat: chat[..turns].to_vec(),
        ..Example::new(prompt, completion)
    };
    assert_eq!(*all(&data)[0], expected(2, "user: hi 0\nassistant:", " ho"));
    assert_eq!(*all(&data)[1], expected(4, "user: hi 0\nassistant: ho\nuser: bye\nassistant:", " so long"));
}

#[test]
fn columns_can_be_chosen_and_a_hard_guess_is_said() {
    let text = format!("id,body_a,body_b\n{}", lines(12, |i| format!("{i},short {i},a much longer text {i}")));
    let guessed = read_one("a.csv", &text).unwrap();
    assert_eq!(guessed.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "body_a", "body_b"]);
    assert_eq!(guessed.columns[2].sample, "a much longer text 0");
    assert_eq!(guessed.chosen.as_ref().unwrap().completion, "body_b");
    assert!(guessed.notes[0].contains("choose other columns"));
    let choice = ColumnChoice { prompt: Some("body_b".into()), completion: "body_a".into() };
    let options = Options { columns: Some(choice.clone()), ..Options::default() };
    let chosen = read("a", &[file("a.csv", &text)], &options).unwrap();
    assert_eq!(*all(&chosen)[0], Example::new("a much longer text 0\n", "short 0"));
    assert_ne!(chosen.sha256, guessed.sha256);
    let wrong = Options { columns: Some(ColumnChoice { prompt: None, completion: "x".into() }), ..options };
    let error = read("a", &[file("a.csv", &text)], &wrong).unwrap_err();
    assert_eq!(error.to_string(), "a.csv has no column “x”. Its columns are: id, body_a, body_b");
}

#[test]
fn a_table_without_header_keeps_its_first_row() {
    let data = read_one("a.csv", lines(10, |i| format!("{i},text {i}"))).unwrap();
    assert_eq!(all(&data).len(), 10);
    assert_eq!(data.columns[1].name, "column 2");
}

#[test]
fn malformed_lines_are_named_or_left_out() {
    let text = lines(20, |i| if i == 6 { "{oops".into() } else { format!(r#"{{"text":"number {i} is here"}}"#) });
    let error = read_one("a.jsonl", &text).unwrap_err().to_string();
    assert!(
        error.starts_with("a.jsonl, line 7: not JSON (key must be a string, at character 2). 1 of 20 lines"),
        "{error}"
    );
    let lenient = Options { skip_malformed: true, ..Options::default() };
    let data = read("a", &[file("a.jsonl", &text)], &lenient).unwrap();
    assert_eq!(all(&data).len(), 19);
    assert!(data.notes[0].starts_with("Left out 1 malformed lines of a.jsonl, the first at line 7"));

    let text = format!("a,b\n{}", lines(20, |i| if i == 3 { "1,2,3".into() } else { format!("p{i},c{i}") }));
    let error = read_one("a.csv", &text).unwrap_err().to_string();
    assert!(error.starts_with("a.csv, line 5: 3 cells where the header has 2. 1 of 21 lines"), "{error}");
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    assert_eq!(read("a", &[], &Options::default()).unwrap_err(), UserError::Nothing);
    assert_eq!(read_one("a.txt", " \n ").unwrap_err().to_string(), "a.txt is empty");
    assert!(read_one("a.txt", "Too short.").unwrap_err().to_string().contains("only 1 different examples"));
    let fields = lines(300, |i| format!(r#"{{"k{i}":"x"}}"#));
    assert!(read_one("a.jsonl", fields).unwrap_err().to_string().contains("line 257: with it the records have more"));
    assert!(read_one("a.jsonl", "[1,2]").unwrap_err().to_string().contains("line 1: a number where an object"));
    assert_eq!(read_one("a.csv", "prompt,completion\n").unwrap_err(), UserError::NoText { file: "a.csv".into() });
}

#[test]
fn a_huge_file_is_read_in_part_and_says_so() {
    let line = "{\"text\": \"a line of a very large file, the same again and again\"}\n";
    let bytes = line.repeat(20).into_bytes();
    let mut start = bytes.clone();
    start.extend(lines(30, |i| format!(r#"{{"text": "line {i}"}}"#)).bytes());
    start.extend(b"{\"text\": \"cut he");
    let data = read("big", &[File { name: "big.jsonl".into(), bytes: start, size: 500 << 20 }], &Options::default());
    let data = data.unwrap();
    assert_eq!(all(&data).len(), 31);
    assert!(data.notes[0].starts_with("Used the first 0.0 MiB of 500.0 MiB of big.jsonl"));
    assert_eq!(data.notes[1], "Left out 19 examples that repeat another.");
}

#[test]
fn several_files_are_one_data_set_and_the_hash_is_of_the_content() {
    let [a, b] = [0, 10].map(|from| lines(10, |i| format!(r#"{{"text":"number {}"}}"#, i + from)));
    let two = read("x", &[file("a.jsonl", &a), file("b.jsonl", &b)], &Options::default()).unwrap();
    let one = read("y", &[file("c.jsonl", a + &b)], &Options::default()).unwrap();
    assert_eq!((two.sha256, two.splits), (one.sha256, one.splits));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400), ending in "(txt|md|csv|tsv|jsonl|json|bin|)", cut: bool,
    ) {
        let size = bytes.len() as u64 + u64::from(cut) * 1000;
        let _ = read("x", &[File { name: format!("x.{ending}"), bytes, size }], &Options::default());
    }

    #[test]
    fn no_structured_text_makes_it_panic(
        text in r#"([{}\[\]",:;\t\n|]|text|prompt|messages|role|content|assistant|null|7|é| ){0,200}"#,
        ending in "(csv|tsv|jsonl|json|)", skip_malformed: bool,
    ) {
        let options = Options { skip_malformed, columns: None };
        if let Ok(data) = read("x", &[file(&format!("x.{ending}"), text)], &options) {
            prop_assert!(all(&data).iter().all(|example| !example.completion.trim().is_empty()));
        }
    }
}
