//! The parsers that `make fuzz` feeds with anything take what is in the corpora.

#[path = "../../fuzz/src/parsers.rs"]
#[expect(unreachable_pub, reason = "the targets are another crate")]
mod parsers;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_input_of_the_corpora_goes_through_its_parser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, parse) in parsers::TARGETS {
        let folder = root.join("corpus").join(name);
        let inputs = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let done = std::panic::catch_unwind(|| parse(&bytes));
            assert!(done.is_ok(), "{}", path.display());
            count += 1;
        }
        assert!(count >= 3, "{name} has {count} inputs only");
    }
}

#[test]
fn every_parser_is_a_target_and_has_a_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let names: BTreeSet<String> =
        parsers::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for (folder, suffix) in [("fuzz_targets", ".rs"), ("corpus", "")] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        let found: BTreeSet<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.trim_end_matches(suffix).to_owned())
            .collect();
        assert_eq!(found, names, "{folder}");
    }
}
