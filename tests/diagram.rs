//! The diagram in `ARCHITECTURE.md` is the table's. `SCRIP_UPDATE=1` writes it anew.

use std::path::Path;

#[test]
fn the_diagram_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let start = text.find("```mermaid\n").expect("there is a diagram") + "```mermaid\n".len();
    let end = start + text[start..].find("```").expect("the diagram ends");
    let fresh = scrip::flow::diagram();
    if std::env::var_os("SCRIP_UPDATE").is_some() {
        std::fs::write(&path, format!("{}{fresh}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    assert_eq!(&text[start..end], fresh, "run the test with SCRIP_UPDATE=1 and look at what changed");
}
