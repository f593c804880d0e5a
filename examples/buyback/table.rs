//! The summary as a person reads it in a terminal.

use crate::summary::{Oracle, Summary, Verdict};
use scrip::money::Currency;
use std::fmt::{self, Write};

/// Lays the summary out in plain text, columns aligned. Amounts are decimal units.
pub(crate) fn render(summary: &Summary) -> String {
    let mut text = String::new();
    write(&mut text, summary).expect("writing to a string does not fail");
    text
}

fn write(out: &mut String, summary: &Summary) -> fmt::Result {
    let mut rows = vec![cells(["issuer", "outcome", "count", "face", "paid", "fees", "currency"])];
    for group in &summary.issuers {
        let sums = &group.sums;
        rows.push([
            group.issuer.clone().unwrap_or_else(|| "-".into()),
            group.state.name().into(),
            sums.count.to_string(),
            sum(sums.face_minor, group.currency),
            sum(sums.payout_minor, group.currency),
            sum(sums.fee_minor, group.currency),
            group.currency.unwrap_or("-").into(),
        ]);
    }
    for (currency, sums) in &summary.totals {
        rows.push([
            "all".into(),
            String::new(),
            sums.count.to_string(),
            sum(sums.face_minor, Some(currency)),
            sum(sums.payout_minor, Some(currency)),
            sum(sums.fee_minor, Some(currency)),
            (*currency).into(),
        ]);
    }
    aligned(out, &rows, &[0, 1, 6])?;

    if !summary.reasons.is_empty() {
        let mut rows = vec![cells(["outcome", "reason", "count"])];
        rows.extend(
            summary.reasons.iter().map(|r| [r.state.name().into(), r.reason.clone(), r.count.to_string()]),
        );
        writeln!(out)?;
        aligned(out, &rows, &[0, 1])?;
    }
    let closing = &summary.closing;
    let stages: Vec<_> = closing.stages.iter().filter(|stage| stage.count > 0).collect();
    if !stages.is_empty() {
        let mut rows = vec![cells(["stage", "count", "p50", "p99"])];
        rows.extend(stages.iter().map(|stage| {
            [stage.stage.into(), stage.count.to_string(), span(stage.p50_ms), span(stage.p99_ms)]
        }));
        writeln!(out)?;
        aligned(out, &rows, &[0])?;
    }
    writeln!(out)?;
    ending(out, summary)
}

fn ending(out: &mut String, summary: &Summary) -> fmt::Result {
    let closing = &summary.closing;
    writeln!(out, "lines           {}", summary.lines)?;
    for (currency, minor) in &closing.ledger_balance_minor {
        writeln!(out, "ledger balance  {} {currency}", sum(*minor, Some(currency)))?;
    }
    let root = closing.audit_root.as_deref().unwrap_or("none");
    writeln!(out, "audit root      {root} ({} leaves)", closing.audit_leaves)?;
    let Some(oracle) = &closing.oracle else { return writeln!(out, "oracle          not asked") };
    let verdict = match oracle.verdict {
        Verdict::Agrees => "agrees",
        Verdict::Disagrees => "DISAGREES",
    };
    writeln!(
        out,
        "oracle          {verdict}: {} cards debited{}, {} twice, {} debits unexplained",
        oracle.debited_cards,
        debited(oracle),
        oracle.debited_twice,
        oracle.unexplained
    )
}

fn debited(oracle: &Oracle) -> String {
    let sums = oracle.debited_minor.iter();
    let sums: Vec<_> = sums.map(|(code, minor)| format!("{} {code}", sum(*minor, Some(code)))).collect();
    if sums.is_empty() { String::new() } else { format!(" ({})", sums.join(", ")) }
}

/// A sum of minor units in units of its currency; without a currency there is no sum.
fn sum(minor: i128, currency: Option<&str>) -> String {
    let currency = currency.and_then(|code| code.parse::<Currency>().ok());
    match currency.map(Currency::exponent) {
        None => "-".into(),
        Some(0) => minor.to_string(),
        Some(digits) => {
            let (sign, unit) = (if minor < 0 { "-" } else { "" }, 10_u128.pow(digits));
            let (whole, part) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
            format!("{sign}{whole}.{part:0width$}", width = digits as usize)
        }
    }
}

/// A time in the unit that suits it, to three digits or so.
fn span(ms: u64) -> String {
    let in_units = |unit: u64, name: &str| {
        let hundredths = ms / (unit / 100);
        format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
    };
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => in_units(1_000, "s"),
        60_000..3_600_000 => in_units(60_000, "min"),
        _ => in_units(3_600_000, "h"),
    }
}

fn cells<const N: usize>(texts: [&str; N]) -> [String; N] {
    texts.map(Into::into)
}

/// Writes rows with two blanks between columns: those in `left` to the left, others to the right.
fn aligned<const N: usize>(out: &mut String, rows: &[[String; N]], left: &[usize]) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            if left.contains(&column) {
                write!(line, "{gap}{cell:<width$}")?;
            } else {
                write!(line, "{gap}{cell:>width$}")?;
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::sample;

    #[test]
    fn the_table_is_aligned_and_complete() {
        let expected = "\
issuer   outcome   count    face    paid  fees  currency
-        invalid       1       -       -     -  -
jd       declined      1  100.00    0.00  0.00  CNY
walmart  retired       2  200.00  184.00  2.00  CNY
all                    3  300.00  184.00  2.00  CNY

outcome   reason         count
declined  expired            1
invalid   line_too_long      1

stage   count     p50     p99
verify    200  100 ms  198 ms

lines           4
ledger balance  0.00 CNY
audit root      ab12 (7 leaves)
oracle          agrees: 2 cards debited (200.00 CNY), 0 twice, 0 debits unexplained
";
        assert_eq!(render(&sample()), expected);
    }

    #[test]
    fn sums_and_spans_are_written_for_people() {
        assert_eq!(sum(-5, Some("CNY")), "-0.05");
        assert_eq!(sum(i128::from(i64::MAX) * 2, Some("USD")), "184467440737095516.14");
        assert_eq!((sum(1_234, Some("JPY")), sum(1_234, Some("KWD"))), ("1234".into(), "1.234".into()));
        let spans = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 90_000_020];
        let shown = ["0 ms", "999 ms", "1.00 s", "59.99 s", "1.00 min", "59.99 min", "25.00 h"];
        assert_eq!(spans.map(span), shown);
    }

    #[test]
    fn a_disagreeing_or_absent_oracle_is_said_so() {
        let mut summary = sample();
        summary.closing.oracle.as_mut().unwrap().verdict = Verdict::Disagrees;
        assert!(render(&summary).contains("oracle          DISAGREES: "));
        summary.closing.oracle = None;
        assert!(render(&summary).ends_with("oracle          not asked\n"));
    }
}
