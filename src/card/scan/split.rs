//! Number and secret in one text: by labels (`卡号:… 卡密:…`), by a separator (`NUMBER,SECRET`),
//! or by white space (`NUMBER SECRET`).

use alloc::vec::Vec;

/// One way to take a text apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split<'a> {
    pub(super) number: Option<&'a str>,
    pub(super) secret: Option<&'a str>,
    /// The secret stood before the number, without a label that says so.
    pub(super) swapped: bool,
    /// Other text was left out.
    pub(super) partial: bool,
}

impl<'a> Split<'a> {
    const fn of(number: Option<&'a str>, secret: Option<&'a str>) -> Self {
        Self { number, secret, swapped: false, partial: false }
    }

    /// The number before the secret, and the other way round.
    fn both(a: &'a str, b: &'a str, partial: bool) -> [Self; 2] {
        let straight = Self { partial, ..Self::of(Some(a), Some(b)) };
        [straight, Self { swapped: true, partial, ..Self::of(Some(b), Some(a)) }]
    }
}

/// More parts than this are no number and secret.
const MAX_PARTS: usize = 12;

/// What stands before a number. Longer labels stand before those that they begin with.
const NUMBER_LABELS: &[&str] = &[
    "充值卡号",
    "序列号",
    "卡號",
    "卡号",
    "账号",
    "帐号",
    "card number",
    "serial number",
    "card no",
    "number",
    "serial",
    "card",
    "s/n",
    "sn",
    "no",
];

/// What stands before a secret.
const SECRET_LABELS: &[&str] = &[
    "充值密码",
    "卡密码",
    "卡密碼",
    "刮刮码",
    "激活码",
    "兑换码",
    "密碼",
    "密码",
    "卡密",
    "口令",
    "secret",
    "password",
    "pin code",
    "passcode",
    "code",
    "pin",
    "pwd",
    "cvv",
];

/// The ways to take `text` apart, the likeliest first: labelled ones alone if there are labels;
/// else the whole as a number, the whole as a secret, and pairs.
pub(super) fn splits(text: &str) -> Vec<Split<'_>> {
    if let Some(split) = labelled(text) {
        return alloc::vec![split];
    }
    let mut all = Vec::new();
    let parts: Vec<&str> = text.split(is_hard).map(str::trim).filter(|part| !part.is_empty()).collect();
    match parts[..] {
        [a, b] => all.extend(Split::both(a, b, false)),
        [whole] => {
            all.extend([Split::of(Some(whole), None), Split::of(None, Some(whole))]);
            by_white_space(whole, &mut all);
        }
        _ => {}
    }
    all
}

/// The ways to take apart what was read from a picture: as above, line by line and in pairs of
/// lines too, since other things are printed around number and secret.
pub(super) fn lines(text: &str) -> Vec<Split<'_>> {
    let mut all = splits(text);
    let parts: Vec<&str> = text.split(is_hard).map(str::trim).filter(|part| !part.is_empty()).collect();
    if !(3..=MAX_PARTS).contains(&parts.len()) {
        return all;
    }
    for (i, a) in parts.iter().enumerate() {
        all.extend(parts.iter().skip(i + 1).flat_map(|b| Split::both(a, b, true)));
        let single = [Split::of(Some(a), None), Split::of(None, Some(a))];
        all.extend(single.map(|split| Split { partial: true, ..split }));
    }
    all
}

/// What separates fields, and never stands within one.
fn is_hard(c: char) -> bool {
    matches!(c, ',' | '，' | ';' | '；' | '|' | '｜' | '/' | '\t' | '\n' | '\r' | '、')
}

/// White space may group digits or separate fields: every place is tried. Only of two words the
/// second may be the number.
fn by_white_space<'a>(text: &'a str, all: &mut Vec<Split<'a>>) {
    let gaps: Vec<usize> = text
        .char_indices()
        .filter(|(at, c)| {
            let before = text.get(..*at).and_then(|before| before.chars().next_back());
            c.is_whitespace() && !before.is_some_and(char::is_whitespace)
        })
        .map(|(at, _)| at)
        .collect();
    if gaps.is_empty() || gaps.len() >= MAX_PARTS {
        return;
    }
    for at in &gaps {
        let (number, secret) = text.split_at(*at);
        let both = Split::both(number, secret.trim_start(), false);
        all.extend(if gaps.len() == 1 { &both[..] } else { &both[..1] });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Number,
    Secret,
}

