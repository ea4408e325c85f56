//! Which values share memory: those whose lives do not overlap.

/// The life of a value: written by step `from`, last read by step `to`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) size: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The first element of each life in memory that they share, a multiple of `line`, and the size of it.
///
/// The largest come first, each to the tightest gap between those of its time (Pisarchyk and Lee 2020, "Efficient Memory
/// Management for Deep Neural Net Inference", section 5.2).
pub(super) fn share(lives: &[Life], line: usize) -> (Vec<usize>, usize) {
    let end = |offsets: &[usize], i: usize| offsets[i] + lives[i].size.next_multiple_of(line);
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lives[i].size));
    let mut offsets: Vec<usize> = vec![0; lives.len()];
    // those that have a place, by the place
    let mut placed: Vec<usize> = Vec::with_capacity(lives.len());
    for i in order {
        let life = &lives[i];
        let (mut free, mut tightest) = (0usize, None);
        for &other in
            placed.iter().filter(|&&other| lives[other].from <= life.to && life.from <= lives[other].to)
        {
            let gap = offsets[other].saturating_sub(free);
            if gap >= life.size && tightest.is_none_or(|(least, _)| gap < least) {
                tightest = Some((gap, free));
            }
            free = free.max(end(&offsets, other));
        }
        offsets[i] = tightest.map_or(free, |(_, at)| at);
        placed.insert(placed.partition_point(|&other| offsets[other] < offsets[i]), i);
    }
    let size = (0..lives.len()).map(|i| end(&offsets, i)).max().unwrap_or(0);
    (offsets, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_live_in_one_place_at_a_time() {
        const LINE: usize = 16;
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
        let (offsets, size) = share(&lives, LINE);
        for (i, a) in lives.iter().enumerate() {
            assert!(offsets[i] + a.size <= size && offsets[i].is_multiple_of(LINE));
            for (j, b) in lives[..i].iter().enumerate() {
                let apart = offsets[i] + a.size <= offsets[j] || offsets[j] + b.size <= offsets[i];
                assert!(apart || a.to < b.from || b.to < a.from, "{a:?} {b:?}");
            }
        }
        let needed = |step| {
            let there = lives.iter().filter(|l| l.from <= step && step <= l.to);
            there.map(|l| l.size.next_multiple_of(LINE)).sum::<usize>()
        };
        let least = (0..320).map(needed).max().expect("there are steps");
        assert!(size * 10 < least * 12, "{size} for {least}");
    }
}
