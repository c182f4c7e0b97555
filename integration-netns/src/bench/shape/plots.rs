//! The pictures: goodput by cap, what a probe takes through a load, and what a
//! VNIC sends by the flows that it has.

use super::case::{Case, Direction, Load, Question, Way};
use super::figures::Figures;
use super::flows::{Kpps, WANTED};
use crate::bench::svg::{Chart, Group};

/// The pictures and the names of their files.
pub(super) fn plots(figures: &Figures, flows: &Kpps) -> Vec<(String, String)> {
    let mut plots = Vec::new();
    for (load, name) in [(Load::Stream, "1"), (Load::Streams, "32")] {
        for (direction, to) in
            [(Direction::FromGuest, "from"), (Direction::ToGuest, "to")]
        {
            let svg = goodput(figures, load, direction).svg();
            plots.push((format!("shape_goodput_{to}_{name}.svg"), svg));
        }
    }
    plots.push(("shape_trips.svg".to_owned(), trips(figures).svg()));
    plots.push(("shape_flows.svg".to_owned(), by_flows(flows).svg()));
    plots
}

fn goodput(figures: &Figures, load: Load, direction: Direction) -> Chart {
    let question = Question::Goodput;
    let caps = figures.caps(question, load).into_iter();
    let groups = caps.map(|cap| {
        let at = |way| Case { question, load, direction, cap, way };
        group(figures, cap.to_string(), at)
    });
    let title =
        format!("{}: {}, {}", question.name(), load.name(), direction.name());
    chart(title, groups.collect(), 1.0)
}

fn trips(figures: &Figures) -> Chart {
    let load = Load::Streams;
    let mut groups = Vec::new();
    for direction in Direction::ALL {
        for (question, name) in
            [(Question::TripMs, "median"), (Question::TripP99Ms, "p99")]
        {
            for cap in figures.caps(question, load) {
                let at = |way| Case { question, load, direction, cap, way };
                let name = format!("{}, {name}", direction.name());
                groups.push(group(figures, name, at));
            }
        }
    }
    let title = "round trip through a full cap, 32 TCP streams, ms; p99 is to \
                 be below the line";
    chart(title.to_owned(), groups, 15.0)
}

fn by_flows(flows: &Kpps) -> Chart {
    let medians = flows.medians();
    let one = medians.iter().find(|(count, _)| *count == 1);
    let groups = medians.iter().map(|(count, kpps)| {
        let name = if *count == 1 { "flow" } else { "flows" };
        Group { name: format!("{count} {name}"), values: vec![Some(*kpps)] }
    });
    let title = "64-byte frames from zone to zone by flows of the VNIC, kpps; \
                 is to be above the line";
    Chart {
        title: title.to_owned(),
        series: vec!["VNIC"],
        groups: groups.collect(),
        line: one.map_or(0.0, |(_, kpps)| kpps / WANTED),
    }
}

fn group(figures: &Figures, name: String, at: impl Fn(Way) -> Case) -> Group {
    let values = Way::ALL.map(|way| figures.median(at(way)));
    Group { name, values: values.into() }
}

fn chart(title: String, groups: Vec<Group>, line: f64) -> Chart {
    Chart { title, series: Way::ALL.map(Way::name).into(), groups, line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::shape::case::Cap;
    use crate::bench::shape::flows::example;

    #[test]
    fn each_number_is_in_its_picture() {
        let mut figures = Figures::default();
        let case = Case {
            question: Question::Goodput,
            load: Load::Streams,
            direction: Direction::ToGuest,
            cap: Cap::mbps(5000),
            way: Way::Cni,
        };
        figures.add(case, 0.87);
        let question = Question::TripP99Ms;
        let (way, cap) = (Way::Vnic, Cap::mbps(100));
        figures.add(Case { question, way, cap, ..case }, 9.25);
        let plots = plots(&figures, &example());
        let with = |number: &str| {
            let has = |svg: &str| svg.contains(&format!(">{number}</text>"));
            let files = plots.iter().filter(|(_, svg)| has(svg));
            files.map(|(file, _)| file.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(with("0.87"), ["shape_goodput_to_32.svg"]);
        let both = ["shape_goodput_from_32.svg", "shape_goodput_to_32.svg"];
        assert_eq!(with("5G"), both);
        assert_eq!(with("9.25"), ["shape_trips.svg"]);
        for number in ["10000 flows", "1 flow", "600.00"] {
            assert_eq!(with(number), ["shape_flows.svg"], "{number}");
        }
        assert_eq!(plots.len(), 6);
    }
}
