//! Files that a later call goes on with. A crash at any moment leaves the old one or the new one, whole; what cannot be
//! read is refused and stays as it is, for it may hold hours of work.

use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Puts `bytes` in the place of the file at `path`, as a whole: written beside it, synced, renamed.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut beside = OsString::from(path);
        beside.push(".new");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The folder's own entry must reach the disk too. A bare name lies in the folder of work.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Not every system opens folders.
        File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
    };
    write().with_context(|| format!("{}: cannot be written", path.display()))
}

/// What a file holds; none only where there is no such file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("{}: cannot be read; move it away or name another", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_only_absence_is_none() {
        let folder = std::env::temp_dir().join(format!("tunelab-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("records.json");
        assert_eq!(read(&path).unwrap(), None);
        replace(&path, b"old").unwrap();
        let mut before = File::open(&path).unwrap();
        replace(&path, b"newer").unwrap();
        // Whoever had the old one open reads it to its end: nothing was written into it.
        let mut text = String::new();
        before.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), read(&path).unwrap()), ("old", Some(b"newer".to_vec())));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing stays beside it");
        let error = format!("{:#}", read(&folder).unwrap_err());
        assert!(error.contains("cannot be read; move it away"), "{error}");
        let error = format!("{:#}", replace(&folder.join("no/such"), b"").unwrap_err());
        assert!(error.contains("cannot be written"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
