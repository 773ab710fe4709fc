//! `lab pretrain` on a ladder of one small model, in seconds: killed and called again it makes the same files.
#![cfg(feature = "native")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tunelab::record::ModelCard;

const LADDER: &str = r#"{
    "corpus": 1, "vocab_size": 300, "tokenizer_documents": 50, "context": 32, "batch_size": 4, "held_out_tokens": 512,
    "models": [{ "name": "tiny", "d_model": 16, "layers": 1, "tokens": 10240, "learning_rate": 0.01, "seed": 1 }]
}"#;

fn ladder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tunelab-pretrain-{test}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ladder.json"), LADDER).unwrap();
    folder
}

fn pretrain(folder: &Path) -> Command {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.arg("pretrain").arg("--folder").arg(folder).arg("--state").arg(folder.join("state"));
    lab.args(["--checkpoint-every", "0"]).stderr(Stdio::null());
    lab
}

#[test]
fn killed_and_called_again_it_makes_the_same_model() {
    let (whole, broken) = (ladder("whole"), ladder("broken"));
    assert!(pretrain(&whole).status().unwrap().success());

    let state = broken.join("state/tiny.checkpoint");
    for _ in 0..2 {
        let before = fs::metadata(&state).and_then(|metadata| metadata.modified()).ok();
        let mut child = pretrain(&broken).spawn().unwrap();
        while fs::metadata(&state).and_then(|metadata| metadata.modified()).ok() == before {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!broken.join("tiny/card.json").exists() && state.exists());
    }
    assert!(pretrain(&broken).status().unwrap().success());
    assert!(!state.exists(), "a finished model leaves no checkpoint");
    for file in ["tokenizer.json", "tiny/model.safetensors", "tiny/config.json", "tiny/card.json", "index.json"] {
        assert_eq!(fs::read(broken.join(file)).unwrap(), fs::read(whole.join(file)).unwrap(), "{file}");
    }
    let index: Vec<ModelCard> = serde_json::from_slice(&fs::read(whole.join("index.json")).unwrap()).unwrap();
    assert_eq!(index.iter().map(|card| card.name.as_str()).collect::<Vec<_>>(), ["tiny"]);
    let losses = &index[0].pretraining.as_ref().unwrap().curve;
    assert!(losses.last().unwrap().1 < losses[0].1 - 0.5, "it learned: {losses:?}");

    // What cannot be read is refused and stays.
    fs::write(broken.join("tokenizer.json"), "{").unwrap();
    assert!(!pretrain(&broken).status().unwrap().success());
    assert_eq!(fs::read(broken.join("tokenizer.json")).unwrap(), b"{");
    for folder in [whole, broken] {
        fs::remove_dir_all(folder).unwrap();
    }
}
