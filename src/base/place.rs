//! Where something stands in a text, as people count.

/// Line and column, both from 1, of the byte `at`. Columns count characters. A byte beyond the text,
/// or within a character, stands for the end of the text.
///
/// ```
/// assert_eq!(scrip::base::line_column("一 = 1\n二 = 2", 8), (2, 1));
/// assert_eq!(scrip::base::line_column("一 = 1\n二 = 2", 12), (2, 3));
/// ```
pub fn line_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let in_line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count().saturating_add(1), in_line.chars().count().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_characters_are_counted_from_one() {
        let text = "ab\n卡x\n";
        let at: [(usize, usize); 6] = [0, 2, 3, 6, 7, 8].map(|at| line_column(text, at));
        assert_eq!(at, [(1, 1), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1)]);
        assert_eq!(line_column(text, 99), (3, 1));
        assert_eq!(line_column("", 0), (1, 1));
    }
}
