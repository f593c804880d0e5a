//! Files of balances (余额文件): what is on the issuer's cards, as of a day. They answer no question of
//! ours; they are what snapshots are made of.

use super::Batch;
use super::columns::Field;
use super::file::{self, FileError, FileFault, Incoming, RowOf, Totals};
use crate::adapters::calendar::day_begins;
use crate::base::Wall;
use crate::issuer::{Balance, DecodeError};
use crate::money::Amount;

/// What a file of balances says as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// Rows and sums.
    pub totals: Totals,
    /// The beginning of the day that the file or its name tells, at the issuer: no balance in it
    /// is older.
    pub since: Option<Wall>,
}

impl Batch {
    /// Reads a file of balances (as transports hand it over: [`super::enveloped`]) and hands out its
    /// rows, for `Engine::balance_told`. The file counts as a whole: it is checked, with its name,
    /// digest and totals, before the first row is handed out. Reading it twice does no harm.
    ///
    /// # Errors
    /// [`FileError`] with the line: no such file was agreed, it was cut or changed, or a row has no
    /// product, no card or no amount in the agreed currency. Nothing was handed out.
    pub fn balances(&self, bytes: &[u8], told: &mut dyn FnMut(Balance<'_>)) -> Result<Balances, FileError> {
        let unknown =
            FileError { line: 0, at: 0, fault: FileFault::Missing("agreed form of files of balances") };
        let terms = self.terms();
        let side = terms.balances.as_ref().ok_or(unknown)?;
        let file = Incoming::of(bytes)?;
        let (stamp, totals) = file::check(terms, side, &file)?;
        let (mut row, mut bad) = (0_usize, None);
        file::rows(terms, side, &file, &mut |cells| {
            row = row.saturating_add(1);
            if self.balance(cells).is_none() {
                bad = bad.or(Some(row));
            }
        });
        if let Some(row) = bad {
            let line = row.saturating_add(usize::from(side.header.is_some()));
            let fault = FileFault::Missing("product, card and amount of a balance");
            return Err(FileError { line, at: 0, fault });
        }
        file::rows(terms, side, &file, &mut |cells| self.balance(cells).into_iter().for_each(&mut *told));
        let since = stamp.date.and_then(|date| day_begins(date, terms.utc_offset_min));
        Ok(Balances { totals, since })
    }

    /// As [`Issuer::balances_listed`](crate::issuer::Issuer::balances_listed).
    pub(super) fn listed(
        &self,
        bytes: &[u8],
        rows: &mut dyn FnMut(Balance<'_>),
    ) -> Result<Option<Wall>, DecodeError> {
        let named = Incoming::of(bytes).is_ok_and(|file| self.terms().is_balances_name(file.name));
        if !named {
            return Ok(None);
        }
        let error = |error: FileError| DecodeError { at: error.at, what: error.what() };
        // Without a day nobody knows how old they are; it is looked for before a row is handed out.
        let dated = self.balances(bytes, &mut |_| {}).map_err(error)?.since;
        if dated.is_none() {
            return Err(DecodeError { at: 0, what: "the date of the balances" });
        }
        self.balances(bytes, rows).map(|file| file.since).map_err(error)
    }

    fn balance<'r>(&self, row: &'r RowOf<'_>) -> Option<Balance<'r>> {
        let terms = self.terms();
        let filled = |field| row.get(field).filter(|text| !text.is_empty());
        let currency = row.get(Field::Currency).is_none_or(|code| code == terms.currency.alpha());
        let minor = file::read_minor(terms, filled(Field::Amount)?).ok().filter(|_| currency)?;
        let card = filled(Field::Number).or(filled(Field::Secret))?;
        Some(Balance { product: filled(Field::Product)?, card, balance: Amount::new(minor, terms.currency) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::batch::{BatchServer, BatchTerms, FileMeta, enveloped};
    use crate::issuer::Profiles;
    use crate::money::Currency;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    const PROFILE: &str = "[issuer.shop]\nadapter = \"batch\"\nverify = \"none\"\nevidence = \"file\"\n\
        idempotency = \"issuer\"\nrecipe = \"file\"\nlate_debit = \"owe\"\nbatch_window_ms = 5\nbatch_max = 50\n\
        endpoints = [\"a\"]\nrouting = { snapshot_ms = 86_400_000 }\n";

    const TERMS: &str = r#"
delimiter = "|"
currency = "CNY"
status = { "00" = "accepted" }
[out]
name = "OUT_{sequence:6}.txt"
row = [{ field = "reference" }, { field = "number" }, { field = "amount" }]
[result]
name = "RES_{sequence:6}.txt"
row = [{ field = "reference" }, { field = "status" }, { field = "amount" }]
trailer = [{ field = "count" }]
[balances]
name = "BAL_{date}_{sequence:2}.txt"
row = [{ field = "product" }, { field = "number" }, { field = "amount" }]
trailer = [{ field = "count" }, { field = "sum" }]
"#;

    fn batch(terms: &str) -> Result<Batch, String> {
        let profile = Profiles::parse(PROFILE).unwrap().issuers["shop"].clone();
        let terms = BatchTerms::parse(terms).map_err(|error| error.to_string())?;
        Ok(Batch::new(profile, terms, None).unwrap())
    }

    /// Product, card and minor units.
    type Row = (String, String, i64);

    fn read(name: &str, body: &str) -> (Result<Balances, FileError>, Vec<Row>) {
        let mut rows = Vec::new();
        let mut told =
            |row: Balance<'_>| rows.push((row.product.into(), row.card.into(), row.balance.minor()));
        let bytes = enveloped(name, None, body.as_bytes());
        let read = batch(TERMS).unwrap().balances(&bytes, &mut told);
        (read, rows)
    }

    #[test]
    fn a_file_of_balances_is_handed_out_row_by_row_with_its_day() {
        let name = "BAL_20261123_01.txt";
        let (read, rows) = read(name, "gift|6222021234567894|4000\ngift|6222021234560017|0\n2|4000\n");
        let read = read.unwrap();
        assert_eq!((read.totals.count, read.totals.sum), (2, 4_000));
        assert_eq!(read.since, day_begins(20_261_123, 480));
        let row = |number: &str, minor| ("gift".to_string(), number.to_string(), minor);
        assert_eq!(rows, [row("6222021234567894", 4_000), row("6222021234560017", 0)]);
    }

    #[test]
    fn what_was_cut_changed_or_never_agreed_hands_out_nothing() {
        let name = "BAL_20261123_01.txt";
        for (name, body) in [
            (name, "gift|6222021234567894|4000\n"),
            (name, "gift|6222021234567894|4000\n2|4000\n"),
            (name, "gift|6222021234567894|4000\n1|4001\n"),
            (name, "gift|6222021234567894|4000\ngift||1\n2|4001\n"),
            (name, "|6222021234567894|4000\n1|4000\n"),
            ("RES_000001.txt", "gift|6222021234567894|4000\n1|4000\n"),
        ] {
            let (read, rows) = read(name, body);
            assert!(read.is_err() && rows.is_empty(), "{body}: {read:?}");
        }
        let (without, _) = TERMS.split_once("[balances]").unwrap();
        let bytes = enveloped(name, None, b"gift|1|1\n1|1\n");
        assert!(batch(without).unwrap().balances(&bytes, &mut |_| {}).is_err());
    }

    #[test]
    fn a_list_is_known_by_its_name_and_has_a_day() {
        let body = b"gift|6222021234567894|4000\n1|4000\n";
        let listed = |terms: &str, name: &str, body: &[u8]| {
            let (mut rows, bytes) = (0, enveloped(name, None, body));
            let read = batch(terms).unwrap().listed(&bytes, &mut |_| rows += 1);
            (read.map_err(|error| error.what), rows)
        };
        let name = "BAL_20261123_01.txt";
        assert_eq!(listed(TERMS, name, body), (Ok(day_begins(20_261_123, 480)), 1));
        assert_eq!(listed(TERMS, "RES_000001.txt", body), (Ok(None), 0));
        assert_eq!(listed(TERMS, name, &body[..30]), (Err("the sum that the file says"), 0));
        let undated = TERMS.replace("BAL_{date}_", "BAL_");
        assert_eq!(listed(&undated, "BAL_01.txt", body), (Err("the date of the balances"), 0));
        let (without, _) = TERMS.split_once("[balances]").unwrap();
        assert_eq!(listed(without, name, body), (Ok(None), 0));
    }

    #[test]
    fn the_issuers_side_writes_what_is_read() {
        let terms = BatchTerms::parse(TERMS).unwrap();
        let server = BatchServer::new(terms, None).unwrap();
        let row = |card, minor| Balance { product: "gift", card, balance: Amount::new(minor, Currency::CNY) };
        let rows = [row("6222021234567894", 4_000), row("6222021234560017", 0)];
        let meta = FileMeta { at: Wall(1_795_390_215_000), sequence: 7 };
        let file = server.write_balances(&meta, &rows).unwrap();
        assert_eq!(file.head, b"BAL_20261123_07.txt");
        let body = String::from_utf8(file.body.clone()).unwrap();
        assert_eq!(body, "gift|6222021234567894|4000\ngift|6222021234560017|0\n2|4000\n");
    }

    #[test]
    fn terms_of_balances_name_the_card_once_and_know_a_whole_file() {
        let wrong = |from: &str, to: &str| {
            assert!(TERMS.contains(from));
            batch(&TERMS.replace(from, to)).unwrap_err()
        };
        let row = "{ field = \"product\" }, { field = \"number\" }, { field = \"amount\" }";
        assert!(wrong(row, "{ field = \"product\" }, { field = \"amount\" }").contains("names the card"));
        assert!(wrong(row, "{ field = \"number\" }, { field = \"amount\" }").contains("needs columns"));
        assert!(wrong(row, &(row.to_string() + ", { field = \"status\" }")).contains("no place"));
        assert!(
            wrong("name = \"BAL_{date}_{sequence:2}.txt\"", "name = \"RES_{sequence:6}.txt\"")
                .contains("another name")
        );
        let trailer = "\ntrailer = [{ field = \"count\" }, { field = \"sum\" }]";
        assert!(wrong(trailer, "").contains("known to be whole"));
    }
}
