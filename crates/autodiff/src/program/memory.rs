//! Which values share memory: those whose lives do not overlap.

use std::collections::BTreeMap;

/// The life of a value: written by step `from`, last read by step `to`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) size: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A piece of memory and the lives spent in it, last step by first.
struct Block {
    size: usize,
    lives: BTreeMap<usize, usize>,
}

impl Block {
    /// Whether nobody lives here at the time.
    fn is_free(&self, life: &Life) -> bool {
        self.lives.range(..=life.to).next_back().is_none_or(|(_, &to)| to < life.from)
    }
}

/// A block for each life, and the blocks' sizes.
///
/// The largest come first, each to the smallest block that is free (Pisarchyk and Lee 2020, "Efficient Memory Management for
/// Deep Neural Net Inference", section 4.2), so that no small value of long life keeps a large block.
pub(super) fn share(lives: &[Life]) -> (Vec<u32>, Vec<usize>) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lives[i].size));
    let mut places = vec![0; lives.len()];
    let mut blocks: Vec<Block> = Vec::new();
    for i in order {
        let life = &lives[i];
        // blocks were made largest first: the last free one is the smallest
        let block = blocks.iter().rposition(|block| block.is_free(life)).unwrap_or_else(|| {
            blocks.push(Block { size: life.size, lives: BTreeMap::new() });
            blocks.len() - 1
        });
        blocks[block].lives.insert(life.from, life.to);
        places[i] = block as u32;
    }
    (places, blocks.iter().map(|block| block.size).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_live_in_one_place_at_a_time() {
        let mut state = 7u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % below) as usize
        };
        let lives: Vec<Life> = (0..400)
            .map(|_| {
                let from = next(300);
                Life { size: 1 + next(50), from, to: from + next(20) }
            })
            .collect();
        let (places, sizes) = share(&lives);
        for (i, a) in lives.iter().enumerate() {
            assert!(sizes[places[i] as usize] >= a.size);
            for (j, b) in lives[..i].iter().enumerate() {
                assert!(places[i] != places[j] || a.to < b.from || b.to < a.from, "{a:?} {b:?}");
            }
        }
        let needed =
            |step| lives.iter().filter(|l| l.from <= step && step <= l.to).map(|l| l.size).sum::<usize>();
        let least = (0..320).map(needed).max().expect("there are steps");
        assert!(sizes.iter().sum::<usize>() < 2 * least, "{} for {least}", sizes.iter().sum::<usize>());
    }
}
