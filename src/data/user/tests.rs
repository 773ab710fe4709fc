use super::*;
use crate::data::{ByteTokenizer, Message, Splits};
use crate::record::FieldRole;
use proptest::prelude::*;

fn file(name: &str, text: impl AsRef<[u8]>) -> File {
    let bytes = text.as_ref().to_vec();
    File { name: name.into(), size: bytes.len() as u64, bytes }
}

fn read_one(name: &str, text: impl AsRef<[u8]>) -> Result<UserData, UserError> {
    read(name, &[file(name, text)], &ReadOptions::default())
}

fn read_with(name: &str, text: &str, columns: &str) -> Result<UserData, UserError> {
    let options = ReadOptions { columns: Some(columns.parse().unwrap()), ..ReadOptions::default() };
    read(name, &[file(name, text)], &options)
}

fn error(name: &str, text: impl AsRef<[u8]>) -> String {
    read_one(name, text).unwrap_err().to_string()
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|i| line(i) + "\n").collect()
}

/// Prompts and completions in the order of the file.
fn pairs(data: &UserData) -> Vec<(&str, &str)> {
    data.examples.iter().map(|example| (example.prompt.as_str(), example.completion.as_str())).collect()
}

/// One record is read as this pair.
fn check(record: &str, prompt: &str, completion: &str) {
    let data = read_one("a.jsonl", record).unwrap();
    assert_eq!(pairs(&data), [(prompt, completion)], "{record}");
}

fn roles(data: &UserData) -> Vec<(&str, FieldRole)> {
    data.reading.fields.iter().map(|field| (field.name.as_str(), field.role)).collect()
}

