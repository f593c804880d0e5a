//! Every application identifier, from the facts of the GS1 Barcode Syntax Dictionary (state
//! of 2026-07-27): components, checks, lengths, separators, associations, Digital Link roles.
//! `tests/gs1_dictionary.rs` compares it with the dictionary line by line.

use super::ai::Charset::{Numeric, Set39, Set64, Set82};
use super::ai::Lint::{
    CouponCode, CouponPositiveOffer, Csum, CsumAlpha, GcpPos1, GcpPos2, HasNonDigit, Hh, Hhmi, Hyphen, Iban,
    ImporterIndex, Iso3166, Iso3166Alpha2, Iso3166Or999, Iso4217, Iso5218, Latitude, Longitude, MediaType,
    Mi, NoZeroPrefix, NonZero, PackageType, PercentEncoding, PieceOfTotal, PositionInSequence, Ss, Winding,
    YesNo, Yymmd0, Yymmdd, Yyyymmdd, Zero,
};
use super::ai::{Ai, Charset, Entry, Lint, Part, Pattern};

/// Groups of identifiers, one of which must be there whole.
macro_rules! needs {
    [$($first:literal $(+ $more:literal)*),+] => {
        const { &[$(&[Pattern::new($first) $(, Pattern::new($more))*] as &[Pattern]),+] as &[&[Pattern]] }
    };
}

/// Identifiers that may not be there.
macro_rules! bars {
    [$($ai:literal),+] => { const { &[$(Pattern::new($ai)),+] as &[Pattern] } };
}

/// Qualifier sequences of a primary key.
macro_rules! keys {
    [$([$($ai:literal),+]),+] => { const { &[$(&[$(Ai::new($ai)),+] as &[Ai]),+] as &[&[Ai]] } };
}

const fn part(charset: Charset, len: u8) -> Part {
    Part { charset, min: len, max: len, optional: false, lints: &[] }
}

const fn n(len: u8) -> Part {
    part(Numeric, len)
}

const fn x(len: u8) -> Part {
    part(Set82, len)
}

const fn y(len: u8) -> Part {
    part(Set39, len)
}

const fn z(len: u8) -> Part {
    part(Set64, len)
}

impl Part {
    const fn up_to(self) -> Self {
        Self { min: 1, ..self }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    const fn lint(self, lints: &'static [Lint]) -> Self {
        Self { lints, ..self }
    }
}

impl Entry {
    const fn predefined(self) -> Self {
        Self { predefined: true, ..self }
    }

    const fn attribute(self) -> Self {
        Self { attribute: true, ..self }
    }

    const fn needing(self, requires: &'static [&'static [Pattern]]) -> Self {
        Self { requires, ..self }
    }

    const fn barring(self, excludes: &'static [Pattern]) -> Self {
        Self { excludes, ..self }
    }

    const fn key(self, qualifiers: &'static [&'static [Ai]]) -> Self {
        Self { key: Some(qualifiers), ..self }
    }
}

const fn rows(first: u16, last: u16, title: &'static str, parts: &'static [Part]) -> Entry {
    let (mut min, mut max, mut rest) = (0, 0, parts);
    while let [part, more @ ..] = rest {
        min += if part.optional { 0 } else { part.min };
        max += part.max;
        rest = more;
    }
    Entry {
        first,
        last,
        title,
        predefined: false,
        attribute: false,
        parts,
        requires: &[],
        excludes: &[],
        key: None,
        min,
        max,
    }
}

const fn row(ai: u16, title: &'static str, parts: &'static [Part]) -> Entry {
    rows(ai, ai, title, parts)
}

/// A trade or logistic measure: six digits, of which the AI's last digit says how many are
/// decimals. One measure is given with one number of decimals only.
const fn measure(
    first: u16,
    same: &'static [Pattern],
    requires: &'static [&'static [Pattern]],
    title: &'static str,
) -> Entry {
    rows(first, first + 5, title, SIX).predefined().attribute().needing(requires).barring(same)
}

/// Finds rows by the digits of an AI without searching.
pub(super) struct Index {
    /// By the first two digits: how many digits the AI has, 0 where none is allocated.
    pub(super) widths: [u8; 100],
    /// By the first two digits: where the rows for the digits after them begin.
    pub(super) bases: [u16; 100],
    /// Row plus one, 0 where none is allocated.
    pub(super) rows: [u8; Index::SLOTS],
}

