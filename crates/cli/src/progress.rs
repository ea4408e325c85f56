//! Progress of training on standard error: a bar on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::{detail, note};
use crate::terminal;

/// Seconds between lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Columns from which on the line about test episodes holds more.
const WIDE: usize = 56;
/// Loss and accuracy shown are averages over about this many iterations.
const MEMORY: f64 = 20.0;

/// Shows how far a training run is.
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Whether figures have as few columns as they can.
    short: bool,
    total: u64,
    /// Iterations and seconds before this process.
    before: (u64, f64),
    /// Iterations up to now.
    done: u64,
    started: Instant,
    last_line: Instant,
    loss: Average,
    accuracy: Average,
}

impl Progress {
    /// Starts the clock of a run of `total` iterations, of which some were done in some seconds before.
    pub fn new(total: u64, done: u64, seconds: f64) -> Self {
        let line = terminal::of_progress().map(|columns| Line::of(columns, total));
        let bar = line.as_ref().map(|line| bar(total, &line.template));
        let now = Instant::now();
        Progress {
            bar,
            short: line.is_some_and(|line| line.short),
            total,
            before: (done, seconds),
            done,
            started: now,
            last_line: now,
            loss: Average::default(),
            accuracy: Average::default(),
        }
    }

    /// One more iteration is done.
    pub fn step(&mut self, iteration: u64, loss: f64, accuracy: Option<f64>) {
        self.done = iteration;
        self.loss.add(loss);
        if let Some(accuracy) = accuracy {
            self.accuracy.add(100.0 * accuracy);
        }
        if let Some(bar) = &self.bar {
            bar.set_message(self.figures());
            bar.set_position(iteration);
        } else if iteration == 1 || iteration == self.total || self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            note(self.line(iteration));
        }
    }

    /// Seconds of training.
    pub fn seconds(&self) -> f64 {
        self.before.1 + self.started.elapsed().as_secs_f64()
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let (before, seconds) = self.before;
        if self.done > before {
            let each = (self.seconds() - seconds) / (self.done - before) as f64;
            detail(format!("pace        {} per iteration, validation included", duration(each)));
        }
    }

    fn line(&self, iteration: u64) -> String {
        let gone = self.seconds();
        let (done, seconds) = self.before;
        let left = (gone - seconds) / (iteration - done).max(1) as f64 * (self.total - iteration) as f64;
        let figures = self.figures();
        format!("iteration {iteration}/{}  {figures}  {} gone, {} left", self.total, clock(gone), clock(left))
    }

    fn figures(&self) -> String {
        let (loss, accuracy) = (self.loss.value(), self.accuracy.value());
        match (self.accuracy.count > 0.0, self.short) {
            (true, false) => format!("loss {loss:.4}  accuracy {accuracy:.1} %"),
            (false, false) => format!("loss {loss:.4}"),
            (true, true) => format!("loss {} accuracy {accuracy:.1}%", short(loss)),
            (false, true) => format!("loss {}", short(loss)),
        }
    }
}

/// A number of five columns, where that can be.
fn short(number: f64) -> String {
    match number.abs() {
        ..10.0 => format!("{number:.3}"),
        ..100.0 => format!("{number:.2}"),
        ..1000.0 => format!("{number:.1}"),
        ..1e5 => format!("{number:.0}"),
        _ => format!("{number:.0e}"),
    }
}

