//! A model's or adapter's files as one .zip, out and in. What is written is stored as it is: weights do not compress.
//! What is read may come from anywhere, so names that climb, sizes that lie and archives that unpack without end are
//! refused.

use super::{MemoryFiles, ModelFile, WeightsError};
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use rawzip::{CompressionMethod, ErrorKind, ZipArchive, ZipArchiveWriter};

/// The files as a .zip, in their order, in the folder `folder`.
pub fn write_archive(folder: &str, files: Vec<ModelFile>) -> Result<Vec<u8>, WeightsError> {
    let failed = |error: rawzip::Error| WeightsError::file(folder, error.to_string(), "report this as a bug");
    let size: usize = files.iter().map(|(name, bytes)| bytes.len() + 2 * (name.len() + folder.len()) + 256).sum();
    let mut archive = ZipArchiveWriter::new(Vec::with_capacity(size));
    for (name, bytes) in files {
        let path = format!("{folder}/{name}");
        let (mut entry, config) = archive.new_file(path.as_str()).start().map_err(failed)?;
        let mut writer = config.wrap(&mut entry);
        std::io::Write::write_all(&mut writer, &bytes).map_err(|error| failed(error.into()))?;
        let (_, descriptor) = writer.finish().map_err(failed)?;
        entry.finish(descriptor).map_err(failed)?;
    }
    archive.finish().map_err(failed)
}

/// Of the .zip `name`, the files that are `wanted`, by the last part of their path; they may unpack to `most` bytes.
///
/// # Errors
/// A damaged archive, a path that leads out of it, a file that is wanted twice, one that is packed or locked in a way
/// not read here, and one that is too large.
pub fn read_archive(
    name: &str,
    bytes: &[u8],
    wanted: impl Fn(&str) -> bool,
    most: usize,
) -> Result<MemoryFiles, WeightsError> {
    const AGAIN: &str = "download or pack it again";
    let damaged = |error: rawzip::Error| {
        let problem = match error.kind() {
            ErrorKind::MissingEndOfCentralDirectory => "it is no complete .zip".into(),
            _ => format!("it is damaged ({error})"),
        };
        WeightsError::file(name, problem, AGAIN)
    };
    let archive = ZipArchive::from_slice(bytes).map_err(damaged)?;
    let mut found = MemoryFiles::default();
    let mut room = most;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let path = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
        let refuse = |problem: String, remedy| Err(WeightsError::file(name, format!("{path}: {problem}"), remedy));
        if path.starts_with('/')
            || path.contains('\\')
            || path.contains(':')
            || path.split('/').any(|part| part == "..")
        {
            return refuse("this path leads out of the archive".into(), "use archives from people you trust only");
        }
        let file = path.rsplit_once('/').map_or(path.as_str(), |(_, file)| file);
        // What a Mac leaves beside every file has the same names.
        if entry.is_dir() || !wanted(file) || path.split('/').any(|part| part == "__MACOSX") {
            continue;
        }
        if found.0.contains_key(file) {
            return refuse("it is in the archive more than once".into(), "pack one adapter alone");
        }
        let size = usize::try_from(entry.uncompressed_size_hint()).unwrap_or(usize::MAX);
        if size > room {
            return refuse(
                format!("it unpacks to {size} bytes, and the limit is {most} in all"),
                "pack one adapter alone",
            );
        }
        let packed = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
        let unpacked = match entry.compression_method() {
            CompressionMethod::STORE => packed.data().to_vec(),
            CompressionMethod::DEFLATE => match decompress_to_vec_with_limit(packed.data(), size) {
                Ok(unpacked) => unpacked,
                Err(error) => return refuse(format!("it does not unpack as it says ({error})"), AGAIN),
            },
            other => {
                return refuse(format!("it is packed by method {}", other.as_u16()), "pack it as an ordinary .zip");
            }
        };
        if unpacked.len() != size || rawzip::crc32(&unpacked) != entry.crc32() {
            return refuse("its contents are not as the archive says".into(), AGAIN);
        }
        room -= size;
        found.0.insert(file.to_string(), unpacked);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<ModelFile> {
        vec![("a.json".into(), b"{}".to_vec()), ("b.bin".into(), vec![7; 1000])]
    }

    fn read(bytes: &[u8], most: usize) -> Result<MemoryFiles, WeightsError> {
        read_archive("x.zip", bytes, |_| true, most)
    }

    /// The archive with every `from` in it, of the same length, made `to`.
    fn forged(from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut bytes = write_archive("dir", files()).unwrap();
        let places: Vec<usize> = (0..=bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
        bytes
    }

    #[test]
    fn what_is_written_reads_back() {
        let bytes = write_archive("dir", files()).unwrap();
        assert_eq!(read(&bytes, 1002).unwrap().0, files().into_iter().collect());
        let some = read_archive("x.zip", &bytes, |file| file == "a.json", 10).unwrap();
        assert_eq!(some.0.keys().collect::<Vec<_>>(), ["a.json"]);
    }

    #[test]
    fn tricks_and_damage_are_named() {
        let whole = write_archive("dir", files()).unwrap();
        let says = |bytes: &[u8], most, part: &str| {
            let error = read(bytes, most).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        says(b"no zip at all", 1 << 20, "no complete .zip");
        says(&whole[..whole.len() - 40], 1 << 20, "no complete .zip");
        says(&whole, 1001, "the limit is 1001");
        says(&forged(b"dir/a", b"../.a"), 1 << 20, "leads out of the archive");
        says(&forged(b"dir/a", b"/ir/a"), 1 << 20, "leads out of the archive");
        says(&forged(&[7; 1000], &[8; 1000]), 1 << 20, "not as the archive says");
    }

    proptest::proptest! {
        #[test]
        fn any_damage_is_an_error_or_harmless(at in 0usize..1300, to in proptest::prelude::any::<u8>(), cut in 0usize..1300) {
            let mut bytes = write_archive("dir", files()).unwrap();
            let end = bytes.len();
            bytes[at % end] = to;
            bytes.truncate(end - cut % end);
            if let Ok(found) = read(&bytes, 1 << 20) {
                proptest::prop_assert!(found.0.values().map(Vec::len).sum::<usize>() <= 1 << 20);
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_size_it_names() {
        let packed = miniz_oxide::deflate::compress_to_vec(&vec![0; 50 << 20], 9);
        let mut archive = ZipArchiveWriter::new(Vec::new());
        let builder = archive.new_file("adapter_config.json").compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = builder.start().unwrap();
        // It says that it holds ten bytes.
        let mut writer = config.wrap(std::io::sink());
        std::io::Write::write_all(&mut writer, &[0; 10]).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        std::io::Write::write_all(&mut entry, &packed).unwrap();
        entry.finish(descriptor).unwrap();
        let error = read(&archive.finish().unwrap(), 1 << 20).unwrap_err().to_string();
        assert!(error.contains("does not unpack as it says"), "{error}");
    }
}
