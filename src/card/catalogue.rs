//! The catalogue of products, read from TOML text.

use super::identity::Alias;
use super::product::Product;
use super::source::{Entry, Wrong, entry};
use crate::base::{Digest, Text, Writer, digest};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a catalogue cannot be read, with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueError {
    line: usize,
    column: usize,
    product: Option<Box<str>>,
    what: Box<str>,
}

impl CatalogueError {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, in characters from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The product in whose table it is.
    pub fn product(&self) -> Option<&str> {
        self.product.as_deref()
    }

    /// What is wrong and what was expected.
    pub fn what(&self) -> &str {
        &self.what
    }

    fn new(text: &str, products: &Products<'_>, wrong: &Wrong) -> Self {
        let before = text.get(..wrong.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        let product = products.iter().rev().find(|(name, _)| name.span().start <= wrong.at);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: in_line.chars().count() + 1,
            product: product.map(|(name, _)| name.get_ref().as_ref().into()),
            what: wrong.what.as_str().into(),
        }
    }
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if let Some(product) = &self.product {
            write!(f, ", product {product:?}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl core::error::Error for CatalogueError {}

/// The products that are taken, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    /// Sorted by name.
    products: Vec<Product>,
    digest: Digest,
}

impl Catalogue {
    /// Reads a catalogue: one table `[product.NAME]` per product. Keys that are not known are
    /// errors. `examples/data/catalogue.toml` shows and explains every key.
    ///
    /// # Errors
    /// [`CatalogueError`] with the first place that is wrong.
    ///
    /// ```
    /// use scrip::card::Catalogue;
    /// let catalogue = Catalogue::parse(r#"
    ///     [product.jd-ecard]
    ///     issuer = "jd"
    ///     family = "ecommerce"
    ///     currencies = ["CNY"]
    ///     face = { values = ["100", "500"] }
    ///     rate = "0.95"
    ///     secret = { kind = "letters-and-digits", lengths = [16], group = 4 }
    /// "#)?;
    /// let product = catalogue.product("jd-ecard").ok_or("no such product")?;
    /// let card = product.read(None, "abcd-efgh-jklm-npqr")?;
    /// assert_eq!(card.secret().expose(), b"ABCDEFGHJKLMNPQR");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(toml: &str) -> Result<Self, CatalogueError> {
        let (table, errors) = DeTable::parse_recoverable(toml);
        let first = errors.iter().min_by_key(|error| error.span().map(|span| span.start));
        let syntax = first.map(|error| Wrong::of(error, toml.len()));
        let (products, outside) = products_of(table.into_inner());
        // What a syntax error broke may look wrong in other ways, so it comes first.
        if let Some(wrong) = syntax.or(outside) {
            return Err(CatalogueError::new(toml, &products, &wrong));
        }
        let read = read_all(&products).map_err(|wrong| CatalogueError::new(toml, &products, &wrong))?;
        let mut products: Vec<Product> = read.into_iter().map(|entry| entry.product).collect();
        products.sort_by(|a, b| a.name().cmp(b.name()));
        let digest = digest_of(&products);
        Ok(Self { products, digest })
    }

    /// What the catalogue means, in one value: layout, comments, the order of tables and the
    /// notes on trust do not count, everything else does.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The product of this name.
    pub fn product(&self, name: &str) -> Option<&Product> {
        self.products.get(self.place(name)?)
    }

    /// Where the product of this name stands among [`Catalogue::products`].
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.products.binary_search_by(|product| product.name().as_str().cmp(name)).ok()
    }

    /// All products, by name.
    pub fn products(&self) -> impl ExactSizeIterator<Item = &Product> {
        self.products.iter()
    }
}

/// The tables `[product.NAME]` in the file's order.
type Products<'a> = Vec<(Spanned<alloc::borrow::Cow<'a, str>>, Spanned<DeValue<'a>>)>;

/// Takes the products out of the file, and says what else is in it.
fn products_of(table: DeTable<'_>) -> (Products<'_>, Option<Wrong>) {
    let mut outside = None;
    let mut products = Products::new();
    let expected = "a catalogue consists of tables [product.NAME]";
    for (key, value) in table {
        let at = key.span().start;
        match value.into_inner() {
            DeValue::Table(table) if key.get_ref() == "product" => products.extend(table),
            _ => outside = outside.or(Some(Wrong::new(at, format!("{expected}, found {:?}", key.get_ref())))),
        }
    }
    if products.is_empty() {
        outside = outside.or(Some(Wrong::new(0, format!("{expected}, found none"))));
    }
    products.sort_by_key(|(name, _)| name.span().start);
    (products, outside)
}

