//! Instruction sets chosen at run time: one generic body, compiled for AVX-512, AVX2 with FMA, and the target's baseline.

#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU8, Ordering};

use crate::cpu::vector::{Vector, Vector128, Vector256, Vector512};
use crate::element::Element;

/// The instruction sets a kernel is compiled for, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Level {
    /// What the target guarantees (SSE2 on x86-64, NEON on aarch64).
    Baseline = 1,
    /// AVX2 and fused multiply-add.
    Avx2 = 2,
    /// AVX-512 F, VL, BW and DQ.
    Avx512 = 3,
}

/// What a generic kernel body knows of the instruction set it is compiled for.
pub trait Isa {
    /// A vector register.
    type Vector: Vector;
    /// Vector registers.
    const REGISTERS: usize;
    /// Vectors of one row of the widest register tile.
    const TILE_VECTORS: usize;
    /// Rows of that tile.
    const TILE_ROWS: usize;
    /// Whether `mul_add` is one instruction.
    const FUSED: bool;

    /// `a * b + c`, fused where the instruction set has it.
    #[inline(always)]
    fn mul_add<F: Element>(a: F, b: F, c: F) -> F {
        if Self::FUSED { a.mul_add(b, c) } else { a * b + c }
    }

    /// Runs `work` in a function of its own, compiled for this instruction set.
    ///
    /// # Safety
    /// The machine has the instruction set; code that runs as a [`versions!`] body for it may say so.
    unsafe fn apart(work: impl Work);
}

/// What [`Isa::apart`] runs; `run` is to be `#[inline(always)]`.
pub trait Work {
    /// The body.
    fn run<I: Isa>(self);
}

/// Work on a tile of `R` rows of `N` vectors.
pub struct OfSize<T, const R: usize, const N: usize>(pub T);

/// [`Isa::apart`] for an instruction set with these target features.
macro_rules! apart {
    ($isa:ident $(, $features:meta)?) => {
        #[inline(always)]
        unsafe fn apart(work: impl Work) {
            #[inline(never)]
            $(#[cfg_attr(target_arch = "x86_64", $features)])?
            fn features<W: Work>(work: W) {
                work.run::<$isa>()
            }
            // SAFETY: the caller's promise.
            #[allow(unused_unsafe)]
            unsafe {
                features(work)
            }
        }
    };
}

/// Marker of [`Level::Baseline`].
pub struct Baseline;
/// Marker of [`Level::Avx2`].
pub struct Avx2;
/// Marker of [`Level::Avx512`].
pub struct Avx512;

impl Isa for Baseline {
    type Vector = Vector128;
    const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 32 } else { 16 };
    const TILE_VECTORS: usize = 2;
    const TILE_ROWS: usize = 4;
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
    apart!(Baseline);
}

impl Isa for Avx2 {
    type Vector = Vector256;
    const REGISTERS: usize = 16;
    const TILE_VECTORS: usize = 2;
    const TILE_ROWS: usize = 6;
    const FUSED: bool = true;
    apart!(Avx2, target_feature(enable = "avx2,fma"));
}

impl Isa for Avx512 {
    type Vector = Vector512;
    const REGISTERS: usize = 32;
    const TILE_VECTORS: usize = 4;
    const TILE_ROWS: usize = 6;
    const FUSED: bool = true;
    apart!(Avx512, target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"));
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The level kernels run at: the machine's best, or a lower one asked for by `FEWSHOT_ISA=baseline|avx2|avx512`.
#[inline(always)]
pub fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = forced::get() {
        return level;
    }
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Level::Baseline,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => choose(),
    }
}

/// The name of the instruction set kernels run with.
pub fn instruction_set() -> &'static str {
    match level() {
        Level::Avx512 => "AVX-512",
        Level::Avx2 => "AVX2",
        Level::Baseline if cfg!(target_arch = "x86_64") => "SSE2",
        Level::Baseline if cfg!(target_arch = "aarch64") => "NEON",
        Level::Baseline => "the baseline of the target",
    }
}

#[cold]
#[inline(never)]
fn choose() -> Level {
    let asked = std::env::var("FEWSHOT_ISA").ok();
    let level = limited(best(), asked.as_deref());
    CHOSEN.store(level as u8, Ordering::Relaxed);
    level
}

/// `best`, or what `asked` names where that is lower.
fn limited(best: Level, asked: Option<&str>) -> Level {
    let asked = match asked {
        Some("baseline") => Level::Baseline,
        Some("avx2") => Level::Avx2,
        _ => Level::Avx512,
    };
    asked.min(best)
}

/// The highest level this machine runs.
#[cfg(target_arch = "x86_64")]
pub fn best() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Baseline,
    }
}

/// The highest level this machine runs.
#[cfg(not(target_arch = "x86_64"))]
pub fn best() -> Level {
    Level::Baseline
}

/// Tests run a closure at every level of the machine.
#[cfg(test)]
pub mod forced {
    use super::{Level, best};
    use std::cell::Cell;

    thread_local! {
        static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
    }

    pub(crate) fn get() -> Option<Level> {
        FORCED.get()
    }

    /// Threads that run kernels at `level`.
    pub fn pool(level: Level, threads: usize) -> rayon::ThreadPool {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        builder.start_handler(move |_| FORCED.set(Some(level))).build().expect("a few threads can be started")
    }

    /// Runs `f` once at each level this machine has; kernels called from this thread run at that level.
    pub fn at_every_level(f: impl Fn(Level)) {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            if level <= best() {
                FORCED.set(Some(level));
                f(level);
                FORCED.set(None);
            }
        }
    }
}

/// Declares a kernel's public door: `versions! { pub fn name<F>(args...) where [bounds] = body; }` compiles the
/// `#[inline(always)]` function `body::<F, I>` for each instruction set `I` and calls the best one at run time; for AVX-512 only where
/// [`Element::AVX512`] says so.
macro_rules! versions {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident<$($g:ident),+>($($arg:ident: $ty:ty),* $(,)?) where [$($bounds:tt)*] = $body:ident;)+) => {$(
        $(#[$meta])*
        #[inline(never)]
        #[allow(unsafe_code, clippy::too_many_arguments)]
        $vis fn $name<$($g),+>($($arg: $ty),*) where $($bounds)* {
            #[cfg(target_arch = "x86_64")]
            {
                #[inline(never)]
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx512<$($g),+>($($arg: $ty),*) where $($bounds)* {
                    $body::<$($g,)+ crate::cpu::isa::Avx512>($($arg),*)
                }
                #[inline(never)]
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx2<$($g),+>($($arg: $ty),*) where $($bounds)* {
                    $body::<$($g,)+ crate::cpu::isa::Avx2>($($arg),*)
                }
                let level = crate::cpu::isa::level();
                if F::AVX512 && level == crate::cpu::isa::Level::Avx512 {
                    // SAFETY: `level` is at most what the running machine has.
                    return unsafe { avx512::<$($g),+>($($arg),*) };
                }
                if level >= crate::cpu::isa::Level::Avx2 {
                    // SAFETY: as above.
                    return unsafe { avx2::<$($g),+>($($arg),*) };
                }
            }
            $body::<$($g,)+ crate::cpu::isa::Baseline>($($arg),*)
        }
    )+};
}
pub(crate) use versions;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_can_only_lower_the_level() {
        assert_eq!(limited(Level::Avx2, Some("avx512")), Level::Avx2);
        assert_eq!(limited(Level::Avx512, Some("avx2")), Level::Avx2);
        assert_eq!(limited(Level::Avx512, Some("baseline")), Level::Baseline);
        assert_eq!(limited(Level::Avx512, None), Level::Avx512);
    }
}