impl Index {
    /// Room for what the prefixes in use need: 1, 10 or 100 slots each.
    const SLOTS: usize = 1_500;

    #[expect(clippy::indexing_slicing, reason = "evaluated when compiled, where a slip is an error")]
    const fn of(table: &[Entry]) -> Self {
        let mut index = Self { widths: [0; 100], bases: [0; 100], rows: [0; Self::SLOTS] };
        let (mut free, mut row) = (0, 0);
        while row < table.len() {
            let mut ai = table[row].first;
            while ai <= table[row].last {
                let (width, slots) = match ai {
                    0..=99 => (2, 1),
                    100..=999 => (3, 10),
                    _ => (4, 100),
                };
                let prefix = (ai / slots) as usize;
                if index.widths[prefix] == 0 {
                    index.widths[prefix] = width;
                    index.bases[prefix] = free;
                    free += slots;
                }
                index.rows[(index.bases[prefix] + ai % slots) as usize] = row as u8 + 1;
                ai += 1;
            }
            row += 1;
        }
        index
    }
}

pub(super) static INDEX: Index = Index::of(ROWS);

const SIX: &[Part] = &[n(6)];
const GTIN: &[Part] = &[n(14).lint(&[Csum, GcpPos2])];
const GLN: &[Part] = &[n(13).lint(&[Csum, GcpPos1])];
const DATE: &[Part] = &[n(6).lint(&[Yymmd0])];
const X20: &[Part] = &[x(20).up_to()];
const X30: &[Part] = &[x(30).up_to()];
const GSRN: &[Part] = &[n(18).lint(&[Csum, GcpPos1])];
const PC35: &[Part] = &[x(35).up_to().lint(&[PercentEncoding])];
const PC70: &[Part] = &[x(70).up_to().lint(&[PercentEncoding])];
const PC40: &[Part] = &[x(40).up_to().lint(&[PercentEncoding])];
const YES_NO: &[Part] = &[n(1).lint(&[YesNo])];
const TEMPERATURE: &[Part] = &[n(6), x(1).optional().lint(&[Hyphen])];
const PROCESSOR: &[Part] = &[n(3).lint(&[Iso3166Or999]), x(27).up_to()];
const CERTIFICATE: &[Part] = &[x(2), x(28).up_to()];
const AMOUNT: &[Part] = &[n(15).up_to()];
const AMOUNT_ISO: &[Part] = &[n(3).lint(&[Iso4217]), n(15).up_to()];
const COUNTRIES: &[Part] = &[
    n(3).lint(&[Iso3166]),
    n(3).optional().lint(&[Iso3166]),
    n(3).optional().lint(&[Iso3166]),
    n(3).optional().lint(&[Iso3166]),
    n(3).optional().lint(&[Iso3166]),
];
const COUNTRY: &[Part] = &[n(3).lint(&[Iso3166])];
const COUNT: &[Part] = &[n(8).up_to()];
const TRADE_ITEM: &[&[Pattern]] = needs!["01", "02", "03", "8006", "8026"];
const ITEM_OR_CONTENT: &[&[Pattern]] = needs!["01", "02"];
const LOGISTIC_OR_ITEM: &[&[Pattern]] = needs!["00", "01"];
const SHIPMENT: &[&[Pattern]] = needs!["00"];
const ITEM: &[&[Pattern]] = needs!["01", "02", "03"];
const GTIN_ONLY: &[&[Pattern]] = needs!["01"];
const SERIALISED: &[&[Pattern]] = needs!["01", "03", "8006"];
const PERSON: &[&[Pattern]] = needs!["8017", "8018"];
const RECIPIENT: &[&[Pattern]] = needs!["8018"];
const ITEM_OR_ASSET: &[&[Pattern]] = needs!["01", "8004"];
const MEASURED: &[&[Pattern]] = needs!["30", "31nn", "32nn", "35nn", "36nn"];
const DEVICE: &[&[Pattern]] = needs!["01" + "21" + "8040"];
const PAYMENT_SLIP: &[&[Pattern]] = needs!["8020"];
const COUPON: &[&[Pattern]] = needs!["255"];

