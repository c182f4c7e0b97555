//! netd(8) says what netd takes: see `dladm/tests/manuals.rs`.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use dladm::manual;
use netd::args::Args;

#[test]
fn the_page_is_as_the_grammar_has_it() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/man");
    let template = fs::read_to_string(man.join("netd.8.in")).unwrap();
    let page = manual::page(&template, &Args::command());
    let path = man.join("netd.8");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "{}: BLESS=1 writes it anew", path.display());
}
