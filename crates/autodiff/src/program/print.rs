//! A program in words, and as a graph.

use std::fmt;

use super::{Operand, Place, Program, part};
use crate::float::Float;

/// Bytes in the unit that suits them.
struct Bytes(usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            small @ 0..1024 => write!(f, "{small} B"),
            middle @ 1024..1_048_576 => write!(f, "{:.1} KiB", middle as f64 / 1024.0),
            large => write!(f, "{:.1} MiB", large as f64 / 1_048_576.0),
        }
    }
}

impl<F: Float> Program<F> {
    /// An operand in words.
    fn word(&self, operand: &Operand) -> String {
        let shape = self.shape(operand);
        match operand.place {
            Place::Input(k) => format!("input {k} {shape}"),
            Place::Constant(k) => format!("constant {k} {shape}"),
            Place::Memory(_) | Place::Result(_) | Place::Target => format!("%{} {shape}", operand.value),
        }
    }
}

/// The operators in order: what each writes (shape, bytes, place in the arena) and reads; and the memory of the whole.
impl<F: Float> fmt::Display for Program<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = size_of::<F>();
        writeln!(
            f,
            "program {}: {} inputs, {} constants, {} operators, {} results",
            F::NAME,
            self.inputs.len(),
            self.constants.len(),
            self.len(),
            self.results.len()
        )?;
        writeln!(
            f,
            "peak memory {} ({} if no memory were used twice)",
            Bytes(self.peak_bytes()),
            Bytes(self.unshared * size)
        )?;
        for step in &self.steps {
            for (k, target) in part(&self.targets, &step.targets).iter().enumerate() {
                let name = if k == 0 { step.op.name() } else { "  and" };
                let place = match target.place {
                    Place::Memory(at) => format!("element {at}"),
                    _ => "result".to_owned(),
                };
                let (target, bytes) = (self.word(target), Bytes(target.count * size));
                write!(f, "  {target} = {name} -> {place}, {bytes}")?;
                let operands = part(&self.operands, &step.operands).iter().filter(|_| k == 0);
                let words: Vec<String> = operands.map(|operand| self.word(operand)).collect();
                writeln!(f, "{}{}", if words.is_empty() { "" } else { " <- " }, words.join(", "))?;
            }
        }
        let results: Vec<String> = self.results.iter().map(|result| self.word(result)).collect();
        writeln!(f, "results {}", results.join(", "))
    }
}

impl<F: Float> Program<F> {
    /// The program as a graph in the language of Graphviz: operators with shapes and bytes, values as edges.
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph program {\n  node [shape=box, fontname=\"sans-serif\"];\n");
        for (k, (shape, _)) in self.inputs.iter().enumerate() {
            dot += &format!("  in{k} [label=\"input {k}\\n{shape}\", shape=ellipse];\n");
        }
        let from = |operand: &Operand| match operand.place {
            Place::Input(k) => Some(format!("in{k}")),
            Place::Constant(_) => None,
            Place::Memory(_) | Place::Result(_) | Place::Target => {
                let writes = |t: &Operand| t.value == operand.value;
                let step = self.steps.iter().position(|s| part(&self.targets, &s.targets).iter().any(writes));
                step.map(|step| format!("s{step}"))
            }
        };
        for (i, step) in self.steps.iter().enumerate() {
            let target = &self.targets[step.targets.start as usize];
            let bytes = Bytes(target.count * size_of::<F>());
            dot += &format!("  s{i} [label=\"{}\\n{}, {bytes}\"];\n", step.op.name(), self.shape(target));
            for source in part(&self.operands, &step.operands).iter().filter_map(from) {
                dot += &format!("  {source} -> s{i};\n");
            }
        }
        for (k, result) in self.results.iter().enumerate() {
            dot += &format!("  out{k} [label=\"result {k}\\n{}\", shape=ellipse];\n", self.shape(result));
            dot += &from(result).map_or(String::new(), |source| format!("  {source} -> out{k};\n"));
        }
        dot + "}\n"
    }
}