/// The fields by their labels; what stands before the first label is the other field.
fn labelled(text: &str) -> Option<Split<'_>> {
    let marks = marks(text);
    let (first, ..) = *marks.first()?;
    let mut split = Split::of(None, None);
    for (i, (_, start, label)) in marks.iter().enumerate() {
        let end = marks.get(i + 1).map_or(text.len(), |(next, ..)| *next);
        let value = text.get(*start..end).unwrap_or_default();
        let value = value.trim_matches(|c: char| is_hard(c) || is_colon(c) || c.is_whitespace() || c == '。');
        let field = match label {
            Label::Number => &mut split.number,
            Label::Secret => &mut split.secret,
        };
        match field {
            _ if value.is_empty() => {}
            None => *field = Some(value),
            // The same label twice is a list of cards, not one card.
            Some(_) => return None,
        }
    }
    let head = text.get(..first).unwrap_or_default();
    let head = head.trim_matches(|c: char| is_hard(c) || c.is_whitespace());
    match (&split.number, &split.secret) {
        (None, None) => return None,
        (None, Some(_)) if !head.is_empty() => split.number = Some(head),
        (Some(_), None) if !head.is_empty() => split.secret = Some(head),
        _ => split.partial = !head.is_empty(),
    }
    Some(split)
}

/// Where labels begin, where what they label begins, and which they are.
fn marks(text: &str) -> Vec<(usize, usize, Label)> {
    let mut marks = Vec::new();
    let mut at = 0;
    let mut inside_word = false;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        let secret =
            SECRET_LABELS.iter().find_map(|label| matched(rest, label)).map(|len| (len, Label::Secret));
        let number =
            NUMBER_LABELS.iter().find_map(|label| matched(rest, label)).map(|len| (len, Label::Number));
        // 卡密码 is a secret's label and no number's; the longer one is meant.
        let longest = [secret, number].into_iter().flatten().max_by_key(|(len, _)| *len);
        match longest.filter(|_| !inside_word || !c.is_ascii()) {
            Some((len, label)) => {
                marks.push((at, at + len, label));
                at += len;
                inside_word = false;
            }
            None => {
                at += c.len_utf8();
                inside_word = c.is_ascii_alphanumeric();
            }
        }
    }
    marks
}

/// The length of `label` at the start of `text`. An ASCII label is a word, with a colon, an equals
/// sign, a point or a space after it: a word at the end of a line is a heading.
fn matched(text: &str, label: &str) -> Option<usize> {
    let head = text.get(..label.len())?;
    if !head.eq_ignore_ascii_case(label) {
        return None;
    }
    let after = text.get(label.len()..)?.chars().next();
    let ends = |c: char| is_colon(c) || matches!(c, ' ' | '\t' | '.' | '#');
    let dot = usize::from(matches!(after, Some('.' | '#')));
    (!label.is_ascii() || after.is_some_and(ends)).then_some(label.len() + dot)
}

fn is_colon(c: char) -> bool {
    matches!(c, ':' | '：' | '=' | '＝')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(Option<&str>, Option<&str>)> {
        splits(text).iter().map(|split| (split.number, split.secret)).collect()
    }

    #[test]
    fn labels_tell_number_and_secret_in_any_order() {
        for text in [
            "卡号:2326123412341234 卡密:123456",
            "卡号：2326123412341234，卡密：123456",
            "卡号2326123412341234密码123456",
            "密码: 123456 卡号: 2326123412341234",
            "Card No. 2326123412341234 PIN: 123456",
            "SN=2326123412341234;pwd=123456",
            "number: 2326123412341234\nsecret: 123456\n",
            "2326123412341234 密码 123456",
            "card number:2326123412341234 pin code:123456",
        ] {
            assert_eq!(fields(text), [(Some("2326123412341234"), Some("123456"))], "{text}");
        }
        assert_eq!(fields("卡密: ABCD-EFGH-JKLM-NPQR"), [(None, Some("ABCD-EFGH-JKLM-NPQR"))]);
        assert_eq!(fields("卡密码:1234"), [(None, Some("1234"))]);
    }

    #[test]
    fn a_label_within_a_word_or_a_list_is_none() {
        assert_eq!(fields("NOPQRSTUVWXYZ123").len(), 2);
        assert_eq!(fields("PIN1234CODE5678X").len(), 2);
        assert!(labelled("卡号:1 卡密:2 卡号:3 卡密:4").is_none());
        assert!(labelled("卡号: 卡密:").is_none());
    }

    #[test]
    fn a_separator_divides_and_white_space_may_group_or_divide() {
        assert_eq!(fields("1111,2222"), [(Some("1111"), Some("2222")), (Some("2222"), Some("1111"))]);
        assert_eq!(fields("1111\t2222").len(), 2);
        assert!(fields("1,2,3").is_empty(), "what a third field is cannot be told");
        assert_eq!(
            fields("11 22 33"),
            [
                (Some("11 22 33"), None),
                (None, Some("11 22 33")),
                (Some("11"), Some("22 33")),
                (Some("11 22"), Some("33")),
            ]
        );
        assert!(splits("11  22").iter().any(|split| split.swapped && split.number == Some("22")));
    }

    #[test]
    fn lines_of_a_picture_are_tried_in_pairs() {
        let found = lines("WALMART\n2326\n123456");
        let pair = Split { partial: true, ..Split::of(Some("2326"), Some("123456")) };
        assert!(found.contains(&pair));
    }
}
