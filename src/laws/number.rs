//! Numbers as people write them: 1,024 and 1.024,5 and 1 024, 3,01 with a decimal comma, 64k and 7B, 1e3, 1_000, 12%.
//! Which mark parts thousands and which the decimals is told by the column where a cell leaves no choice, else by the
//! whole table.

/// The mark before the decimals; the other one of the two parts thousands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decimal {
    Point,
    Comma,
}

/// Spaces and marks that part thousands wherever they stand.
const PARTING: [char; 6] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '’'];

/// The number in a cell; none where it is none.
pub(crate) fn number(cell: &str, decimal: Decimal) -> Option<f64> {
    let cell = cell.trim().replace('\u{2212}', "-");
    if decimal == Decimal::Point
        && let Ok(value) = cell.parse()
    {
        return Some(value);
    }
    let (body, factor) = without_suffix(&cell);
    let (sign, body) = match body.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, body.strip_prefix('+').unwrap_or(body)),
    };
    let (mark, thousands) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, decimals) = mantissa.split_once(mark).map_or((mantissa, None), |(whole, rest)| (whole, Some(rest)));
    let whole = without_parting(whole, thousands)?;
    let decimals = decimals.unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(decimals) || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    let value: f64 = format!("{whole}.{decimals}0e{exponent}").parse().ok()?;
    Some(sign * value * factor)
}

/// Which mark is the decimal one, where a cell leaves no choice.
pub(crate) fn decimal_in(cell: &str) -> Option<Decimal> {
    let cell = cell.trim();
    let (body, _) = without_suffix(cell);
    let body = body.trim_start_matches(['-', '+', '\u{2212}']);
    if !body.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (last, mark) = body.char_indices().rfind(|(_, c)| matches!(c, '.' | ','))?;
    let this = if mark == '.' { Decimal::Point } else { Decimal::Comma };
    let other = if mark == '.' { Decimal::Comma } else { Decimal::Point };
    let before = &body[..last];
    if before.contains(mark) {
        return Some(other);
    }
    let could_be_thousands = {
        let after = &body[last + 1..];
        let first = before.len();
        after.len() == 3
            && (1..=3).contains(&first)
            && !before.starts_with('0')
            && after.bytes().all(|b| b.is_ascii_digit())
    };
    let both = before.contains(['.', ',']);
    (both || !could_be_thousands).then_some(this)
}

/// A number without what stands behind it, and by how much that multiplies it.
fn without_suffix(cell: &str) -> (&str, f64) {
    let suffixes =
        [('%', 0.01), ('k', 1e3), ('K', 1e3), ('m', 1e6), ('M', 1e6), ('b', 1e9), ('B', 1e9), ('G', 1e9), ('T', 1e12)];
    for (suffix, factor) in suffixes {
        if let Some(body) = cell.strip_suffix(suffix) {
            let body = body.trim_end();
            if body.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
                return (body, factor);
            }
        }
    }
    (cell, 1.0)
}

/// Whole digits without the marks between their groups; none where the groups are no thousands.
fn without_parting(whole: &str, thousands: char) -> Option<String> {
    if whole.contains('_') {
        let groups: Vec<&str> = whole.split('_').collect();
        let fine = groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
        return fine.then(|| groups.concat());
    }
    let Some(mark) = whole.chars().find(|c| *c == thousands || PARTING.contains(c)) else {
        return whole.bytes().all(|byte| byte.is_ascii_digit()).then(|| whole.to_string());
    };
    let groups: Vec<&str> = whole.split(mark).collect();
    let fine = |(at, group): (usize, &&str)| {
        let long = if at == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 };
        long && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    groups.iter().enumerate().all(fine).then(|| groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (cell, value) in [
            ("64", 64.0),
            ("1,024", 1024.0),
            ("1,234,567.5", 1_234_567.5),
            ("1 024", 1024.0),
            ("1\u{202f}024", 1024.0),
            ("1'024", 1024.0),
            ("1_000_000", 1e6),
            ("64k", 64e3),
            ("1.5 M", 1.5e6),
            ("7B", 7e9),
            ("1e3", 1e3),
            ("2.5E-1", 0.25),
            ("12%", 0.12),
            ("-3", -3.0),
            ("\u{2212}3.5", -3.5),
            (".5", 0.5),
        ] {
            let read = number(cell, Decimal::Point).unwrap_or(f64::NAN);
            assert!((read - value).abs() <= 1e-12 * value.abs(), "{cell}: {read}");
        }
        for (cell, value) in [("3,01", 3.01), ("1.024", 1024.0), ("1.024,5", 1024.5), ("64", 64.0), ("0,5%", 0.005)] {
            assert_eq!(number(cell, Decimal::Comma), Some(value), "{cell}");
        }
        for cell in
            ["", "-", "k", "1,02", "1,0244", "1,,024", "12,34,567", "_1", "1_", "0x10", "1.2.3", "abc", "5 runs", "1e"]
        {
            assert_eq!(number(cell, Decimal::Point), None, "{cell}");
        }
        assert_eq!(number("1.5", Decimal::Comma), None);
    }

    #[test]
    fn a_cell_may_tell_the_decimal_mark() {
        for (cell, mark) in [
            ("3,01", Some(Decimal::Comma)),
            ("0,512", Some(Decimal::Comma)),
            ("1.234,5", Some(Decimal::Comma)),
            ("1.024.000", Some(Decimal::Comma)),
            ("3.01", Some(Decimal::Point)),
            ("1,234.5", Some(Decimal::Point)),
            ("1,024,000", Some(Decimal::Point)),
            ("1,024", None),
            ("1.024", None),
            ("64", None),
            ("a,b", None),
        ] {
            assert_eq!(decimal_in(cell), mark, "{cell}");
        }
    }
}
