//! Runs side by side, in lines as wide as the terminal.

use fewshot_episodes::names::shown;
use unicode_width::UnicodeWidthStr;

use super::run::{Listed, Status};
use crate::names;
use crate::terminal::padded;

/// Blanks between columns.
const GAP: usize = 2;
/// Columns of a terminal that the shortest name keeps.
const SHORTEST: usize = 16;
/// Stands for what is not known.
const UNKNOWN: &str = "-";

/// One thing of all runs.
struct Column {
    title: &'static str,
    cells: Vec<String>,
    /// Whether it ends where the column ends, as numbers do.
    right: bool,
    /// Columns with a lower rank are left out first where there is no room; the name and the result stay.
    rank: usize,
}

impl Column {
    fn width(&self) -> usize {
        self.cells.iter().map(|cell| cell.width()).max().unwrap_or(0).max(self.title.width())
    }
}

/// A line of titles and one for each run, within so many columns if that can be.
pub fn lines(runs: &[Listed], columns: Option<usize>) -> Vec<String> {
    let mut kept = described(runs);
    let shown: Vec<String> = runs.iter().map(|run| shown(&run.name).to_string()).collect();
    let longest = shown.iter().map(|name| name.width()).max().unwrap_or(0).max("name".len());
    let room = |kept: &[Column]| {
        let others: usize = kept.iter().map(|column| GAP + column.width()).sum();
        columns.map(|columns| columns.saturating_sub(others))
    };
    while room(&kept).is_some_and(|room| room < longest.min(SHORTEST))
        && let Some(least) = (0..kept.len()).filter(|&i| kept[i].rank > 0).min_by_key(|&i| kept[i].rank)
    {
        kept.remove(least);
    }
    let width = room(&kept).map_or(longest, |room| longest.min(room.max(SHORTEST)));
    let names = names::fitted(&shown, width as f64, names::columns);
    kept.insert(0, Column { title: "name", cells: names, right: false, rank: 0 });
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells = kept.iter().map(|column| aligned(column, &cell(column)));
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    let titles = line(&|column| column.title.to_owned());
    std::iter::once(titles).chain((0..runs.len()).map(|i| line(&|column| column.cells[i].clone()))).collect()
}

fn aligned(column: &Column, cell: &str) -> String {
    let width = column.width();
    match column.right {
        true => format!("{}{cell}", " ".repeat(width.saturating_sub(cell.width()))),
        false => padded(cell, width),
    }
}

/// What is told of runs beside their names.
fn described(runs: &[Listed]) -> Vec<Column> {
    fn text<T: ToString>(value: Option<T>) -> String {
        value.map_or(UNKNOWN.into(), |value| value.to_string())
    }
    let column = |title, rank, right, cell: &dyn Fn(&Listed) -> String| Column {
        title,
        cells: runs.iter().map(cell).collect(),
        right,
        rank,
    };
    let iterations = |run: &Listed| match (run.iterations, run.asked) {
        (Some(done), Some(asked)) if done == asked => done.to_string(),
        (Some(done), Some(asked)) => format!("{done}/{asked}"),
        _ => UNKNOWN.into(),
    };
    let mut kinds = runs.iter().filter_map(|run| run.result.as_ref().map(|result| result.is_accuracy()));
    let first = kinds.next();
    let mixed = kinds.any(|kind| Some(kind) != first);
    let title = match first {
        _ if mixed => "result",
        Some(false) => "error (mse)",
        _ => "accuracy",
    };
    let result = |run: &Listed| match (&run.result, run.status) {
        (Some(result), _) => result.figure(mixed),
        (None, Status::Unfinished) => "unfinished".into(),
        (None, Status::Damaged) => "damaged".into(),
        (None, Status::Finished) => UNKNOWN.into(),
    };
    // to the minute
    let date = |run: &Listed| text(run.modified.as_ref().map(|date| date[..16].replace('T', " ")));
    vec![
        column("algorithm", 6, false, &|run| text(run.algorithm.as_ref())),
        column("data", 2, false, &|run| text(run.data.as_ref())),
        column("ways", 5, true, &|run| text(run.ways)),
        column("shots", 4, true, &|run| text(run.shots)),
        column("iterations", 3, true, &iterations),
        column(title, 0, true, &result),
        column("written (UTC)", 1, false, &date),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::run::Outcome;
    use super::*;

    fn runs() -> Vec<Listed> {
        let run = |name: &str, result| Listed {
            name: name.into(),
            status: Status::Finished,
            algorithm: Some("lstm-meta-learner".into()),
            data: Some("omniglot".into()),
            ways: Some(20),
            shots: Some(5),
            iterations: Some(60_000),
            asked: Some(60_000),
            modified: Some("2026-11-30T18:25:13Z".into()),
            result,
            ..Listed::default()
        };
        vec![
            run("experiments/omniglot/20-way/seed-1", Some(Outcome::test("accuracy", 95.5))),
            run("experiments/omniglot/20-way/seed-2", None),
            Listed { status: Status::Damaged, name: "고양이".into(), ..Listed::default() },
        ]
    }

    #[test]
    fn lines_fit_and_names_and_results_stay() {
        let all = lines(&runs(), None);
        assert_eq!(
            all[1],
            "experiments/omniglot/20-way/seed-1  lstm-meta-learner  omniglot    20      5       60000  95.50 ± 0.50 %  2026-11-30 18:25"
        );
        for columns in [40, 60, 80, 120] {
            let lines = lines(&runs(), Some(columns));
            let text = lines.join("\n");
            assert!(lines.iter().all(|line| line.width() <= columns), "{text}");
            assert!(
                text.contains("95.50 ± 0.50 %") && text.contains("damaged") && text.contains('…'),
                "{text}"
            );
            let ends: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
            assert!(ends[1] != ends[2], "two names stay two: {text}");
        }
        assert!(lines(&runs(), Some(80))[0].contains("algorithm"));
    }

    #[test]
    fn a_metric_is_named_where_it_is_not_the_only_one() {
        let run = |metric| Listed { result: Some(Outcome::test(metric, 2.0)), ..Listed::default() };
        let text = |runs: &[Listed]| lines(runs, None).join("\n");
        assert!(text(&[run("mse")]).contains("error (mse)") && !text(&[run("mse")]).contains("mse 2.000"));
        assert!(text(&[run("mse"), run("accuracy")]).contains("mse 2.000 ± 0.500"));
    }
}
