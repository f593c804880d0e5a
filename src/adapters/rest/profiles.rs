//! The profiles that come with the library.

/// The profiles that come with the library, by their names. Of `jd` and `walmart` the addresses
/// and codes are to be compared with the contract; the other names are invented, each for a kind
/// of recovery platform.
pub const PROFILES: &[(&str, &str)] = &[
    ("jd", include_str!("profiles/jd.toml")),
    ("walmart", include_str!("profiles/walmart.toml")),
    ("cardharbor", include_str!("profiles/cardharbor.toml")),
    ("beehive", include_str!("profiles/beehive.toml")),
    ("redleaf", include_str!("profiles/redleaf.toml")),
    ("silkroute", include_str!("profiles/silkroute.toml")),
    ("lantern", include_str!("profiles/lantern.toml")),
];

/// The text of a profile that comes with the library.
pub fn profile(name: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
