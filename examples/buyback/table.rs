//! The summary as a person reads it in a terminal.

use crate::summary::{Summary, Verdict};
use std::fmt::{self, Write};

/// Lays the summary out in plain text, columns aligned. Amounts are minor units.
pub(crate) fn render(summary: &Summary) -> String {
    let mut text = String::new();
    write(&mut text, summary).expect("writing to a string does not fail");
    text
}

fn write(out: &mut String, summary: &Summary) -> fmt::Result {
    let mut rows =
        vec![cells(["issuer", "outcome", "count", "face_minor", "paid_minor", "fees_minor", "currency"])];
    for group in &summary.issuers {
        let sums = &group.sums;
        rows.push([
            group.issuer.clone().unwrap_or_else(|| "-".into()),
            group.state.name().into(),
            sums.count.to_string(),
            sums.face_minor.to_string(),
            sums.payout_minor.to_string(),
            sums.fee_minor.to_string(),
            group.currency.unwrap_or("-").into(),
        ]);
    }
    for (currency, sums) in &summary.totals {
        rows.push([
            "all".into(),
            String::new(),
            sums.count.to_string(),
            sums.face_minor.to_string(),
            sums.payout_minor.to_string(),
            sums.fee_minor.to_string(),
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
    if !closing.stages.is_empty() {
        let mut rows = vec![cells(["stage", "count", "p50_ms", "p99_ms"])];
        rows.extend(closing.stages.iter().map(|stage| {
            [stage.stage.into(), stage.count.to_string(), stage.p50_ms.to_string(), stage.p99_ms.to_string()]
        }));
        writeln!(out)?;
        aligned(out, &rows, &[0])?;
    }
    writeln!(out)?;
    ending(out, summary)
}

fn ending(out: &mut String, summary: &Summary) -> fmt::Result {
    let closing = &summary.closing;
    for (currency, minor) in &closing.ledger_balance_minor {
        writeln!(out, "ledger balance  {minor} {currency}")?;
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
        "oracle          {verdict}: {} cards debited, {} twice, {} debits unexplained",
        oracle.debited_cards, oracle.debited_twice, oracle.unexplained
    )
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
issuer   outcome   count  face_minor  paid_minor  fees_minor  currency
-        invalid       1           0           0           0  -
jd       declined      1       10000           0           0  CNY
walmart  retired       2       20000       18400         200  CNY
all                    3       30000       18400         200  CNY

outcome   reason         count
declined  expired            1
invalid   line_too_long      1

stage   count  p50_ms  p99_ms
verify    200     100     198
redeem      0       0       0

ledger balance  0 CNY
audit root      ab12 (7 leaves)
oracle          agrees: 2 cards debited, 0 twice, 0 debits unexplained
";
        assert_eq!(render(&sample()), expected);
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
