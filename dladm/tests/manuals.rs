//! The manual pages say what the programs take.
//!
//! `docs/man/NAME.8.in` is what a person wrote, `docs/man/NAME.8` that with
//! what the grammar says in its places. `BLESS=1 cargo test -p dladm --test
//! manuals` writes the latter.

use std::fs;
use std::path::Path;

use dladm::manual;
use dladm::programs::{dladm as dladm_, dlstat, flowadm, flowstat, nictagadm};

#[test]
fn pages_are_as_the_grammars_have_them() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/man");
    for grammar in [
        dladm_::grammar(),
        dlstat::grammar(),
        flowadm::grammar(),
        flowstat::grammar(),
        nictagadm::grammar(),
    ] {
        let path = man.join(format!("{}.8", grammar.get_name()));
        let template = fs::read_to_string(path.with_extension("8.in"));
        let page = manual::page(&template.unwrap(), &grammar);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &page).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert!(there == page, "{}: BLESS=1 writes it anew", path.display());
    }
}