fn read_all(products: &Products<'_>) -> Result<Vec<Entry>, Wrong> {
    let mut entries: Vec<Entry> = Vec::with_capacity(products.len());
    for (name, value) in products {
        let at = name.span().start;
        let text = Text::new(name.get_ref()).map_err(|error| Wrong::new(at, format!("the name {error}")))?;
        entries.push(entry(text, at, value.clone())?);
    }
    for (i, entry) in entries.iter().enumerate() {
        let same_scheme = |other: &&Entry| other.product.scheme() == entry.product.scheme();
        if let Some(first) = entries.iter().take(i).find(same_scheme) {
            agree(&first.product, entry)?;
        }
        for (at, alias) in &entry.aliases {
            let all = entries.iter().filter(same_scheme);
            useful(*alias, all, entry.product.scheme()).map_err(|what| Wrong::new(*at, what))?;
        }
    }
    Ok(entries)
}

/// Products of one scheme must lead to the same keys for one card, or it could be claimed twice.
fn agree(first: &Product, entry: &Entry) -> Result<(), Wrong> {
    let product = &entry.product;
    let key = if product.identity() != first.identity() {
        "identity"
    } else if product.aliases() != first.aliases() {
        "aliases"
    } else if product.reloadable() != first.reloadable() {
        "reloadable"
    } else {
        return Ok(());
    };
    let (name, scheme) = (first.name(), product.scheme());
    Err(Wrong::new(
        entry.scheme_at,
        format!("{key}: must be as in product {name:?}, which is of the same scheme {scheme:?}"),
    ))
}

/// An alias rule between lengths that no product of the scheme has would never find a card.
fn useful<'a>(alias: Alias, all: impl Iterator<Item = &'a Entry>, scheme: &Text) -> Result<(), Box<str>> {
    let lengths = all.filter_map(|entry| entry.product.identity_shape()).map(|shape| shape.lengths());
    let (mut from, mut to) = (false, false);
    for lengths in lengths {
        from |= lengths.holds(alias.when_length());
        to |= lengths.holds(alias.leaves());
    }
    match (from, to) {
        (true, true) => Ok(()),
        (false, _) => {
            Err(format!("aliases: no card of scheme {scheme:?} has {} characters", alias.when_length())
                .into())
        }
        (_, false) => Err(format!(
            "aliases: {} characters would be left, which no card of scheme {scheme:?} has",
            alias.leaves()
        )
        .into()),
    }
}

fn digest_of(products: &[Product]) -> Digest {
    let mut bytes = Vec::new();
    let mut out = Writer::new(&mut bytes);
    products.iter().for_each(|product| product.write(&mut out));
    digest("scrip catalogue 1", &[&bytes])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Family, Identity, OnMismatch};
    use crate::money::{Currency, Rate};
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    const SHIPPED: &str = include_str!("../../examples/data/catalogue.toml");

    const ONE: &str = r#"[product.one]
