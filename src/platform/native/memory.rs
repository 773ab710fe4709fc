//! How much memory is free.

use std::fs;

/// Bytes that can be had without swapping; `None` where the system does not say (only Linux does here).
pub fn available() -> Option<u64> {
    parse(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_line_of_available_memory_is_read() {
        assert_eq!(parse("MemTotal: 9 kB\nMemAvailable:   16384 kB\n"), Some(16_777_216));
        assert_eq!(parse("MemTotal: 9 kB"), None);
    }
}
