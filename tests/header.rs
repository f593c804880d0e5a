//! The header in the repository is the one that the sources give.

use std::path::Path;

fn generated(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml reads");
    // The room's modules are followed from its top, in their order.
    let builder = cbindgen::Builder::new().with_config(config).with_src(root.join("src/ffi/mod.rs"));
    let mut bytes = Vec::new();
    builder.generate().expect("the sources are read").write(&mut bytes);
    String::from_utf8(bytes).expect("a header is text")
}

#[test]
fn the_header_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/scrip.h");
    let fresh = generated(root);
    if std::env::var_os("SCRIP_UPDATE").is_some() {
        std::fs::create_dir_all(root.join("include")).expect("the folder can be made");
        std::fs::write(&path, &fresh).expect("the header can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let line = kept.lines().zip(fresh.lines()).position(|(kept, fresh)| kept != fresh);
    let line = line.unwrap_or_else(|| kept.lines().count().min(fresh.lines().count())) + 1;
    assert!(
        kept == fresh,
        "include/scrip.h is stale from line {line}: SCRIP_UPDATE=1 cargo test --test header"
    );
}

#[test]
fn every_exported_name_is_in_the_header_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = std::fs::read_to_string(root.join("include/scrip.h")).expect("the header is there");
    let mut functions = 0;
    for entry in root.join("src/ffi").read_dir().expect("the room can be listed") {
        let path = entry.expect("an entry can be read").path();
        let source = std::fs::read_to_string(path).expect("a source is text");
        for exported in source.split("extern \"C\" fn ").skip(1) {
            let name = exported.split('(').next().expect("a function has parameters");
            assert_eq!(header.matches(&format!("{name}(")).count(), 1, "{name}");
            functions += 1;
        }
    }
    assert!((30..=60).contains(&functions), "{functions} functions, at most 60");
}
