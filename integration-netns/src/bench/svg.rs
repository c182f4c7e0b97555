//! A bar chart as SVG text: groups side by side, in each a bar for each series.

use std::fmt::Write;

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    /// The series, in the order of the bars in a group.
    pub(super) series: Vec<&'static str>,
    pub(super) groups: Vec<Group>,
    /// A line across, at what is wanted.
    pub(super) line: f64,
}

/// Bars side by side.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    /// A number for each series; none where there is nothing to show.
    pub(super) values: Vec<Option<f64>>,
}

/// Told apart with any kind of colour sight (Okabe and Ito).
const COLORS: [&str; 4] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7"];

/// Pixels.
const BAR: usize = 34;
const GAP: usize = 24;
const LEFT: usize = 20;
const TOP: usize = 56;
const HEIGHT: usize = 200;

impl Chart {
    /// Draws it. Bars begin at 0 and are to scale; each has its number above.
    pub(super) fn svg(&self) -> String {
        let group_width = self.series.len() * BAR + GAP;
        let width = 2 * LEFT + (self.groups.len() * group_width).max(440);
        let most = self.most();
        let bottom = TOP + HEIGHT;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" \
             height=\"{}\" font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
            bottom + 30
        );
        label(&mut text, LEFT, 16, "start", &self.title);
        for (at, name) in self.series.iter().enumerate() {
            let x = LEFT + at * 110;
            rect(&mut text, [x, 24, 10, 10], color(at));
            label(&mut text, x + 14, 33, "start", name);
        }
        for (at, group) in self.groups.iter().enumerate() {
            let x = LEFT + GAP / 2 + at * group_width;
            let middle = x + self.series.len() * BAR / 2;
            label(&mut text, middle, bottom + 16, "middle", &group.name);
            for (at, value) in group.values.iter().enumerate() {
                let Some(value) = value else { continue };
                let (x, high) = (x + at * BAR, height(*value, most));
                let y = bottom - high;
                rect(&mut text, [x, y, BAR - 4, high], color(at));
                let number = format!("{value:.2}");
                label(&mut text, x + BAR / 2 - 2, y - 3, "middle", &number);
            }
        }
        let y = bottom - height(self.line, most);
        let right = width - LEFT;
        for y in [y, bottom] {
            let _ = writeln!(
                text,
                "<path d=\"M{LEFT} {y}H{right}\" stroke=\"#555\" \
                 stroke-dasharray=\"{}\"/>",
                if y == bottom { "none" } else { "4" }
            );
        }
        text + "</svg>\n"
    }

    /// The greatest number to be shown.
    fn most(&self) -> f64 {
        let values = self.groups.iter().flat_map(|group| &group.values);
        values.flatten().copied().fold(self.line, f64::max)
    }
}

fn color(series: usize) -> &'static str {
    COLORS[series % COLORS.len()]
}

/// Pixels of a bar. What is no number has none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "it is between 0 and HEIGHT"
)]
fn height(value: f64, most: f64) -> usize {
    let share = (value / most).clamp(0.0, 1.0);
    (share * HEIGHT as f64).round() as usize
}

fn rect(text: &mut String, [x, y, width, height]: [usize; 4], fill: &str) {
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
         fill=\"{fill}\"/>"
    );
}

fn label(text: &mut String, x: usize, y: usize, anchor: &str, word: &str) {
    let word =
        word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        text,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{word}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[&[Option<f64>]], line: f64) -> String {
        let group = |values: &&[Option<f64>]| Group {
            name: "100M".to_owned(),
            values: values.to_vec(),
        };
        let groups = values.iter().map(group).collect();
        let (title, series) = ("a < b & c".to_owned(), vec!["us", "them"]);
        Chart { title, series, groups, line }.svg()
    }

    fn bars(text: &str) -> Vec<&str> {
        let bar = |line: &&str| line.contains("width=\"30\"");
        let height = |line: &'_ str| {
            let (_, rest) = line.split_once(" height=\"").unwrap();
            rest.split_once('"').unwrap().0.len()
        };
        text.lines()
            .filter(bar)
            .map(|line| {
                let (_, rest) = line.split_once(" height=\"").unwrap();
                &rest[..height(line)]
            })
            .collect()
    }

    #[test]
    fn bars_are_to_scale() {
        for (values, line, want) in [
            (&[&[Some(1.0), Some(0.5)][..]][..], 0.0, &["200", "100"][..]),
            (&[&[Some(1.0), None]], 2.0, &["100"]),
            (&[&[Some(4.0)], &[Some(1.0)]], 1.0, &["200", "50"]),
            (&[&[Some(f64::NAN), Some(-1.0)]], 1.0, &["0", "0"]),
            (&[&[Some(0.0)]], 0.0, &["0"]),
            (&[], 1.0, &[]),
        ] {
            assert_eq!(bars(&chart(values, line)), want, "{values:?}");
        }
    }

    #[test]
    fn words_are_not_taken_for_tags() {
        let text = chart(&[&[Some(1.0)]], 1.0);
        assert!(text.contains(">a &lt; b &amp; c</text>"), "{text}");
        let count = |part: &str| text.matches(part).count();
        assert_eq!(count("<text"), count("</text>"));
        assert_eq!(count("<svg"), count("</svg>"));
    }
}
