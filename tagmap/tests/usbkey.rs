//! Whole files: what they define, and that they come back as they were.

use std::fmt::Write;

use tagmap::{AdminAddress, Config, TagMap};

const ARTICLE: &str = include_str!("data/article.config");
const HEADNODE: &str = include_str!("data/headnode.config");

/// All that a file defines, one thing a line.
fn dump(text: &str) -> String {
    let config = Config::parse(text).unwrap();
    assert_eq!(config.to_string(), text);
    let map = TagMap::from_config(&config).unwrap();
    let Some(AdminAddress::Static(admin)) = config.admin_address().unwrap()
    else {
        panic!("no static address in {text}");
    };
    let mut out = format!("{admin}\n");
    for (name, tag) in map.iter() {
        let link = map.link_mtu(&tag.target);
        let own = tag.mtu.map(|mtu| mtu.bytes());
        let link = link.map(|mtu| mtu.bytes());
        writeln!(out, "{name} {:?} {own:?} {link:?}", tag.target).unwrap();
    }
    for (name, aggr) in map.aggrs() {
        writeln!(out, "{name} {:?}", aggr.macs).unwrap();
    }
    for name in map.etherstubs() {
        writeln!(out, "{name}").unwrap();
    }
    out
}

#[test]
fn the_sample_of_the_articles() {
    let want = "\
192.168.1.3/24
admin Nic(9c:b6:54:bb:c3:3c) None None
";
    assert_eq!(dump(ARTICLE), want);
}

#[test]
fn a_head_nodes_file() {
    let want = "\
10.99.99.7/24
admin Nic(9c:b6:54:bb:c3:3c) Some(1500) Some(1500)
external Nic(9c:b6:54:bb:c3:3d) None Some(9000)
storage Aggr(\"aggr0\") Some(9000) Some(9000)
wall Nic(9c:b6:54:bb:c3:3d) Some(9000) Some(9000)
aggr0 [90:e2:ba:0:1:4, 90:e2:ba:0:1:5]
lab0
lab1
";
    assert_eq!(dump(HEADNODE), want);
    let crlf = HEADNODE.replace('\n', "\r\n");
    assert_eq!(dump(&crlf), want);
    assert_eq!(dump(HEADNODE.trim_end()), want);
}

#[test]
fn an_edit_is_one_line_of_the_diff() {
    type Edit = fn(&mut Config);
    let cases: [(Edit, &[&str]); 4] = [
        (
            |c| c.set("wall_nic", "9c:b6:54:bb:c3:3e").unwrap(),
            &[
                "-wall_nic=9c:b6:54:bb:c3:3d\t# shares the external NIC",
                "+wall_nic=9c:b6:54:bb:c3:3e\t# shares the external NIC",
            ],
        ),
        (
            |c| c.set("etherstub", "lab0").unwrap(),
            &["-etherstub=lab0,lab1", "+etherstub=lab0"],
        ),
        (
            |c| c.set("dmz_nic", "90:e2:ba:0:1:6").unwrap(),
            &["+dmz_nic=90:e2:ba:0:1:6"],
        ),
        (|c| assert!(c.remove("wall_mtu")), &["-wall_mtu=9000"]),
    ];
    for (edit, want) in cases {
        let mut config = Config::parse(HEADNODE).unwrap();
        edit(&mut config);
        let new = config.to_string();
        let lacks = |text: &str, line: &str| !text.lines().any(|l| l == line);
        let gone = HEADNODE.lines().filter(|line| lacks(&new, line));
        let come = new.lines().filter(|line| lacks(HEADNODE, line));
        let diff: Vec<String> = gone
            .map(|line| format!("-{line}"))
            .chain(come.map(|line| format!("+{line}")))
            .collect();
        assert_eq!(diff, want);
    }
}