/// A bar over test episodes; hidden where there is no terminal.
pub fn episodes_bar(episodes: usize) -> ProgressBar {
    let columns = terminal::of_progress();
    let template = match columns {
        Some(..WIDE) => "{bar:5} {pos}/{len} episodes  {eta} left",
        Some(WIDE..80) => "{bar:20} {pos}/{len} test episodes  {eta} left",
        _ => "{bar:30} {pos}/{len} test episodes  {eta} left",
    };
    let bar = bar(episodes as u64, template);
    if columns.is_none() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

/// A bar over pictures that are encoded; hidden where there is no terminal.
pub fn pictures_bar(pictures: usize) -> ProgressBar {
    let columns = terminal::of_progress();
    let template = match columns {
        Some(..WIDE) => "{bar:5} {pos}/{len} pictures  {eta} left",
        _ => "{bar:30} {pos}/{len} pictures  {eta} left",
    };
    let bar = bar(pictures as u64, template);
    if columns.is_none() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

/// As much of the progress of training as a line can hold.
struct Line {
    template: String,
    /// Whether figures have as few columns as they can.
    short: bool,
}

impl Line {
    /// What is learned comes before how long it takes, that before how many iterations are done, and that before a bar.
    fn of(columns: usize, total: u64) -> Line {
        let count = 2 * total.to_string().len() + 1;
        // columns of `loss 123.4567  accuracy 100.0 %`, `loss 12.34 accuracy 100.0%`, `89m left` and `89m gone, `
        let (long, brief, left, gone) = (31, 26, 8, 10);
        let counted = |figures: usize| count + 2 + figures + 2 + left;
        let bar = |taken: usize, least: usize| {
            columns.checked_sub(taken + 1).filter(|&width| width >= least).map(|width| width.min(30))
        };
        let line = |template: String, short: bool| Line { template, short };
        if let Some(bar) = bar(counted(long) + gone, 20) {
            let template = format!("{{bar:{bar}}} {{pos}}/{{len}}  {{msg}}  {{elapsed}} gone, {{eta}} left");
            return line(template, false);
        }
        for (figures, short) in [(long, false), (brief, true)] {
            if let Some(bar) = bar(counted(figures), 4) {
                return line(format!("{{bar:{bar}}} {{pos}}/{{len}}  {{msg}}  {{eta}} left"), short);
            }
        }
        let template = match columns {
            _ if columns >= counted(brief) => "{pos}/{len}  {msg}  {eta} left",
            40.. => "{percent}% {msg} {eta} left",
            _ => "{percent}% {msg}",
        };
        line(template.into(), true)
    }
}

fn bar(total: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is a constant that parses");
    ProgressBar::new(total).with_style(style.progress_chars("━╸─"))
}

/// Average that forgets: the mean at first, later weighted towards the last values.
#[derive(Default)]
struct Average {
    mean: f64,
    count: f64,
}

impl Average {
    fn add(&mut self, value: f64) {
        self.count = (self.count + 1.0).min(MEMORY);
        self.mean += (value - self.mean) / self.count;
    }

    fn value(&self) -> f64 {
        self.mean
    }
}

/// Seconds, or milliseconds where there are fewer than one.
fn duration(seconds: f64) -> String {
    match 1e3 * seconds {
        milliseconds @ ..10.0 => format!("{milliseconds:.3} ms"),
        milliseconds @ ..1e3 => format!("{milliseconds:.1} ms"),
        _ => format!("{seconds:.2} s"),
    }
}

/// Seconds as minutes:seconds or hours:minutes:seconds.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_of_their_size() {
        assert_eq!([0.000_301_2, 0.068_9, 1.5].map(duration), ["0.301 ms", "68.9 ms", "1.50 s"]);
    }

    #[test]
    fn clock_writes_hours_only_when_there_are_some() {
        assert_eq!(clock(0.4), "0:00");
        assert_eq!(clock(61.0), "1:01");
        assert_eq!(clock(3725.0), "1:02:05");
    }

    #[test]
    fn lines_fit_and_say_how_many_iterations_are_done_where_they_can() {
        for (columns, total) in
            (40..140).flat_map(|columns| [30, 60_000, 2_000_000].map(|total| (columns, total)))
        {
            let Line { template, short } = Line::of(columns, total);
            let bar = template.split(['{', '}']).find_map(|part| part.strip_prefix("bar:"));
            let bar: usize = bar.map_or(0, |width| width.parse().unwrap());
            let figures = if short { "loss 12.35 accuracy 99.9%" } else { "loss 123.4567  accuracy 99.9 %" };
            let line = template
                .replace(&format!("{{bar:{bar}}}"), &"#".repeat(bar))
                .replace("{percent}", "99")
                .replace("{pos}", &(total - 1).to_string())
                .replace("{len}", &total.to_string())
                .replace("{msg}", figures)
                .replace("{elapsed}", "89m")
                .replace("{eta}", "89m");
            assert!(line.len() <= columns && line.ends_with(" left"), "{columns}: {line}");
            assert!(
                columns < 60 || total > 60_000 || (bar >= 4 && line.contains("/60000") | (total == 30)),
                "{line}"
            );
        }
    }

    #[test]
    fn short_numbers_have_five_columns() {
        let numbers = [0.0, 0.12345, 12.345, 123.45, 1234.5, 99999.0, 1e30].map(short);
        assert_eq!(numbers, ["0.000", "0.123", "12.35", "123.5", "1234", "99999", "1e30"]);
    }

    #[test]
    fn average_is_the_mean_at_first() {
        let mut average = Average::default();
        for value in [1.0, 2.0, 6.0] {
            average.add(value);
        }
        assert_eq!(average.value(), 3.0);
    }
}
