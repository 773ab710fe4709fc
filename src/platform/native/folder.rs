//! A folder on disk as a model's files, and files written into one.

use super::files;
use crate::data::user;
use crate::engine::formats::{Files, ModelFile, WeightsError};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Reads ranges of a folder's files.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn open(path: &Path) -> Result<Self> {
        ensure!(path.is_dir(), "{}: there is no such folder; give the folder of a model or an adapter", path.display());
        Ok(Folder(path.to_path_buf()))
    }

    /// The folder's own name.
    pub fn name(&self) -> String {
        let path = self.0.canonicalize().unwrap_or_else(|_| self.0.clone());
        path.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
    }
}

impl Files for Folder {
    fn length(&self, file: &str) -> Option<u64> {
        fs::metadata(self.0.join(file)).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
    }

    fn read(&self, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
        let read = || {
            let mut bytes = vec![0; length];
            let mut file = File::open(self.0.join(file))?;
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)?;
            std::io::Result::Ok(bytes)
        };
        read().map_err(|error| WeightsError::file(file, error.to_string(), "check the file and its permissions"))
    }
}

/// The first `limit` bytes of a file of examples.
pub fn read_start(path: &Path, limit: usize) -> Result<user::File> {
    let read = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut bytes = Vec::new();
        file.take(limit as u64).read_to_end(&mut bytes)?;
        std::io::Result::Ok((bytes, size))
    };
    let (bytes, size) = read().with_context(|| format!("{}: cannot read", path.display()))?;
    let name = path.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned());
    Ok(user::File { name, bytes, size })
}

/// Writes a model's or an adapter's files, making the folder.
pub fn write(path: &Path, files: &[ModelFile]) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("{}: cannot make the folder", path.display()))?;
    for (name, bytes) in files {
        files::replace(&path.join(name), bytes)?;
    }
    Ok(())
}