#[test]
fn every_usual_shape_is_read_without_asking() {
    let shapes = [
        ("a.csv", format!("prompt,completion\n{}", lines(20, |i| format!("\"say, {i}\",yes {i}")))),
        ("a.tsv", format!("question\tanswer\n{}", lines(20, |i| format!("say, {i}\tyes {i}")))),
        ("a.jsonl", lines(20, |i| format!(r#"{{"prompt":"say, {i}","completion":"yes {i}"}}"#))),
        ("b.jsonl", lines(20, |i| format!(r#"{{"instruction":"say, {i}","input":"","output":"yes {i}"}}"#))),
        ("pasted", format!("input;output\n{}", lines(20, |i| format!("say, {i};yes {i}")))),
        ("c.jsonl", lines(20, |i| format!(r#"{{"question":"say, {i}","answers":"yes {i}"}}"#))),
        ("d.jsonl", lines(20, |i| format!(r#"{{"id":{i},"prompt":"say, {i}","chosen":"yes {i}","rejected":"no"}}"#))),
    ];
    for (name, text) in shapes {
        let data = read_one(name, text).unwrap();
        assert_eq!((data.examples.len(), pairs(&data)[0]), (20, ("say, 0\n", "yes 0")), "{name}");
        assert_eq!(data.reading.notes, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn json_is_read_however_its_records_are_held() {
    let row = |i: usize| format!(r#"{{"prompt":"say {i}","completion":"yes {i}"}}"#);
    let list = format!("[{}]", (0..9).map(row).collect::<Vec<_>>().join(",\n"));
    let column = |word: &str| (0..9).map(|i| format!("\"{word} {i}\"")).collect::<Vec<_>>().join(",");
    let indexed = |word: &str| (0..9).map(|i| format!("\"{i}\":\"{word} {i}\"")).collect::<Vec<_>>().join(",");
    let rows = (0..9).map(|i| format!("\"{i}\":{}", row(i))).collect::<Vec<_>>().join(",");
    let split = (0..9).map(|i| format!(r#"["say {i}","yes {i}"]"#)).collect::<Vec<_>>().join(",");
    let served = (0..9).map(|i| format!(r#"{{"row_idx":{i},"row":{}}}"#, row(i))).collect::<Vec<_>>().join(",");
    let shapes = [
        list.clone(),
        format!(r#"{{"version":"1.1","data":{list}}}"#),
        format!(r#"{{"dataset":{{"name":"x","records":{list}}}}}"#),
        format!(r#"{{"prompt":[{}],"completion":[{}]}}"#, column("say"), column("yes")),
        format!(r#"{{"prompt":{{{}}},"completion":{{{}}}}}"#, indexed("say"), indexed("yes")),
        format!("{{{rows}}}"),
        format!(r#"{{"columns":["prompt","completion"],"index":[0],"data":[{split}]}}"#),
        format!(r#"{{"features":[{{"name":"prompt"}}],"rows":[{served}]}}"#),
    ];
    for text in shapes {
        let data = read_one("a.json", &text).unwrap();
        assert_eq!((data.examples.len(), pairs(&data)[8]), (9, ("say 8\n", "yes 8")), "{text}");
    }
    let data = read_one("a.json", format!(r#"{{"version":"1.1","data":{list}}}"#)).unwrap();
    assert_eq!(data.reading.notes, ["The records are those under “data”; beside it, not used: version."]);
    let two = format!(r#"{{"train":{list},"test":{list}}}"#);
    assert!(error("a.json", two).contains("records stand under several names (train, test)"));
    let uneven = error("a.json", r#"{"prompt":["a","b"],"completion":["c"]}"#);
    assert!(uneven.contains("“prompt” has 2 values and “completion” 1"), "{uneven}");
}

#[test]
fn what_belongs_to_a_question_is_read_with_it() {
    check(r#"{"instruction":"Add one.","input":"1","output":"2"}"#, "Add one.\n1\n", "2");
    check(r#"{"input":"1","instruction":"Add one.","output":"2"}"#, "Add one.\n1\n", "2");
    check(r#"{"instruction":"Why?","context":"It is.","response":"So.","category":"qa"}"#, "Why?\nIt is.\n", "So.");
    check(r#"{"context":"It is.","question":"Why?","answer":"So."}"#, "It is.\nWhy?\n", "So.");
    check(r#"{"instruction":"Answer.","question":"Why?","answer":"So."}"#, "Answer.\nWhy?\n", "So.");
    check(r#"{"question":"Which?","choices":["a","b"],"answer":1}"#, "Which?\na\nb\n", "1");
    let history = r#"{"instruction":"c","input":"","output":"d","system":"be kind","history":[["a","b"]]}"#;
    check(history, "be kind\na\nb\nc\n", "d");
    let squad =
        r#"{"id":"0","title":"T","context":"It is.","question":"Why?","answers":{"text":["So."],"answer_start":[3]}}"#;
    check(squad, "It is.\nWhy?\n", "So.");
    let articles = r#"{"version":"2","data":[{"title":"T","paragraphs":[{"context":"It is.","qas":[
        {"id":"0","question":"Why?","answers":[{"text":"So.","answer_start":3},{"text":"Thus.","answer_start":0}]},
        {"id":"1","question":"When?","answers":[]}]}]}]}"#;
    let data = read_one("a.json", articles).unwrap();
    assert_eq!(pairs(&data), [("It is.\nWhy?\n", "So.")]);
    assert!(data.reading.notes.iter().any(|note| note.contains("lists several answers in 1 records")));
    assert_eq!(data.reading.left_out[0].to_string(), "1 left out: nothing to learn in them");
}

#[test]
fn lists_and_objects_are_never_learned_as_json() {
    check(r#"{"translation":{"en":"yes","fr":"oui"}}"#, "yes\n", "oui");
    check(r#"{"id":"1","input":{"text":"a"},"output":{"text":"b"}}"#, "a\n", "b");
    let steps = r#"{"prompt":"a","completion":["b","c"]}"#;
    let refused = error("a.jsonl", steps);
    assert!(
        refused.contains("“completion” is a list, not text: name the part to read, such as “completion.0”"),
        "{refused}"
    );
    assert_eq!(pairs(&read_with("a.jsonl", steps, "prompt=prompt,completion=completion.1").unwrap()), [("a\n", "c")]);
    let csv = "id,translation\n0,\"{\"\"en\"\": \"\"yes\"\", \"\"fr\"\": \"\"oui\"\"}\"\n";
    assert_eq!(pairs(&read_one("a.csv", csv).unwrap()), [("yes\n", "oui")]);
    // JSON in a string is what its author wants to be written.
    check(r#"{"prompt":"a","completion":"{\"b\": 1}"}"#, "a\n", r#"{"b": 1}"#);
}

#[test]
fn what_python_prints_is_no_text_to_learn() {
    for (header, cell, kind) in [
        ("messages", "[{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}]", "a list"),
        ("messages", "[{'role': 'user', 'content': 'a'}\n {'role': 'assistant', 'content': 'b'}]", "a list"),
        ("question,answers", "a,{'text': array(['b'], dtype=object), 'answer_start': array([0])}", "an object"),
        ("question,answer", "a,['b' 'c']", "a list"),
        ("prompt,chosen,rejected", "a,[{'content': 'b'}],[{'content': 'c'}]", "a list"),
        ("translation", "{'en': 'a', 'fr': 'b'}", "an object"),
        ("question,choices,answer", "a,array(['b']),b", "a list"),
    ] {
        let (asked, rest) = cell.split_once(',').filter(|_| header.contains(',')).unwrap_or(("", cell));
        let (cell, end) = rest.rsplit_once(',').filter(|_| header.matches(',').count() == 2).unwrap_or((rest, ""));
        let row: Vec<String> =
            [asked, cell, end].iter().filter(|c| !c.is_empty()).map(|c| format!("\"{c}\"")).collect();
        let said = error("a.csv", format!("{header}\n{}\n", row.join(",")));
        assert!(said.contains(&format!("{kind} as Python prints it")), "{header}: {said}");
    }
    let chosen = r#"{"prompt":"a","chosen":"[{'content': 'b'}]","rejected":"c"}"#;
    assert!(error("a.jsonl", chosen).contains("a list as Python prints it"));
    // Where the format has lists of its own, it is code.
    check(r#"{"prompt":"a","completion":"['b']"}"#, "a\n", "['b']");
    check(r#"{"instruction":"Sort.","input":"['b', 'a']","output":"['a', 'b']"}"#, "Sort.\n['b', 'a']\n", "['a', 'b']");
}

#[test]
fn json_in_a_text_is_read_where_its_name_says_so() {
    check(r#"{"question":"a","answers":"{\"text\": [\"b\"], \"answer_start\": [3]}"}"#, "a\n", "b");
    check(r#"{"question":"a","answers":"[\"b\"]"}"#, "a\n", "b");
    check(r#"{"question":"a","choices":"[\"b\", \"c\"]","answer":"c"}"#, "a\nb\nc\n", "c");
    let csv = "question,answers\na,\"[\"\"b\"\"]\"\n";
    assert_eq!(pairs(&read_one("a.csv", csv).unwrap()), [("a\n", "b")]);
    check(r#"{"instruction":"Sort.","input":"[\"b\", \"a\"]","output":"[1, 2]"}"#, "Sort.\n[\"b\", \"a\"]\n", "[1, 2]");
}

#[test]
fn a_broken_cell_of_json_costs_its_row_and_no_other() {
    let turns = r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#;
    let quoted = |text: &str| format!("\"{}\"\n", text.replace('"', "\"\""));
    for (column, good, count) in
        [("messages", turns, 1), ("messages", turns, 12), ("translation", r#"{"en":"a","fr":"b"}"#, 12)]
    {
        for bad in ["[broken", "none", r#"[{"role": "user""#] {
            let text = format!("{column}\n{}{}", quoted(good).repeat(count), quoted(bad));
            let said = error("a.csv", &text);
            let place = format!("a.csv, line {}: “{column}” is no JSON list or object", count + 2);
            assert!(said.starts_with(&place) && said.contains("1 of"), "{said}");
            let lenient = ReadOptions { skip_malformed: true, columns: None };
            assert_eq!(read("a", &[file("a.csv", &text)], &lenient).unwrap().examples.len(), count);
        }
    }
    assert!(
        error("a.csv", "messages\n\"[{\"\"role\"\": \"\"user\"\"\"\n").contains("“messages” is no list of messages")
    );
}

#[test]
fn a_label_says_which_answers_are_wanted() {
    let chat = r#""messages":[{"role":"user","content":"a"},{"role":"assistant","content":"I"}]"#;
    let pair = r#""instruction":"a","output":"I""#;
    for (name, record) in [("label", chat), ("kto_tag", chat), ("label", pair), ("kto_tag", pair), ("weight", pair)] {
        for [no, yes] in [["false", "true"], ["0", "1"], ["\"False\"", "\"True\""], ["\"0\"", "\"1\""], ["0.0", "1.0"]]
        {
            let text = lines(4, |i| {
                let mark = if i % 2 == 0 { no } else { yes };
                format!("{{{},\"{name}\":{mark}}}", record.replace('I', &i.to_string()))
            });
            let (prompt, completion) = match record == chat {
                true => (None, "completion=messages"),
                false => (Some("a\n"), "prompt=instruction,completion=output"),
            };
            for data in [read_one("a.jsonl", &text), read_with("a.jsonl", &text, completion)] {
                let data = data.unwrap();
                let learned: Vec<&str> = pairs(&data).iter().map(|(_, completion)| completion.trim()).collect();
                assert_eq!(learned, ["1", "3"], "{name} {no}");
                assert!(prompt.is_none_or(|prompt| pairs(&data)[0].0 == prompt));
                assert_eq!(data.reading.left_out[0].count, 2);
            }
        }
    }
    let csv = "prompt,completion,label\na,b,1\nc,d,0\n";
    assert_eq!(pairs(&read_one("a.csv", csv).unwrap()), [("a\n", "b")]);
    let none = error("a.csv", "prompt,completion,label\na,b,0\n");
    assert!(none.contains("no example remains: 1 left out: their label says"), "{none}");
    // A class is what is learned.
    check(r#"{"text":"a","label":0}"#, "a\n", "0");
    for label in ["\"no\"", "2", "\"bad\"", "[0]"] {
        check(&format!(r#"{{"prompt":"a","completion":"b","label":{label}}}"#), "a\n", "b");
    }
}

#[test]
fn chosen_columns_are_read_and_no_others() {
    let record = r#"{"instruction":"a","input":"in","context":"c","system":"s","history":[["h","i"]],"output":"b"}"#;
    let columns = "prompt=instruction,completion=output";
    assert_eq!(pairs(&read_with("a.jsonl", record, columns).unwrap()), [("h\ni\na\n", "b")]);
    let question = r#"{"question":"a","context":"c","answer":"b"}"#;
    assert_eq!(pairs(&read_with("a.jsonl", question, "prompt=question,completion=answer").unwrap()), [("a\n", "b")]);
    // The columns that are shown as chosen read the same.
    let chat = r#"{"system":"s","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#;
    for text in [record, question, chat, r#"{"id":1,"prompt":"a","chosen":"b","rejected":"c","label":true}"#] {
        let guessed = read_one("a.jsonl", text).unwrap();
        let options = ReadOptions { columns: guessed.chosen.clone(), ..ReadOptions::default() };
        let again = read("a", &[file("a.jsonl", text)], &options).unwrap();
        assert_eq!(again.sha256, guessed.sha256, "{text}: {:?}", guessed.chosen);
    }
    let parts = read_with("a.jsonl", chat, "prompt=messages.0.content,completion=messages.1.content").unwrap();
    let parts = roles(&parts);
    assert_eq!(parts[1..], [("messages.0.content", FieldRole::Prompt), ("messages.1.content", FieldRole::Completion)]);
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
    assert_eq!(data.examples.len(), 18);
    let chat = ["hi 0", "ho", "bye", "so long"].iter().zip(["user", "assistant"].iter().cycle());
    let chat: Vec<Message> = chat.map(|(text, role)| Message::new(role, *text)).collect();
    let expected = |turns: usize, prompt: &str, completion: &str| Example {
        chat: chat[..turns].to_vec(),
        ..Example::new(prompt, completion)
    };
    assert_eq!(data.examples[0], expected(2, "user: hi 0\nassistant:", " ho"));
    assert_eq!(data.examples[1], expected(4, "user: hi 0\nassistant: ho\nuser: bye\nassistant:", " so long"));
}

#[test]
fn conversations_are_read_wherever_they_stand() {
    let (prompt, answer) = ("user: a\nassistant:", " b");
    let (user, assistant) = (r#"{"role":"user","content":"a"}"#, r#"{"role":"assistant","content":"b"}"#);
    let worse = r#"{"role":"assistant","content":"no"}"#;
    for record in [
        format!(r#"{{"prompt":[{user}],"completion":[{assistant}]}}"#),
        format!(r#"{{"prompt":[{user}],"chosen":[{assistant}],"rejected":[{worse}]}}"#),
        format!(r#"{{"prompt":"a","chosen":[{user},{assistant}],"rejected":[{user},{worse}]}}"#),
        format!(r#"{{"chosen":[{user},{assistant}],"rejected":[{user},{worse}],"score_chosen":1}}"#),
        format!(
            r#"{{"input":{{"messages":[{user}]}},"preferred_output":[{assistant}],"non_preferred_output":[{worse}]}}"#
        ),
        format!(r#"{{"prompt":[{user}],"completion":"b"}}"#),
        r#"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#.into(),
        r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]}]}"#.into(),
        format!(r#"{{"messages":"[{},{}]"}}"#, user.replace('"', "\\\""), assistant.replace('"', "\\\"")),
    ] {
        check(&record, prompt, answer);
    }
    let csv = format!("id,messages\n0,\"[{},{}]\"\n", user.replace('"', "\"\""), assistant.replace('"', "\"\""));
    assert_eq!(pairs(&read_one("a.csv", csv).unwrap()), [(prompt, answer)]);
    let system = r#"{"system":"be kind","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#;
    check(system, "system: be kind\nuser: a\nassistant:", answer);
    check(
        r#"{"chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"\n\nHuman: a\n\nAssistant: c"}"#,
        "\n\nHuman: a\n\nAssistant:",
        " b",
    );
}

#[test]
fn of_a_preferred_conversation_the_last_answer_alone_is_learned() {
    let turn = |role: &str, text: &str| format!(r#"{{"role":"{role}","content":"{text}"}}"#);
    let said = [turn("user", "a"), turn("assistant", "b"), turn("user", "c")].join(",");
    let (better, worse) = (turn("assistant", "d"), turn("assistant", "e"));
    let record = format!(r#"{{"chosen":[{said},{better}],"rejected":[{said},{worse}]}}"#);
    check(&record, "user: a\nassistant: b\nuser: c\nassistant:", " d");
}

#[test]
fn earlier_turns_stand_before_a_conversation() {
    let earlier = r#"[{"role":"user","content":"h"},{"role":"assistant","content":"i"}]"#;
    for history in [r#"[["h","i"]]"#, earlier] {
        let record = format!(
            r#"{{"prompt":[{{"role":"user","content":"a"}}],"history":{history},"system":"s","completion":"b"}}"#
        );
        check(&record, "system: s\nuser: h\nassistant: i\nuser: a\nassistant:", " b");
    }
    let odd = r#"{"prompt":[{"role":"user","content":"a"}],"history":["h"],"completion":"b"}"#;
    assert!(error("a.jsonl", odd).contains("“history” is a list, not text"));
}

#[test]
fn what_is_marked_as_not_to_be_learned_is_context() {
    let marks = [
        r#""weight":0"#,
        r#""weight":0.0"#,
        r#""train":false"#,
        r#""loss":false"#,
        r#""training":false"#,
        r#""learn":0"#,
    ];
    for mark in marks.into_iter().chain([r#""weight":"0""#, r#""mask":true"#, r#""trainable":"False""#]) {
        let record = format!(
            r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"WRONG",{mark}}},
            {{"role":"user","content":"no"}},{{"role":"assistant","content":"b","weight":1}}]}}"#
        );
        let data = read_one("a.json", record).unwrap();
        assert_eq!(pairs(&data), [("user: a\nassistant: WRONG\nuser: no\nassistant:", " b")], "{mark}");
        assert!(data.reading.notes[0].starts_with("Answers marked so are context and not learned"), "{mark}");
    }
    let half = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0.5}]}"#;
    assert!(error("a.jsonl", half).contains("message 2 has weight 0.5: an answer is learned or not"));
    for mark in [r#""mask":1"#, r#""loss_mask":0"#, r#""label":true"#, r#""train_detail":false"#] {
        let record = half.replace(r#""weight":0.5"#, mark);
        let name = mark.split('"').nth(1).unwrap();
        let said = error("a.jsonl", record);
        assert!(said.contains("message 2 has ") && said.contains(name), "{said}");
    }
    let unwanted = lines(2, |i| format!(r#"{{"prompt":"a{i}","completion":"b{i}","label":{}}}"#, i == 0));
    let data = read_one("a.jsonl", unwanted).unwrap();
    assert_eq!(pairs(&data), [("a0\n", "b0")]);
    assert!(data.reading.left_out[0].to_string().starts_with("1 left out: their label says"));
}

#[test]
fn a_call_of_a_tool_is_context_and_the_final_answer_is_learned() {
    let record = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"c1","type":"function","function":{"name":"look","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"found"},{"role":"assistant","content":"b"}]}"#;
    let data = read_one("a.json", record).unwrap();
    let call = r#"{"name":"look","arguments":"{}"}"#;
    assert_eq!(pairs(&data), [(format!("user: a\nassistant: {call}\ntool: found\nassistant:").as_str(), " b")]);
    assert!(data.reading.notes[0].contains("written as JSON and not learned: 1"));
    assert_eq!(data.reading.notes[1], "Not used in messages: tool_call_id.");
    let image = r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]},{"role":"assistant","content":"b"}]}"#;
    assert!(error("a.jsonl", image).contains("message 1 holds a part of the type “image_url”"));
}

#[test]
fn turns_are_read_in_the_shapes_that_are_usual() {
    let (prompt, answer) = ("user: a\nassistant:", " b");
    for record in [
        r#"{"messages":[{"type":"human","content":"a"},{"type":"ai","content":"b"}]}"#,
        r#"{"messages":[{"type":"human","data":{"content":"a"}},{"type":"ai","data":{"content":"b"}}]}"#,
        r#"{"conversations":{"from":["human","gpt"],"value":["a","b"]}}"#,
        r#"{"messages":{"role":["user","assistant"],"content":["a","b"]}}"#,
        r#"{"source":"x","conversation":[{"input":"a","output":"b"}]}"#,
        r#"{"conversation":[{"human":"a","assistant":"b"}]}"#,
        r#"{"messages":[{"role":"prompter","content":"a"},{"role":"assistant","content":"b"}]}"#,
        r#"{"conversations":[{"from":"human","value":"a"}],"chosen":{"from":"gpt","value":"b"},"rejected":{"from":"gpt","value":"c"}}"#,
        r#"{"messages":[{"role":"user","content":"a"}],"chosen":"b","rejected":"c"}"#,
        r#"{"messages":[{"role":"user","content":"a"}],"response":"b"}"#,
    ] {
        let data = read_one("a.jsonl", format!("{record}\n{record}\n")).unwrap();
        assert_eq!(pairs(&data), [(prompt, answer); 2], "{record}");
    }
    let segments = r#"{"segments":[{"label":false,"text":"<s>a "},{"label":true,"text":"b"}]}"#;
    assert_eq!(pairs(&read_one("a.jsonl", format!("{segments}\n{segments}")).unwrap())[0], ("<s>a ", "b"));
    let call = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f",
        "arguments":"{}"}},{"role":"function","name":"f","content":"r"},{"role":"assistant","content":"b"}]}"#;
    let said = "user: a\nassistant: {\"name\":\"f\",\"arguments\":\"{}\"}\nfunction: r\nassistant:";
    assert_eq!(pairs(&read_one("a.json", call).unwrap()), [(said, " b")]);
}

#[test]
fn what_is_no_conversation_says_what_one_is() {
    for (record, words) in [
        (
            r#"{"messages":[{"role":"customer","content":"a"},{"role":"agent","content":"b"}]}"#,
            "the roles are agent, customer, and an answer's is assistant",
        ),
        (
            r#"{"dialog":["a","b"],"act":[1,2],"emotion":[0,0]}"#,
            "“dialog” holds no turns that the lab reads (its first is a string)",
        ),
        (r#"{"messages":[{"who":"x","says":"y"}]}"#, "(its first has who, says): a turn has role and content"),
        (
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"function":{}}]}]}"#,
            "no answer in them is to be learned. Calls of tools without text",
        ),
        (
            "{\"prompt\":\"a\",\"completion\":\"b\"}\n{\"messages\":[{\"role\":\"assistant\",\"content\":\"b\"}]}",
            "line 1: has no “messages” as other records have, but “completion”",
        ),
    ] {
        let said = error("a.jsonl", format!("{record}\n{record}\n"));
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_answer_is_not_read_with_the_question() {
    let full = |i: usize| {
        format!(
            r####"{{"instruction":"say {i}","input":"in {i}","output":"yes {i}","prompt":"### say {i} in {i} ### yes {i}"}}"####
        )
    };
    let data = read_one("a.jsonl", lines(12, full)).unwrap();
    assert_eq!(pairs(&data)[1], ("say 1\nin 1\n", "yes 1"));
    assert_eq!(
        data.reading.notes,
        ["In nearly all records “prompt” holds “output” too: “instruction” is read as the prompt instead."]
    );
    let echo = read_one("a.jsonl", lines(12, |i| format!(r#"{{"prompt":"say: {i}","completion":"{i}"}}"#))).unwrap();
    assert_eq!(pairs(&echo)[1], ("say: 1\n", "1"));
    assert!(echo.reading.notes[0].contains("choose other columns if the model should not read the answer"));
    check(r#"{"prompt":"It is so. Why?","question":"Why?","answer":"so."}"#, "It is so. Why?\n", "so.");
    let code = r#"{"repo":"r","whole":"def f(): # Do.\n  return 1","code":"def f():\n  return 1","docstring":"Do."}"#;
    check(code, "Do.\n", "def f():\n  return 1");
    let whole = r#"{"zeta":"do","whole":"@x\ndef f():\n  return 1","code":"def f():\n  return 1"}"#;
    check(whole, "do\n", "def f():\n  return 1");
}

#[test]
fn a_known_prompt_is_never_learned() {
    check(r#"{"prompt":"a","format":"blog","text":"b","audience":"all"}"#, "a\n", "b");
    check(r#"{"prompt":"a","n":1,"m":2,"odd":"b"}"#, "a\n", "b");
    check(r#"{"prompt":"Once","text":"Once upon a time"}"#, "", "Once upon a time");
    for (record, candidates) in [
        (r#"{"prompt":"a","response_0":"b","response_1":"c","better":0}"#, "(response_0, response_1)"),
        (r#"{"question":"a","response_j":"b","response_k":"c"}"#, "(response_j, response_k)"),
        (r#"{"passage":"p","question":"a","spans.x":["b"],"types":["s"]}"#, "(spans.x, types)"),
        (r#"{"history":"a","human_ref_A":"b","human_ref_B":"c"}"#, "(human_ref_A, human_ref_B)"),
        (r#"{"question":"a","text":"b"}"#, "(text)"),
    ] {
        let said = error("a.jsonl", record);
        assert!(said.contains(candidates) && said.contains("--columns prompt=NAME,completion=NAME"), "{said}");
    }
    let chosen = read_with("a.jsonl", r#"{"question":"a","text":"b"}"#, "prompt=question,completion=text").unwrap();
    assert_eq!(pairs(&chosen), [("a\n", "b")]);
}

#[test]
fn names_and_the_order_of_the_file_tell_prompt_from_completion() {
    check(r#"{"zeta":"a","alpha":"b"}"#, "a\n", "b");
    check(r#"{"id":"0","url":"u","title":"T","text":"Long."}"#, "", "Long.");
    check(r#"{"article":"Long.","title":"T"}"#, "Long.\n", "T");
    check(r#"{"premise":"a","hypothesis":"b","label":"yes","idx":3}"#, "a\nb\n", "yes");
    let data = read_one("a.jsonl", r#"{"prompt":"a","chosen":"b","rejected":"c","extra":1}"#).unwrap();
    use FieldRole::{Completion, Prompt, Rejected, Unused};
    let expected = [("prompt", Prompt), ("chosen", Completion), ("rejected", Rejected), ("extra", Unused)];
    assert_eq!(roles(&data), expected);
}

#[test]
fn columns_can_be_chosen_and_a_hard_guess_is_said() {
    let text = format!("id,body_a,body_b,c\n{}", lines(12, |i| format!("{i},short {i},a much longer text {i},x")));
    let guessed = read_one("a.csv", &text).unwrap();
    assert_eq!(guessed.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "body_a", "body_b", "c"]);
    assert_eq!(guessed.columns[2].sample, "a much longer text 0");
    assert_eq!(guessed.chosen.as_ref().unwrap().completion, "body_b");
    assert!(guessed.reading.notes[0].contains("choose other columns"));
    let chosen = read_with("a.csv", &text, "prompt=body_b,completion=body_a").unwrap();
    assert_eq!(pairs(&chosen)[0], ("a much longer text 0\n", "short 0"));
    assert_ne!(chosen.sha256, guessed.sha256);
    let joined = read_with("a.csv", &text, "prompt=body_b+c, completion=body_a").unwrap();
    assert_eq!(pairs(&joined)[0], ("a much longer text 0\nx\n", "short 0"));
    let error = read_with("a.csv", &text, "completion=x").unwrap_err();
    assert_eq!(error.to_string(), "a.csv has no column “x”. Its columns are: id, body_a, body_b, c");
    for wrong in ["", "prompt=a", "prompt=a,completion=", "completion=a,completion=b", "text=a"] {
        assert!(wrong.parse::<ColumnChoice>().unwrap_err().to_string().contains("completion=NAME"), "{wrong}");
    }
}

#[test]
fn a_header_is_no_data_and_data_are_no_header() {
    let pair = [("say\n", "yes"), ("go\n", "no")];
    for text in [
        ",prompt,completion\n0,say,yes\n1,go,no\n",
        "Unnamed: 0,prompt,completion\n7,say,yes\n3,go,no\n",
        "prompt,completion,notes,notes\nsay,yes,x,y\ngo,no,x,y\n",
        "prompt,completion,\nsay,yes,\ngo,no,\n",
        "sep=;\nprompt;completion\nsay;yes\ngo;no\n",
        "prompt,completion\n1,say,yes\n2,go,no\n",
        "prompt, completion\nsay, yes\ngo, no\n",
        "My data,\n,\nprompt,completion\nsay,yes\ngo,no\n",
        "Frage,Antwort\nsay,yes\ngo,no\n",
        ",0,1\n0,say,yes\n1,go,no\n",
    ] {
        assert_eq!(pairs(&read_one("a.csv", text).unwrap()), pair, "{text}");
    }
    let data = read_one("a.csv", lines(10, |i| format!("{i},text {i}"))).unwrap();
    assert_eq!((data.examples.len(), data.columns[1].name.as_str()), (10, "column 2"));
    for text in ["What is it?,a thing\nWho is it?,a man\n", "good,film\ngood,book\n"] {
        assert_eq!(read_one("a.csv", text).unwrap().examples.len(), 2, "{text}");
    }
    let twice = error("a.csv", "prompt,completion,completion\na,b,c\n");
    assert!(twice.contains("several columns “completion”") && twice.ends_with("completion, completion.1"), "{twice}");
    let one = read_with("a.csv", "prompt,completion,completion\na,b,c\n", "prompt=prompt,completion=completion.1");
    assert_eq!(pairs(&one.unwrap()), [("a\n", "c")]);
}

#[test]
fn what_waits_for_a_choice_says_among_which_columns() {
    let unclear = "question,source,one,two\nWho is it?,a book,it is a man,or a woman\nWhy so?,a film,it is so,or not\n";
    let columns = |text| read_one("a.csv", text).unwrap_err().columns().to_vec();
    assert_eq!(columns(unclear), ["question", "source", "one", "two"]);
    assert_eq!(columns("prompt,completion,completion\na,b,c\n"), ["prompt", "completion", "completion.1"]);
    let other = read_with("a.csv", unclear, "prompt=question,completion=three").unwrap_err();
    assert_eq!(other.columns(), ["question", "source", "one", "two"]);
    assert_eq!(columns("prompt,completion\na,\n"), [""; 0], "another choice mends nothing");
    let chosen = read_with("a.csv", unclear, "prompt=question,completion=two").unwrap();
    assert_eq!(pairs(&chosen)[0], ("Who is it?\n", "or a woman"));
}

#[test]
fn a_delimiter_too_many_is_named_and_r_names_its_rows() {
    for rows in [
        "what is 0?,it is 0, yes\nwhat is 1?,it is 1, yes\n",
        "a;'b; c'\nd;'e; f'\n",
        "a,b,c\n1,b,c\n",
        "1,a,b\n1,c,d\n",
    ] {
        let delimiter = if rows.contains(';') { ";" } else { "," };
        let said = error("a.csv", format!("prompt{delimiter}completion\n{rows}"));
        assert!(said.starts_with("a.csv, line 2: 3 cells where the header has 2. 2 of 3 lines"), "{said}");
    }
    let named = read_one("a.csv", "prompt,completion\n\"r a\",say,yes\n\"r b\",go,no\n").unwrap();
    assert_eq!(pairs(&named), [("say\n", "yes"), ("go\n", "no")]);
    for text in ["text\nThe cat, who slept.\nThe dog, who ran.\n", "My data\nwhy,so\na,b\n"] {
        let said = error("a.csv", text);
        assert!(said.contains("2 cells where the header has 1: put text that holds the delimiter in quotes"), "{said}");
    }
    let titled = read_one("a.csv", "My data\nprompt,completion\nsay,yes\ngo,no\n").unwrap();
    assert_eq!(pairs(&titled), [("say\n", "yes"), ("go\n", "no")]);
    assert_eq!(titled.reading.notes, ["Rows above the columns' names are not read: 1."]);
    let commented = read_one("a.csv", "# of today\nprompt,completion\nsay,yes\ngo,no\n").unwrap();
    assert_eq!(pairs(&commented), [("say\n", "yes"), ("go\n", "no")]);
    assert_eq!(commented.reading.notes, ["Lines before the table that begin with # are not read: 1."]);
    assert!(error("a.csv", "# of today\nprompt,completion\nsay\n").contains("line 3: 1 cells"));
}

#[test]
fn numbers_keep_their_digits() {
    for number in ["123456789012345678901234567890", "1.10", "100.00", "1e5", "-0.0", "3.14159265358979323846", "7"] {
        check(
            &format!(r#"{{"id":12.50,"prompt":"a \" 1 {{","n":[true,2.0],"answer":{number}}}"#),
            "a \" 1 {\n",
            number,
        );
    }
    let list = r#"[{"prompt":"a","completion":1.0},{"prompt":"b","completion":2.50}]"#;
    assert_eq!(pairs(&read_one("a.json", list).unwrap()), [("a\n", "1.0"), ("b\n", "2.50")]);
    check(r#"{"prompt":"NaN","completion":"Infinity","score":NaN,"by":[-Infinity,Infinity]}"#, "NaN\n", "Infinity");
}

#[test]
fn a_list_that_is_no_json_is_named_by_line_and_column() {
    let row = |i: usize| format!(r#"{{"prompt":"say {i}","completion":"yes {i}"}}"#);
    let rows: Vec<String> = (0..12).map(row).collect();
    let missing = format!("[\n{}\n{}\n]\n", rows[..6].join(",\n"), rows[6..].join("\n"));
    let pretty = "{\n  \"data\": [\n    {\n      \"prompt\": \"a\"\n      \"completion\": \"b\"\n    }\n  ]\n}";
    for (text, place) in [
        (missing, "expected `,` or `]` at line 8 column 1"),
        (format!("[\n{},\n]\n", rows.join(",\n")), "trailing comma at line 14 column 1"),
        (pretty.to_owned(), "expected `,` or `}` at line 5 column 7"),
    ] {
        for skip_malformed in [false, true] {
            let options = ReadOptions { skip_malformed, columns: None };
            let said = read("a", &[file("a.json", &text)], &options).unwrap_err().to_string();
            assert!(said.starts_with(&format!("a.json: not JSON: {place}")), "{said}");
        }
    }
    let two = "{\n \"prompt\": \"a\",\n \"completion\": 1.0\n}\n{\n \"prompt\": \"b\",\n \"completion\": NaN\n}\n";
    assert_eq!(pairs(&read_one("a.jsonl", two).unwrap()), [("a\n", "1.0")]);
    // A bad first line of records each on its line is one line.
    for bad in ["{\"prompt\": \"a", "{oops", "{\"a\":1},"] {
        let said = error("a.jsonl", format!("{bad}\n{}", rows.join("\n")));
        assert!(said.starts_with("a.jsonl, line 1: not JSON") && said.contains("1 of 13 lines"), "{said}");
    }
}

#[test]
fn records_may_stand_under_names_of_their_own() {
    let note = |i: usize| if i == 3 { r#","note":1"# } else { "" };
    let record = |i: usize| format!(r#""q{i}":{{"question":"say {i}","answer":"yes {i}"{}}}"#, note(i));
    let text = format!("{{{}}}", (0..9).map(record).collect::<Vec<_>>().join(","));
    let data = read_one("a.json", text).unwrap();
    assert_eq!((data.examples.len(), pairs(&data)[3]), (9, ("say 3\n", "yes 3")));
    check(r#"{"question":"Who?","contexts":[["t","p"],["u","q"]],"answer":"a"}"#, "Who?\nt\np\nu\nq\n", "a");
    check(r#"{"question":"Who?","choices":{"text":["a","b"],"label":["A","B"]},"answerKey":"B"}"#, "Who?\na\nb\n", "B");
}

#[test]
fn an_open_quote_is_named_and_costs_one_row() {
    for (at, row) in [(1, "p,\"open\n"), (0, "\"open,c\n")] {
        let text = format!("prompt,completion\na,b\n{row}{}", lines(3, |i| format!("p{i},\"c, {i}\"")));
        let said = error("a.csv", &text);
        let column = ["prompt", "completion"][at];
        assert!(said.starts_with("a.csv, line 3: the quote at character") && said.contains(column), "{said}");
        let data = read("a", &[file("a.csv", &text)], &ReadOptions { skip_malformed: true, columns: None }).unwrap();
        assert_eq!((data.examples.len(), data.reading.left_out[0].count), (4, 1));
    }
    let escaped = "prompt,completion\n\"a\",\"say \\\"b\\\", ok\"\n";
    let data = read_one("a.csv", escaped).unwrap();
    assert_eq!(pairs(&data), [("a\n", "say \"b\", ok")]);
    assert!(data.reading.notes[0].starts_with("Backslashes are read as escapes"));
}

#[test]
fn white_space_that_carries_meaning_stays() {
    check(r#"{"prompt":"def f(x):\n","completion":"    return x\n"}"#, "def f(x):\n", "    return x");
    check(r#"{"prompt":"\tif x:","completion":"\t\treturn x"}"#, "\tif x:\n", "\t\treturn x");
    for prompt in ["def f(x):\n    ", "\n\n    if x:\n        ", "q ->\n\n###\n\n", "Q: a\nA: ", "\tx\t"] {
        let record = serde_json::json!({"prompt": prompt, "completion": "b\n"}).to_string();
        check(&record, prompt, "b");
        let data = read_one("a.jsonl", record).unwrap();
        assert_eq!(data.reading.notes, ["White space after an answer is not learned, the end of text is: 1."]);
    }
    check(r#"{"prompt":"a ->","completion":" b\n"}"#, "a ->\n", " b");
    check(r#"{"text":"    f()\n    g()\n"}"#, "", "    f()\n    g()");
    let chat = r#"{"messages":[{"role":"user","content":"code"},{"role":"assistant","content":"    f()\n    g()\n"}]}"#;
    check(chat, "user: code\nassistant:", "    f()\n    g()");
    let csv = read_one("a.csv", "prompt,completion\n\"def f(x):\n\",    return x\n").unwrap();
    assert_eq!(pairs(&csv), [("def f(x):\n", "    return x")]);
}

#[test]
fn letter_case_and_white_space_make_another_example() {
    let text = "{\"prompt\":\"swap aB\",\"completion\":\"Ab\"}\n{\"prompt\":\"swap Ab\",\"completion\":\"aB\"}\n";
    let rest = lines(8, |i| format!(r#"{{"prompt":"x{i}","completion":"if a:\n  b"}}"#));
    let spaced = lines(8, |i| format!(r#"{{"prompt":"x{i}","completion":"if a:\nb"}}"#));
    let data = read_one("a.jsonl", format!("{text}{rest}{spaced}{rest}")).unwrap();
    let prepared = data.prepare(&ByteTokenizer, 64).unwrap();
    let Splits { train, dev, test } = &prepared.splits;
    assert_eq!(train.len() + dev.len() + test.len(), 18);
    assert_eq!(prepared.reading.left_out[0].to_string(), "8 left out: each repeats another example, letter for letter");
}

#[test]
fn malformed_lines_are_named_or_left_out() {
    let text = lines(20, |i| if i == 6 { "{oops".into() } else { format!(r#"{{"text":"number {i} is here"}}"#) });
    let said = error("a.jsonl", &text);
    assert!(
        said.starts_with("a.jsonl, line 7: not JSON (key must be a string, at character 2). 1 of 20 lines"),
        "{said}"
    );
    let lenient = ReadOptions { skip_malformed: true, ..ReadOptions::default() };
    let data = read("a", &[file("a.jsonl", &text)], &lenient).unwrap();
    assert_eq!(data.examples.len(), 19);
    let left_out = data.reading.left_out[0].to_string();
    assert!(left_out.starts_with("1 left out: malformed lines of a.jsonl, the first line 7"), "{left_out}");

    let text = format!("a,b\n{}", lines(20, |i| if i == 3 { "1,2,3".into() } else { format!("p{i},c{i}") }));
    let said = error("a.csv", &text);
    assert!(said.starts_with("a.csv, line 5: 3 cells where the header has 2. 1 of 21 lines"), "{said}");
    let data = read("a", &[file("a.csv", &text)], &lenient).unwrap();
    assert_eq!(data.examples.len(), 19);
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    assert_eq!(read("a", &[], &ReadOptions::default()).unwrap_err(), UserError::Nothing);
    assert_eq!(error("a.txt", " \n "), "a.txt is empty");
    let short = read_one("a.txt", "Too short.").unwrap().prepare(&ByteTokenizer, 64).unwrap_err().to_string();
    assert!(short.contains("different examples"), "{short}");
    let names: Vec<String> = (0..400).map(|i| format!("c{i}")).collect();
    let wide = format!("{0},prompt,completion,odd\n{0},a,b,c\n", names.join(","));
    assert_eq!(pairs(&read_one("a.csv", &wide).unwrap()), [("a\n", "b")]);
    assert_eq!(pairs(&read_with("a.csv", &wide, "prompt=c399+prompt,completion=odd").unwrap()), [("c399\na\n", "c")]);
    let fields = lines(300, |i| format!(r#"{{"k{i}":"x"}}"#));
    assert!(error("a.jsonl", fields).contains("line 257: with it the records have more"));
    assert!(error("a.jsonl", "[1,2]").contains("record 1: a number where an object"));
    assert_eq!(read_one("a.csv", "prompt,completion\n").unwrap_err(), UserError::NoText { file: "a.csv".into() });
}

#[test]
fn a_huge_file_is_read_in_part_and_says_so() {
    let line = "{\"text\": \"a line of a very large file, the same again and again\"}\n";
    let bytes = line.repeat(20).into_bytes();
    let mut start = bytes.clone();
    start.extend(lines(30, |i| format!(r#"{{"text": "line {i}"}}"#)).bytes());
    start.extend(b"{\"text\": \"cut he");
    let data =
        read("big", &[File { name: "big.jsonl".into(), bytes: start, size: 500 << 20 }], &ReadOptions::default());
    let data = data.unwrap();
    assert_eq!(data.examples.len(), 50);
    assert!(data.reading.notes[0].starts_with("Used the first 0.0 MiB of 500.0 MiB of big.jsonl"));
    let prepared = data.prepare(&ByteTokenizer, 64).unwrap();
    assert_eq!(prepared.reading.left_out[0].count, 19);
}

#[test]
fn several_files_are_one_data_set_and_the_hash_is_of_the_content() {
    let [a, b] = [0, 10].map(|from| lines(10, |i| format!(r#"{{"text":"number {}"}}"#, i + from)));
    let two = read("x", &[file("a.jsonl", &a), file("b.jsonl", &b)], &ReadOptions::default()).unwrap();
    let one = read("y", &[file("c.jsonl", a + &b)], &ReadOptions::default()).unwrap();
    assert_eq!((two.sha256, two.examples), (one.sha256, one.examples));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400), ending in "(txt|md|csv|tsv|jsonl|json|bin|)", cut: bool,
    ) {
        let size = bytes.len() as u64 + u64::from(cut) * 1000;
        let _ = read("x", &[File { name: format!("x.{ending}"), bytes, size }], &ReadOptions::default());
    }

    #[test]
    fn no_structured_text_makes_it_panic(
        text in r#"([{}\[\]",:;\t\n|]|text|prompt|messages|role|content|assistant|null|7|é| ){0,200}"#,
        ending in "(csv|tsv|jsonl|json|)", skip_malformed: bool,
    ) {
        let options = ReadOptions { skip_malformed, columns: None };
        if let Ok(data) = read("x", &[file(&format!("x.{ending}"), text)], &options) {
            prop_assert!(data.examples.iter().all(|example| !example.completion.trim().is_empty()));
            let _ = data.prepare(&ByteTokenizer, 16);
        }
    }
}
