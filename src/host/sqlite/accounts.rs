//! Account balances.

use super::fault::Fault;
use super::values::Wide;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::Batch;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::format;
use std::string::String;

/// What the units that stand post, by account.
pub(in crate::host) fn sums(batch: &Batch) -> BTreeMap<(&Account, Currency), i128> {
    let mut sums = BTreeMap::<(&Account, Currency), i128>::new();
    let units = batch.units().iter().zip(batch.verdicts());
    let taken = units.filter(|(unit, verdict)| verdict.is_accepted() && !unit.records.is_empty());
    for posting in taken.flat_map(|(unit, _)| &unit.postings) {
        *sums.entry((&posting.account, posting.amount.currency())).or_default() +=
            i128::from(posting.amount.minor());
    }
    sums
}

/// Adds to balances: each account is written once.
pub(super) fn post(tx: &Connection, sums: BTreeMap<(&Account, Currency), i128>) -> Result<(), Fault> {
    for ((account, currency), sum) in sums {
        let (account, currency) = (account.to_text(), currency.alpha());
        let sql = "SELECT balance_minor FROM accounts WHERE account = ?1 AND currency = ?2";
        let balance = tx.prepare_cached(sql)?.query_row([account.as_str(), currency], |row| row.get(0));
        let Wide(balance) = balance.optional()?.unwrap_or(Wide(0));
        let sql = "INSERT OR REPLACE INTO accounts VALUES (?1, ?2, ?3)";
        tx.prepare_cached(sql)?.execute(params![account, currency, Wide(balance + sum)])?;
    }
    Ok(())
}

/// Shows every balance, in the order of accounts and currencies.
pub(super) fn visit(
    connection: &Connection,
    visit: &mut dyn FnMut(&Account, Currency, i128),
) -> Result<(), Fault> {
    let mut select = connection.prepare_cached("SELECT account, currency, balance_minor FROM accounts")?;
    let mut rows = select.query([])?;
    let mut balances = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (name, code): (String, String) = (row.get(0)?, row.get(1)?);
        let Wide(balance) = row.get(2)?;
        let (Ok(account), Ok(currency)) = (Account::parse(&name), code.parse::<Currency>()) else {
            return Err(Fault::corrupt(format!("there is a balance of `{name}` in `{code}`")));
        };
        balances.insert((account, currency), balance);
    }
    balances.iter().for_each(|((account, currency), balance)| visit(account, *currency, *balance));
    Ok(())
}