/// All rows, in order of number.
#[rustfmt::skip]
pub(super) static ROWS: &[Entry] = &[
    row(0, "SSCC", const { &[n(18).lint(&[Csum, GcpPos2])] }).predefined().attribute().key(&[]),
    row(1, "GTIN", GTIN).predefined().attribute().barring(bars!["255", "37"]).key(keys![[22, 10, 21], [235]]),
    row(2, "CONTENT", GTIN).predefined().attribute().needing(needs!["37"]).barring(bars!["01", "03"]),
    row(3, "MTO GTIN", GTIN).predefined().barring(bars!["01", "02", "37", "235"]),
    row(10, "BATCH/LOT", X20).attribute().needing(TRADE_ITEM),
    row(11, "PROD DATE", DATE).predefined().attribute().needing(TRADE_ITEM),
    row(12, "DUE DATE", DATE).predefined().attribute().needing(PAYMENT_SLIP),
    row(13, "PACK DATE", DATE).predefined().attribute().needing(TRADE_ITEM),
    row(15, "BEST BEFORE or BEST BY", DATE).predefined().attribute().needing(TRADE_ITEM),
    row(16, "SELL BY", DATE).predefined().attribute().needing(TRADE_ITEM),
    row(17, "USE BY or EXPIRY", DATE).predefined().attribute()
        .needing(needs!["01", "02", "03", "255", "8006", "8026"]),
    row(20, "VARIANT", const { &[n(2)] }).predefined().attribute().needing(TRADE_ITEM),
    row(21, "SERIAL", X20).needing(SERIALISED).barring(bars!["235"]),
    row(22, "CPV", X20).needing(GTIN_ONLY),
    row(30, "VAR. COUNT", COUNT).attribute().needing(ITEM_OR_CONTENT),
    row(37, "COUNT", COUNT).attribute().needing(needs!["00" + "02", "00" + "8026"]),
    row(90, "INTERNAL", X30).attribute(),
    rows(91, 99, "INTERNAL", const { &[x(90).up_to()] }).attribute(),
    row(235, "TPX", const { &[x(28).up_to()] }).needing(GTIN_ONLY),
    row(240, "ADDITIONAL ID", X30).attribute().needing(TRADE_ITEM),
    row(241, "CUST. PART No.", X30).attribute().needing(TRADE_ITEM),
    row(242, "MTO VARIANT", const { &[n(6).up_to()] }).attribute().needing(needs!["01", "02", "8006", "8026"]),
    row(243, "PCN", X20).attribute().needing(needs!["01", "03"]),
    row(250, "SECONDARY SERIAL", X30).attribute().needing(needs!["01" + "21", "03" + "21", "8006" + "21"]),
    row(251, "REF. TO SOURCE", X30).attribute().needing(SERIALISED),
    row(253, "GDTI", const { &[n(13).lint(&[Csum, GcpPos1]), x(17).up_to().optional()] }).attribute().key(&[]),
    row(254, "GLN EXTENSION COMPONENT", X20).needing(needs!["414"]),
    row(255, "GCN", const { &[n(13).lint(&[Csum, GcpPos1]), n(12).up_to().optional()] }).attribute()
        .barring(bars!["01", "02", "415", "8006", "8020", "8026"]).key(&[]),
    row(400, "ORDER NUMBER", X30).attribute(),
    row(401, "GINC", const { &[x(30).up_to().lint(&[GcpPos1])] }).attribute().key(&[]),
    row(402, "GSIN", const { &[n(17).lint(&[Csum, GcpPos1])] }).attribute().key(&[]),
    row(403, "ROUTE", X30).attribute().needing(SHIPMENT),
    row(410, "SHIP TO LOC", GLN).predefined().attribute(),
    row(411, "BILL TO", GLN).predefined().attribute(),
    row(412, "PURCHASE FROM", GLN).predefined().attribute(),
    row(413, "SHIP FOR LOC", GLN).predefined().attribute(),
    row(414, "LOC No.", GLN).predefined().attribute().key(keys![[254], [7040]]),
    row(415, "PAY TO", GLN).predefined().attribute().needing(PAYMENT_SLIP).key(keys![[8020]]),
    row(416, "PROD/SERV LOC", GLN).predefined().attribute(),
    row(417, "PARTY", GLN).predefined().attribute().key(keys![[7040]]),
    row(420, "SHIP TO POST", X20).attribute().barring(bars!["421"]),
    row(421, "SHIP TO POST", const { &[n(3).lint(&[Iso3166]), x(9).up_to()] }).attribute()
        .barring(bars!["4307"]),
    row(422, "ORIGIN", COUNTRY).attribute().needing(TRADE_ITEM).barring(bars!["426"]),
    row(423, "COUNTRY - INITIAL PROCESS", COUNTRIES).attribute().needing(ITEM).barring(bars!["426"]),
    row(424, "COUNTRY - PROCESS", COUNTRY).attribute().needing(ITEM).barring(bars!["426"]),
    row(425, "COUNTRY - DISASSEMBLY", COUNTRIES).attribute().needing(ITEM).barring(bars!["426"]),
    row(426, "COUNTRY - FULL PROCESS", COUNTRY).attribute().needing(ITEM),
    row(427, "ORIGIN SUBDIVISION", const { &[x(3).up_to()] }).attribute()
        .needing(needs!["01" + "422", "02" + "422", "03" + "422"]),
    row(710, "NHRN PZN", X20).attribute().needing(GTIN_ONLY),
    row(711, "NHRN CIP", X20).attribute().needing(GTIN_ONLY),
    row(712, "NHRN CN", X20).attribute().needing(GTIN_ONLY),
    row(713, "NHRN DRN", X20).attribute().needing(GTIN_ONLY),
    row(714, "NHRN AIM", X20).attribute().needing(GTIN_ONLY),
    row(715, "NHRN NDC", X20).attribute().needing(GTIN_ONLY),
    row(716, "NHRN AIC", X20).attribute().needing(GTIN_ONLY),
    row(717, "NHRN SRN", X20).attribute().needing(GTIN_ONLY),
    measure(3100, bars!["310n"], ITEM_OR_CONTENT, "NET WEIGHT (kg)"),
    measure(3110, bars!["311n"], ITEM_OR_CONTENT, "LENGTH (m)"),
    measure(3120, bars!["312n"], ITEM_OR_CONTENT, "WIDTH (m)"),
    measure(3130, bars!["313n"], ITEM_OR_CONTENT, "HEIGHT (m)"),
    measure(3140, bars!["314n"], ITEM_OR_CONTENT, "AREA (m²)"),
    measure(3150, bars!["315n"], ITEM_OR_CONTENT, "NET VOLUME (l)"),
    measure(3160, bars!["316n"], ITEM_OR_CONTENT, "NET VOLUME (m³)"),
    measure(3200, bars!["320n"], ITEM_OR_CONTENT, "NET WEIGHT (lb)"),
    measure(3210, bars!["321n"], ITEM_OR_CONTENT, "LENGTH (in)"),
    measure(3220, bars!["322n"], ITEM_OR_CONTENT, "LENGTH (ft)"),
    measure(3230, bars!["323n"], ITEM_OR_CONTENT, "LENGTH (yd)"),
    measure(3240, bars!["324n"], ITEM_OR_CONTENT, "WIDTH (in)"),
    measure(3250, bars!["325n"], ITEM_OR_CONTENT, "WIDTH (ft)"),
    measure(3260, bars!["326n"], ITEM_OR_CONTENT, "WIDTH (yd)"),
    measure(3270, bars!["327n"], ITEM_OR_CONTENT, "HEIGHT (in)"),
    measure(3280, bars!["328n"], ITEM_OR_CONTENT, "HEIGHT (ft)"),
    measure(3290, bars!["329n"], ITEM_OR_CONTENT, "HEIGHT (yd)"),
    measure(3300, bars!["330n"], LOGISTIC_OR_ITEM, "GROSS WEIGHT (kg)"),
    measure(3310, bars!["331n"], LOGISTIC_OR_ITEM, "LENGTH (m), log"),
    measure(3320, bars!["332n"], LOGISTIC_OR_ITEM, "WIDTH (m), log"),
    measure(3330, bars!["333n"], LOGISTIC_OR_ITEM, "HEIGHT (m), log"),
    measure(3340, bars!["334n"], LOGISTIC_OR_ITEM, "AREA (m²), log"),
    measure(3350, bars!["335n"], LOGISTIC_OR_ITEM, "VOLUME (l), log"),
    measure(3360, bars!["336n"], LOGISTIC_OR_ITEM, "VOLUME (m³), log"),
    measure(3370, bars!["337n"], GTIN_ONLY, "KG PER m²"),
    measure(3400, bars!["340n"], LOGISTIC_OR_ITEM, "GROSS WEIGHT (lb)"),
    measure(3410, bars!["341n"], LOGISTIC_OR_ITEM, "LENGTH (in), log"),
    measure(3420, bars!["342n"], LOGISTIC_OR_ITEM, "LENGTH (ft), log"),
    measure(3430, bars!["343n"], LOGISTIC_OR_ITEM, "LENGTH (yd), log"),
    measure(3440, bars!["344n"], LOGISTIC_OR_ITEM, "WIDTH (in), log"),
    measure(3450, bars!["345n"], LOGISTIC_OR_ITEM, "WIDTH (ft), log"),
    measure(3460, bars!["346n"], LOGISTIC_OR_ITEM, "WIDTH (yd), log"),
    measure(3470, bars!["347n"], LOGISTIC_OR_ITEM, "HEIGHT (in), log"),
    measure(3480, bars!["348n"], LOGISTIC_OR_ITEM, "HEIGHT (ft), log"),
    measure(3490, bars!["349n"], LOGISTIC_OR_ITEM, "HEIGHT (yd), log"),
    measure(3500, bars!["350n"], ITEM_OR_CONTENT, "AREA (in²)"),
    measure(3510, bars!["351n"], ITEM_OR_CONTENT, "AREA (ft²)"),
    measure(3520, bars!["352n"], ITEM_OR_CONTENT, "AREA (yd²)"),
    measure(3530, bars!["353n"], LOGISTIC_OR_ITEM, "AREA (in²), log"),
    measure(3540, bars!["354n"], LOGISTIC_OR_ITEM, "AREA (ft²), log"),
    measure(3550, bars!["355n"], LOGISTIC_OR_ITEM, "AREA (yd²), log"),
    measure(3560, bars!["356n"], ITEM_OR_CONTENT, "NET WEIGHT (tr oz)"),
    measure(3570, bars!["357n"], ITEM_OR_CONTENT, "NET VOLUME (oz)"),
    measure(3600, bars!["360n"], ITEM_OR_CONTENT, "NET VOLUME (qt (US))"),
    measure(3610, bars!["361n"], ITEM_OR_CONTENT, "NET VOLUME (gal.)"),
    measure(3620, bars!["362n"], LOGISTIC_OR_ITEM, "VOLUME (qt (US)), log"),
    measure(3630, bars!["363n"], LOGISTIC_OR_ITEM, "VOLUME (gal (US)), log"),
    measure(3640, bars!["364n"], ITEM_OR_CONTENT, "NET VOLUME (in³)"),
    measure(3650, bars!["365n"], ITEM_OR_CONTENT, "NET VOLUME (ft³)"),
    measure(3660, bars!["366n"], ITEM_OR_CONTENT, "NET VOLUME (yd³)"),
    measure(3670, bars!["367n"], LOGISTIC_OR_ITEM, "VOLUME (in³), log"),
    measure(3680, bars!["368n"], LOGISTIC_OR_ITEM, "VOLUME (ft³), log"),
    measure(3690, bars!["369n"], LOGISTIC_OR_ITEM, "VOLUME (yd³), log"),
    rows(3900, 3909, "AMOUNT", AMOUNT).attribute().needing(needs!["255", "8020"])
        .barring(bars!["390n", "391n", "394n", "8111"]),
    rows(3910, 3919, "AMOUNT", AMOUNT_ISO).attribute().needing(PAYMENT_SLIP).barring(bars!["391n"]),
    rows(3920, 3929, "PRICE", AMOUNT).attribute()
        .needing(needs!["01" + "30", "01" + "31nn", "01" + "32nn", "01" + "35nn", "01" + "36nn"])
        .barring(bars!["392n", "393n"]),
    rows(3930, 3939, "PRICE", AMOUNT_ISO).attribute().needing(MEASURED).barring(bars!["393n"]),
    rows(3940, 3943, "PRCNT OFF", const { &[n(4)] }).attribute().needing(COUPON).barring(bars!["394n", "8111"]),
    rows(3950, 3955, "PRICE/UoM", SIX).attribute().needing(MEASURED)
        .barring(bars!["392n", "393n", "395n", "8005"]),
    row(4300, "SHIP TO COMP", PC35).attribute().needing(SHIPMENT),
    row(4301, "SHIP TO NAME", PC35).attribute().needing(SHIPMENT),
    row(4302, "SHIP TO ADD1", PC70).attribute().needing(SHIPMENT),
    row(4303, "SHIP TO ADD2", PC70).attribute().needing(needs!["4302"]),
    row(4304, "SHIP TO SUB", PC70).attribute().needing(SHIPMENT),
    row(4305, "SHIP TO LOC", PC70).attribute().needing(SHIPMENT),
    row(4306, "SHIP TO REG", PC70).attribute().needing(SHIPMENT),
    row(4307, "SHIP TO COUNTRY", const { &[x(2).lint(&[Iso3166Alpha2])] }).attribute().needing(SHIPMENT),
    row(4308, "SHIP TO PHONE", X30).attribute().needing(SHIPMENT),
    row(4309, "SHIP TO GEO", const { &[n(10).lint(&[Latitude]), n(10).lint(&[Longitude])] })
        .attribute().needing(SHIPMENT),
    row(4310, "RTN TO COMP", PC35).attribute().needing(SHIPMENT),
    row(4311, "RTN TO NAME", PC35).attribute().needing(SHIPMENT),
    row(4312, "RTN TO ADD1", PC70).attribute().needing(SHIPMENT),
    row(4313, "RTN TO ADD2", PC70).attribute().needing(needs!["4312"]),
    row(4314, "RTN TO SUB", PC70).attribute().needing(SHIPMENT),
    row(4315, "RTN TO LOC", PC70).attribute().needing(SHIPMENT),
    row(4316, "RTN TO REG", PC70).attribute().needing(SHIPMENT),
    row(4317, "RTN TO COUNTRY", const { &[x(2).lint(&[Iso3166Alpha2])] }).attribute().needing(SHIPMENT),
    row(4318, "RTN TO POST", X20).attribute().needing(SHIPMENT),
    row(4319, "RTN TO PHONE", X30).attribute().needing(SHIPMENT),
    row(4320, "SRV DESCRIPTION", PC35).attribute().needing(SHIPMENT),
    row(4321, "DANGEROUS GOODS", YES_NO).attribute().needing(SHIPMENT),
    row(4322, "AUTH TO LEAVE", YES_NO).attribute().needing(SHIPMENT),
    row(4323, "SIG REQUIRED", YES_NO).attribute().needing(SHIPMENT),
    row(4324, "NOT BEF DEL DT", const { &[n(6).lint(&[Yymmd0]), n(4).lint(&[Hhmi])] }).attribute()
        .needing(SHIPMENT),
    row(4325, "NOT AFT DEL DT", const { &[n(6).lint(&[Yymmd0]), n(4).lint(&[Hhmi])] }).attribute()
        .needing(SHIPMENT),
    row(4326, "REL DATE", const { &[n(6).lint(&[Yymmdd])] }).attribute().needing(SHIPMENT),
    row(4330, "MAX TEMP F.", TEMPERATURE).attribute().needing(SHIPMENT).barring(bars!["4331"]),
    row(4331, "MAX TEMP C.", TEMPERATURE).attribute().needing(SHIPMENT).barring(bars!["4330"]),
    row(4332, "MIN TEMP F.", TEMPERATURE).attribute().needing(SHIPMENT).barring(bars!["4333"]),
    row(4333, "MIN TEMP C.", TEMPERATURE).attribute().needing(SHIPMENT).barring(bars!["4332"]),
    row(7001, "NSN", const { &[n(13)] }).attribute().needing(needs!["01", "02", "8006", "8026"]),
    row(7002, "MEAT CUT", X30).attribute().needing(ITEM_OR_CONTENT),
    row(7003, "EXPIRY TIME", const { &[n(6).lint(&[Yymmdd]), n(4).lint(&[Hhmi])] }).attribute().needing(ITEM),
    row(7004, "ACTIVE POTENCY", const { &[n(4).up_to()] }).attribute()
        .needing(needs!["01" + "10", "03" + "10"]),
    row(7005, "CATCH AREA", const { &[x(12).up_to()] }).attribute().needing(ITEM_OR_CONTENT),
    row(7006, "FIRST FREEZE DATE", const { &[n(6).lint(&[Yymmdd])] }).attribute().needing(ITEM_OR_CONTENT),
    row(7007, "HARVEST DATE", const { &[n(6).lint(&[Yymmdd]), n(6).optional().lint(&[Yymmdd])] })
        .attribute().needing(ITEM_OR_CONTENT),
    row(7008, "AQUATIC SPECIES", const { &[x(3).up_to()] }).attribute().needing(ITEM_OR_CONTENT),
    row(7009, "FISHING GEAR TYPE", const { &[x(10).up_to()] }).attribute().needing(ITEM_OR_CONTENT),
    row(7010, "PROD METHOD", const { &[x(2).up_to()] }).attribute().needing(ITEM),
    row(7011, "TEST BY DATE", const { &[n(6).lint(&[Yymmdd]), n(4).optional().lint(&[Hhmi])] })
        .attribute().needing(ITEM),
    row(7020, "REFURB LOT", X20).attribute().needing(needs!["01" + "416", "03" + "416", "8006" + "416"]),
    row(7021, "FUNC STAT", X20).attribute().needing(SERIALISED),
    row(7022, "REV STAT", X20).attribute().needing(needs!["01" + "7021", "03" + "7021", "8006" + "7021"]),
    row(7023, "GIAI - ASSEMBLY", const { &[x(30).up_to().lint(&[GcpPos1])] }).attribute(),
    row(7030, "PROCESSOR # 0", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7031, "PROCESSOR # 1", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7032, "PROCESSOR # 2", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7033, "PROCESSOR # 3", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7034, "PROCESSOR # 4", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7035, "PROCESSOR # 5", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7036, "PROCESSOR # 6", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7037, "PROCESSOR # 7", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7038, "PROCESSOR # 8", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7039, "PROCESSOR # 9", PROCESSOR).attribute().needing(ITEM_OR_CONTENT),
    row(7040, "UIC+EXT", const { &[n(1), x(1), x(1), x(1).lint(&[ImporterIndex])] }),
    row(7041, "UFRGT UNIT TYPE", const { &[x(4).up_to().lint(&[PackageType])] }).needing(SHIPMENT),
    row(7230, "CERT # 1", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7231, "CERT # 2", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7232, "CERT # 3", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7233, "CERT # 4", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7234, "CERT # 5", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7235, "CERT # 6", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7236, "CERT # 7", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7237, "CERT # 8", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7238, "CERT # 9", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7239, "CERT # 10", CERTIFICATE).attribute().needing(ITEM_OR_ASSET),
    row(7240, "PROTOCOL", X20).attribute().needing(needs!["01", "8006"]).barring(bars!["03"]),
    row(7241, "AIDC MEDIA TYPE", const { &[n(2).lint(&[MediaType])] }).attribute().needing(PERSON),
    row(7242, "VCN", const { &[x(25).up_to()] }).attribute().needing(PERSON),
    row(7250, "DOB", const { &[n(8).lint(&[Yyyymmdd])] }).attribute().needing(RECIPIENT).barring(bars!["7251"]),
    row(7251, "DOB TIME", const { &[n(8).lint(&[Yyyymmdd]), n(4).lint(&[Hhmi])] }).attribute()
        .needing(RECIPIENT).barring(bars!["7250"]),
    row(7252, "BIO SEX", const { &[n(1).lint(&[Iso5218])] }).attribute().needing(RECIPIENT),
    row(7253, "FAMILY NAME", PC40).attribute().needing(PERSON).barring(bars!["7256", "7259"]),
    row(7254, "GIVEN NAME", PC40).attribute().needing(PERSON).barring(bars!["7256", "7259"]),
    row(7255, "SUFFIX", const { &[x(10).up_to()] }).attribute().needing(PERSON).barring(bars!["7256", "7259"]),
    row(7256, "FULL NAME", const { &[x(90).up_to().lint(&[PercentEncoding])] }).attribute().needing(PERSON),
    row(7257, "PERSON ADDR", PC70).attribute().needing(RECIPIENT),
    row(7258, "BIRTH SEQUENCE", const { &[x(3).lint(&[PositionInSequence])] }).attribute()
        .needing(needs!["8018" + "7259"]),
    row(7259, "BABY", PC40).attribute().needing(RECIPIENT).barring(bars!["7256"]),
    row(8001, "DIMENSIONS", const { &[n(4).lint(&[NonZero]), n(5).lint(&[NonZero]), n(3)
        .lint(&[NonZero]), n(1).lint(&[Winding]), n(1)] }).attribute().needing(GTIN_ONLY),
    row(8002, "CMT No.", X20).attribute(),
    row(8003, "GRAI", const { &[n(1).lint(&[Zero]), n(13).lint(&[Csum, GcpPos1]), x(16).up_to()
        .optional()] }).attribute().key(&[]),
    row(8004, "GIAI", const { &[x(30).up_to().lint(&[GcpPos1])] }).attribute().key(keys![[7040]]),
    row(8005, "PRICE PER UNIT", SIX).attribute().needing(ITEM_OR_CONTENT),
    row(8006, "ITIP", const { &[n(14).lint(&[Csum, GcpPos2]), n(4).lint(&[PieceOfTotal])] })
        .attribute().barring(bars!["01", "03", "37"]).key(keys![[22, 10, 21]]),
    row(8007, "IBAN", const { &[x(34).up_to().lint(&[Iban])] }).attribute().needing(needs!["415"]),
    row(8008, "PROD TIME", const { &[n(6).lint(&[Yymmdd]), n(2).lint(&[Hh]), n(2).optional()
        .lint(&[Mi]), n(2).optional().lint(&[Ss])] }).attribute().needing(ITEM),
    row(8009, "OPTSEN", const { &[x(50).up_to()] }).attribute().needing(needs!["00", "01", "03"]),
    row(8010, "CPID", const { &[y(30).up_to().lint(&[GcpPos1])] }).attribute().key(keys![[8011]]),
    row(8011, "CPID SERIAL", const { &[n(12).up_to().lint(&[NoZeroPrefix])] }).needing(needs!["8010"]),
    row(8012, "VERSION", X20).attribute().needing(SERIALISED),
    row(8013, "GMN", const { &[x(25).up_to().lint(&[CsumAlpha, GcpPos1])] }).attribute().key(&[]),
    row(8014, "MUDI", const { &[x(25).up_to().lint(&[CsumAlpha, GcpPos1, HasNonDigit])] }).needing(GTIN_ONLY),
    row(8017, "GSRN - PROVIDER", GSRN).attribute().barring(bars!["8018"]).key(keys![[8019]]),
    row(8018, "GSRN - RECIPIENT", GSRN).attribute().barring(bars!["8017"]).key(keys![[8019]]),
    row(8019, "SRIN", const { &[n(10).up_to()] }).needing(PERSON),
    row(8020, "REF No.", const { &[x(25).up_to()] }).needing(needs!["415"]),
    row(8026, "ITIP CONTENT", const { &[n(14).lint(&[Csum, GcpPos2]), n(4).lint(&[PieceOfTotal])] })
        .attribute().needing(needs!["37"]).barring(bars!["02", "03", "8006"]),
    row(8030, "DIGSIG", const { &[z(90).up_to()] }).attribute()
        .needing(needs!["00", "01" + "21", "03" + "21", "253", "255", "8003", "8004",
            "8006" + "21", "8010" + "8011", "8017", "8018"]),
    row(8040, "IMEI", const { &[n(15)] }).needing(needs!["01" + "21"]),
    row(8041, "IMEI2", const { &[n(15)] }).needing(DEVICE),
    row(8042, "ESIM", const { &[n(32)] }).needing(DEVICE),
    row(8043, "PSIM", const { &[n(18), n(2).up_to().optional()] }).needing(DEVICE),
    row(8110, "", const { &[x(70).up_to().lint(&[CouponCode])] }).attribute(),
    row(8111, "POINTS", const { &[n(4)] }).attribute().needing(COUPON),
    row(8112, "", const { &[x(70).up_to().lint(&[CouponPositiveOffer])] }).attribute(),
    row(8200, "PRODUCT URL", const { &[x(70).up_to()] }).needing(GTIN_ONLY),
];