issuer = "x"
family = "game"
currencies = ["CNY"]
face = { min = "1", max = "100" }
rate = "0.9"
number = { kind = "digits", lengths = [16, 19] }
"#;

    fn error(text: &str) -> String {
        Catalogue::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_catalogue_reads() {
        let catalogue = Catalogue::parse(SHIPPED).unwrap();
        let rows: Vec<_> = catalogue
            .products()
            .map(|p| (p.name().as_str(), p.issuer().as_str(), p.family(), p.rate().ppm() / 10_000))
            .collect();
        assert_eq!(
            rows,
            [
                ("bank-prepaid", "bank", Family::Bank, 90),
                ("fuel-card", "fuel", Family::Fuel, 93),
                ("jd-ecard", "jd", Family::Ecommerce, 95),
                ("regional-market", "regional", Family::Supermarket, 88),
                ("telecom-recharge", "telecom", Family::Telecom, 94),
                ("walmart-gift", "walmart", Family::Supermarket, 92),
            ]
        );
        let guard = (Rate::from_ppm(850_000).unwrap(), Rate::from_ppm(950_000).unwrap());
        for product in catalogue.products() {
            assert_eq!((product.scheme(), product.guard()), (product.name(), guard));
            assert_eq!((product.on_mismatch(), product.reloadable()), (OnMismatch::Settle, false));
            assert!(product.aliases().is_empty() && product.trust().is_some());
        }
        let walmart = catalogue.product("walmart-gift").unwrap();
        assert_eq!(walmart.currencies(), [Currency::CNY, Currency::USD]);
        assert_eq!(catalogue.product("jd-ecard").map(Product::identity), Some(Identity::Secret));
        assert_eq!(catalogue.product("jd"), None);
    }

    #[test]
    fn cards_of_every_shipped_product_read() {
        let catalogue = Catalogue::parse(SHIPPED).unwrap();
        let read = |product: &str, number: &str, secret: &str| {
            let card = catalogue.product(product).unwrap().read(Some(number), secret);
            card.map(|card| card.masked()).map_err(|error| error.reason())
        };
        assert_eq!(read("walmart-gift", "2326 1234 1234 1234", "123456"), Ok("************1234".into()));
        assert_eq!(read("walmart-gift", "2326123412341234567", "123456"), Ok("***************4567".into()));
        assert_eq!(read("walmart-gift", "23261234123412345", "123456"), Err("card_number_shape"));
        assert_eq!(read("walmart-gift", "", "123456"), Err("card_number_missing"));
        assert_eq!(read("walmart-gift", "2326123412341234", "12345"), Err("card_secret_shape"));
        assert_eq!(read("jd-ecard", "", "abcd-efgh-jklm-npqr"), Ok("****".into()));
        assert_eq!(read("jd-ecard", "", "ABCD-EFGH-JKLM-NPQ"), Err("card_secret_shape"));
        assert_eq!(read("bank-prepaid", "6222021234567894", "123456"), Ok("************7894".into()));
        assert_eq!(read("bank-prepaid", "6222021234567895", "123456"), Err("card_number_check_digit"));
        assert_eq!(read("regional-market", "1234567890123", "000000"), Ok("*********0123".into()));
        assert_eq!(read("fuel-card", "1000123412341234123", "123456"), Ok("***************4123".into()));
        assert_eq!(read("fuel-card", "2000123412341234123", "123456"), Err("card_number_shape"));
        assert_eq!(
            read("telecom-recharge", "12345678901234567", "123456789012345678"),
            Ok("*************4567".into())
        );
        assert_eq!(read("telecom-recharge", "12345678901234567", ""), Err("card_secret_missing"));
    }

    #[test]
    fn errors_name_line_column_product_and_what_was_expected() {
        let cases = [
            (ONE.replace(r#"rate = "0.9""#, r#"rate = "0.99""#), 6, 8, "rate: must be within its guard"),
            (ONE.replace(r#"rate = "0.9""#, "rate = 0.9"), 6, 8, "expected a string"),
            (ONE.replace(r#"rate = "0.9""#, "rated = 1"), 6, 1, "unknown field `rated`, expected one of"),
            (ONE.replace("rate = \"0.9\"\n", ""), 1, 10, "missing field `rate`"),
            (ONE.replace("\"CNY\"", "\"RMB\""), 4, 15, "currencies: not an ISO 4217 currency code"),
            (ONE.replace("\"CNY\"", ""), 4, 14, "currencies: expected at least one"),
            (ONE.replace("game", "toys"), 3, 10, "family: expected one of supermarket, "),
            (ONE.replace("\"100\"", "\"0.5\""), 5, 27, "face.max: must not be below face.min"),
            (ONE.replace("\"1\"", "\"0\""), 5, 16, "face.min: must be above 0"),
            (ONE.replace("\"1\"", "\"1e3\""), 5, 16, "face.min: an amount is digits"),
            (ONE.replace(r#", max = "100""#, ""), 5, 8, "face: expected {"),
            (ONE.replace("16, 19", "16, 65"), 7, 44, "number: expected lengths from 1 to 64"),
            (ONE.replace("16, 19", "16, 256"), 7, 44, "expected u8"),
            (ONE.replace("lengths = [16, 19]", "min_length = 3"), 7, 10, "number: expected both min_length"),
            (ONE.replace("digits\"", "letters\""), 7, 19, "number.kind: expected one of digits, "),
            (
                ONE.replace("19] }", "19], prefixes = [\"6A\"] }"),
                7,
                61,
                "number.prefixes: expected up to 19 digits",
            ),
            (ONE.replace("19] }", "19], group = 0 }"), 7, 57, "number.group: must be above 0"),
            (ONE.replace("number = ", "# "), 1, 10, "secret: expected the shape of the secret"),
            (ONE.replace("game\"", "game"), 3, 15, "invalid basic string"),
        ];
        for (text, line, column, what) in cases {
            let error = Catalogue::parse(&text).unwrap_err();
            assert_eq!(
                (error.line(), error.column(), error.product()),
                (line, column, Some("one")),
                "{error}"
            );
            assert!(error.what().contains(what), "{error}");
        }
    }

    #[test]
    fn what_is_no_product_is_refused() {
        assert_eq!(error(""), "line 1, column 1: a catalogue consists of tables [product.NAME], found none");
        assert!(
            error(&format!("{ONE}[products.two]\n")).starts_with("line 8, column 2, product \"one\": a cat")
        );
        assert!(error("[product.\"\"]\n").contains("the name must not be empty"));
        assert!(error("[product]\none = 1\n").starts_with("line 2, column 7, product \"one\": "));
        assert!(error(&format!("{ONE}{ONE}")).starts_with("line 8, column 10, product \"one\": "));
    }

    #[test]
    fn alias_rules_must_lead_from_one_length_of_the_scheme_to_another() {
        let with = |rule: &str| Catalogue::parse(&format!("{ONE}aliases = [{rule}]\n"));
        assert!(with("{ when_length = 19, drop_last = 3 }").is_ok());
        for (rule, what) in [
            ("{ when_length = 18, drop_last = 2 }", "has 18 characters"),
            ("{ when_length = 19, drop_first = 4 }", "15 characters would be left"),
            ("{ when_length = 19, drop_first = 19 }", "fewer than when_length"),
            ("{ when_length = 19, drop_first = 3, drop_last = 3 }", "either drop_first or drop_last"),
            ("{ when_length = 19 }", "either drop_first or drop_last"),
        ] {
            let error = with(rule).unwrap_err();
            assert_eq!((error.line(), error.column()), (8, 12), "{error}");
            assert!(error.what().contains(what), "{error}");
        }
        let five = ["{ when_length = 19, drop_last = 3 }"; 5].join(", ");
        assert!(with(&five).unwrap_err().what().contains("at most 4 rules"));
    }

    #[test]
    fn a_symbol_names_products_and_cuts_out_card_numbers() {
        let with = |symbol: &str| Catalogue::parse(&format!("{ONE}[product.one.symbol]\n{symbol}\n"));
        let catalogue =
            with("gtin = [\"6291041500213\", \"042100005264\"]\nserial = { at = 13, len = 16 }").unwrap();
        let symbol = catalogue.product("one").and_then(Product::symbol).unwrap();
        let gtins: Vec<_> = symbol.gtins().iter().map(|gtin| gtin.shortest()).collect();
        assert_eq!(gtins, ["042100005264", "6291041500213"]);
        assert_eq!(symbol.serial().map(|slice| (slice.at, slice.len)), Some((13, 16)));
        for (symbol, line, column, what) in [
            ("gtin = [\"6291041500214\"]", 9, 9, "symbol.gtin: the check digit at byte 12 is wrong"),
            ("gtin = [\"9901234567899\"]", 9, 9, "symbol.gtin: a coupon prefix names no product"),
            ("gtin = [\"9801234567892\"]", 9, 9, "symbol.gtin: a refund receipt names no product"),
            ("gtin = []", 8, 1, "symbol.gtin: expected at least one"),
            (
                "gtin = [\"042100005264\"]\nserial = { at = 13, len = 15 }",
                10,
                10,
                "symbol.serial: len must be a length of the number",
            ),
            (
                "gtin = [\"042100005264\"]\nserial = { at = 3, len = 16 }",
                10,
                10,
                "symbol.serial: at must leave room for a GTIN",
            ),
        ] {
            let error = with(symbol).unwrap_err();
            assert_eq!((error.line(), error.column()), (line, column), "{error}");
            assert!(error.what().starts_with(what), "{error}");
        }
    }

    #[test]
    fn products_of_one_scheme_agree_on_what_names_a_card() {
        let two = |more: &str| {
            let second = ONE.replace("[product.one]", "[product.two]\nscheme = \"one\"");
            Catalogue::parse(&format!("{ONE}{second}{more}"))
        };
        assert_eq!(two("").unwrap().product("two").unwrap().scheme().as_str(), "one");
        for (more, key) in [
            ("reloadable = true", "reloadable"),
            ("aliases = [{ when_length = 19, drop_last = 3 }]", "aliases"),
            ("secret = { kind = \"digits\", lengths = [6] }\nidentity = \"secret\"", "identity"),
        ] {
            let error = two(more).unwrap_err();
            assert_eq!((error.line(), error.column(), error.product()), (9, 10, Some("two")));
            assert!(error.what().starts_with(key) && error.what().contains("\"one\""), "{error}");
        }
    }

    #[test]
    fn a_digest_tells_what_a_catalogue_means_and_nothing_else() {
        let digest = |text: &str| Catalogue::parse(text).unwrap().digest();
        let two = ONE.replace("product.one", "product.two");
        let one = digest(ONE);
        assert_eq!(digest(&ONE.replace("16, 19", "19,16 , 16").replace("0.9", "0.900")), one);
        assert_eq!(digest(&format!("# note\n{ONE}\ntrust = \"weak\" # note\nscheme = \"one\"")), one);
        assert_eq!(digest(&format!("{ONE}{two}")), digest(&format!("{two}{ONE}")));
        let others = [
            two,
            ONE.replace("0.9", "0.91"),
            ONE.replace("16, 19", "16, 18"),
            ONE.replace("\"100\"", "\"100.01\""),
            ONE.replace(r#"min = "1", max = "100""#, r#"values = ["1", "100"]"#),
            ONE.replace("CNY", "USD"),
            ONE.replace("game", "fuel"),
            ONE.replace("\"x\"", "\"y\""),
            format!("{ONE}limit = \"50\""),
            format!("{ONE}guard = {{ min = \"0.8\", max = \"0.95\" }}"),
            format!("{ONE}scheme = \"x\""),
            format!("{ONE}reloadable = true"),
            format!("{ONE}on_mismatch = \"review\""),
            format!("{ONE}aliases = [{{ when_length = 19, drop_last = 3 }}]"),
            format!("{ONE}secret = {{ kind = \"digits\", lengths = [16, 19] }}"),
            ONE.replace("19] }", "19], prefixes = [\"1\"] }"),
            ONE.replace("19] }", "19], check = \"luhn\" }"),
            ONE.replace("19] }", "19], group = 4 }"),
            ONE.replace("\"digits\"", "\"letters-and-digits\""),
            format!("{ONE}symbol = {{ gtin = [\"6291041500213\"] }}"),
            format!("{ONE}symbol = {{ gtin = [\"6291041500213\"], serial = {{ at = 13, len = 16 }} }}"),
        ];
        let mut all: Vec<Digest> = others.iter().map(|text| digest(text)).chain([one]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), others.len() + 1);
    }

    #[test]
    fn the_digest_of_a_catalogue_stays_the_same_from_version_to_version() {
        // Records pin digests: another value here needs another domain in `digest_of`. Computed
        // apart from this code, from the canonical form that `Product::write` documents.
        let pinned = "5bbe04589680f0e551b5bd579a256c72004657898ead9d3f54c8c8c55bd5fdf2";
        assert_eq!(Catalogue::parse(ONE).unwrap().digest().to_string(), pinned);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            prop_assert!(Catalogue::parse(&text).is_err());
        }

        #[test]
        fn no_broken_catalogue_panics(
            at in any::<prop::sample::Index>(),
            cut in 0_usize..12,
            new in "[\\[\\]{}=\",.0-9a-z\n\u{0}-\u{1f}京]{0,6}",
        ) {
            let from = at.index(SHIPPED.len());
            let from = (from..).find(|at| SHIPPED.is_char_boundary(*at)).unwrap();
            let to = (from + cut..).find(|at| *at >= SHIPPED.len() || SHIPPED.is_char_boundary(*at)).unwrap();
            let text = format!("{}{new}{}", &SHIPPED[..from], SHIPPED.get(to..).unwrap_or_default());
            match Catalogue::parse(&text) {
                Ok(catalogue) => prop_assert!(catalogue.products().len() > 0),
                Err(error) => {
                    prop_assert!(error.line() >= 1 && error.line() <= text.split('\n').count());
                    let line = text.split('\n').nth(error.line() - 1).unwrap();
                    prop_assert!(error.column() >= 1 && error.column() <= line.chars().count() + 1);
                }
            }
        }
    }
}
