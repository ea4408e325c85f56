//! Which classes were taken for which.

use fewshot_episodes::names::shown;
use unicode_width::UnicodeWidthStr;

use crate::adapted::Class;
use crate::terminal::padded;

/// Most classes whose confusions are shown as a matrix.
const WIDEST: usize = 12;

/// How often examples of a class were taken for a class: `counts[truth][answer]`.
#[derive(Clone, Debug)]
pub struct Confusion {
    pub counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// Of pairs of a truth and an answer.
    pub fn of(ways: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Confusion {
        let mut counts = vec![vec![0; ways]; ways];
        pairs.for_each(|(truth, answer)| counts[truth][answer] += 1);
        Confusion { counts }
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// Of how many classes they are in truth.
    pub fn true_classes(&self) -> usize {
        self.counts.iter().filter(|row| row.iter().any(|&count| count > 0)).count()
    }

    /// How many of them are right.
    pub fn right(&self) -> usize {
        (0..self.counts.len()).map(|class| self.counts[class][class]).sum()
    }

    /// Right answers of each class, the smallest share first; classes of which there is none last.
    pub fn by_class(&self, classes: &[Class], none: &str) -> String {
        let share = |class: &usize| {
            let row = &self.counts[*class];
            let all: usize = row.iter().sum();
            if all == 0 { f64::INFINITY } else { row[*class] as f64 / all as f64 }
        };
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|a, b| share(a).total_cmp(&share(b)));
        let words = |class: usize| {
            let (row, name) = (&self.counts[class], shown(&classes[class].name));
            match row.iter().sum::<usize>() {
                0 => format!("{name} {none}"),
                all => format!("{name} {} of {all}", row[class]),
            }
        };
        order.into_iter().map(words).collect::<Vec<_>>().join(", ")
    }

    /// Rows of true classes, columns of answers; nothing where there are too many classes.
    pub fn matrix(&self, classes: &[Class]) -> Vec<String> {
        if classes.len() > WIDEST {
            return Vec::new();
        }
        let names: Vec<String> = classes.iter().map(|class| shown(&class.name).to_string()).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let most = self.counts.iter().flatten().max().copied().unwrap_or(0);
        let column = most.to_string().len().max(names.len().to_string().len());
        let cells = |values: &mut dyn Iterator<Item = usize>| {
            values.map(|value| format!(" {value:column$}")).collect::<String>()
        };
        let head = format!("{}{}   is taken for class", padded("", width + 5), cells(&mut (1..=names.len())));
        let row = |(number, name): (usize, &String)| {
            let counts = cells(&mut self.counts[number].iter().copied());
            format!("  {:2} {}{counts}", number + 1, padded(name, width))
        };
        std::iter::once(head).chain(names.iter().enumerate().map(row)).collect()
    }
}
