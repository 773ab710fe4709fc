//! A file of records that grows, one a line: each is on the disk before the next is begun. It may be cut at any byte; the
//! next start removes a line that was not written whole.

use super::files;
use crate::record::RunRecord;
use anyhow::{Context, Error, Result, bail};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Every record begins so.
const BEGIN: &[u8] = br#"{"version":"#;

/// Where records are appended. While it is open no other process can write there.
pub struct RecordsFile {
    file: File,
    path: PathBuf,
}

/// What was done to a file before it could be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    None,
    /// Its last line was not whole and is gone.
    Cut,
    /// It was one JSON list, as the page writes it, and is lines now.
    Rewritten,
}

impl RecordsFile {
    /// Opens the file, or makes it, and reads its records.
    ///
    /// # Errors
    /// Where it holds anything else, which stays as it is, and where another process has it.
    pub fn open(path: &Path) -> Result<(Self, Vec<RunRecord>, Repair)> {
        let at = || format!("{}: cannot be read; move it away or name another", path.display());
        let other = || format!("{} is no file of records: move it away, or name another with --out", path.display());
        let open = || OpenOptions::new().read(true).append(true).create(true).open(path).with_context(at);
        let mut here = RecordsFile { file: open()?, path: path.to_owned() };
        here.lock()?;
        let mut bytes = Vec::new();
        here.file.read_to_end(&mut bytes).with_context(at)?;
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            let records = read(&bytes).with_context(other)?;
            let lines: String = records.iter().map(|record| record.to_json() + "\n").collect();
            files::replace(path, lines.as_bytes())?;
            here.file = open()?;
            here.lock()?;
            return Ok((here, records, Repair::Rewritten));
        }
        let whole = whole_lines(&bytes);
        let mut records = read(&bytes[..whole]).with_context(other)?;
        let last = &bytes[whole..];
        if last.trim_ascii().is_empty() {
            return Ok((here, records, Repair::None));
        }
        if let Ok(record) = read(last) {
            // Only the end of its line is missing.
            records.extend(record);
            here.write(b"\n")?;
            return Ok((here, records, Repair::None));
        }
        if !last.starts_with(BEGIN) && !BEGIN.starts_with(last) {
            return Err(read(last).err().unwrap_or_else(|| Error::msg("its last line is no record")))
                .with_context(other);
        }
        here.file.set_len(whole as u64).and_then(|()| here.file.sync_all()).with_context(at)?;
        Ok((here, records, Repair::Cut))
    }

    fn lock(&mut self) -> Result<()> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                bail!("{}: another process writes to it; wait for it, or name another file", self.path.display())
            }
            // Not every file system can lock.
            Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    /// Appends a record; when this returns it is on the disk.
    pub fn append(&mut self, record: &RunRecord) -> Result<()> {
        self.write((record.to_json() + "\n").as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let file = &mut self.file;
        let end = file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(bytes)).and_then(|()| file.sync_data());
        end.with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

/// The records of a file that another process may be writing: its whole lines. None where there is no such file.
pub fn finished(path: &Path) -> Result<Vec<RunRecord>> {
    let Some(bytes) = files::read(path)? else { return Ok(Vec::new()) };
    let is_list = bytes.trim_ascii_start().first() == Some(&b'[');
    read(if is_list { &bytes } else { &bytes[..whole_lines(&bytes)] }).with_context(|| path.display().to_string())
}

/// Bytes up to the end of the last line that has one.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

fn read(bytes: &[u8]) -> Result<Vec<RunRecord>> {
    Ok(RunRecord::list_from_json(std::str::from_utf8(bytes)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fake::record;
    use crate::plan::grid::Experiment;
    use crate::spec::{Base, MethodKind, Source, TrainConfig};
    use std::fs;

    fn records() -> Vec<RunRecord> {
        let experiment = Experiment {
            bases: vec![Base { name: "b".into(), sha256: "0".into() }],
            source: Source::Task("ü".into()),
            methods: vec![(MethodKind::Full.method(), TrainConfig::default_for(MethodKind::Full))],
            sizes: vec![16, 32, 64],
            seeds: 1,
        };
        experiment.cells().into_iter().map(record).collect()
    }

    #[test]
    fn a_file_cut_at_any_byte_is_gone_on_with() {
        let folder = std::env::temp_dir().join(format!("tunelab-records-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("records.jsonl");
        let all = records();
        {
            let (mut file, found, repair) = RecordsFile::open(&path).unwrap();
            assert_eq!((found, repair), (vec![], Repair::None));
            all.iter().for_each(|record| file.append(record).unwrap());
            let busy = RecordsFile::open(&path).err().unwrap().to_string();
            assert!(busy.contains("another process writes to it"), "{busy}");
        }
        let whole = fs::read(&path).unwrap();
        let ends = whole.iter().zip(1..).filter(|(byte, _)| **byte == b'\n').flat_map(|(_, end)| [end - 1, end]);
        for cut in (0..whole.len()).step_by(9).chain(ends.collect::<Vec<_>>()) {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut file, found, _) = RecordsFile::open(&path).unwrap();
            assert_eq!(found, all[..found.len()], "cut at {cut}");
            assert!(found.len() >= whole[..cut].iter().filter(|&&byte| byte == b'\n').count());
            all[found.len()..].iter().for_each(|record| file.append(record).unwrap());
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
        // As the page writes them.
        let list: Vec<serde_json::Value> = all.iter().map(|r| serde_json::from_str(&r.to_json()).unwrap()).collect();
        fs::write(&path, serde_json::to_string_pretty(&list).unwrap()).unwrap();
        let (_, found, repair) = RecordsFile::open(&path).unwrap();
        assert_eq!((found, repair, fs::read(&path).unwrap()), (all, Repair::Rewritten, whole.clone()));
        // Anything else stays as it is.
        for other in [&b"text"[..], b"text\n", b"[{}]", b"{\"version\":1}\n", b"\xff", &[&whole[..], b"{}"].concat()] {
            fs::write(&path, other).unwrap();
            let error = format!("{:#}", RecordsFile::open(&path).err().unwrap());
            assert!(error.contains("is no file of records: move it away"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), other);
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
