//! Check of values that are kept in registers across a system call. There are more of them than any processor has
//! registers.
//!
//! The shim tells the compiler which registers a system call changes. If one is missing, a value that the compiler
//! keeps in that register is lost. So the same computation runs twice, with inlined system calls and without them, and
//! both results must be equal.

use core::hint::black_box;

use bare_uring::Errno;
use linux_raw_sys::general as nr;

use super::report::Report;
use crate::sys;

/// Result of the system call in the computation, a `close` of no file.
const REFUSED: isize = -(Errno::EBADF.raw() as isize);

/// Compares the computation with system calls and the one without.
pub fn check(report: &mut Report) {
    let seed = black_box(0x9e37_79b9_7f4a_7c15);
    report.equal("values in registers across calls", with_calls(seed), without_calls(seed));
}

#[inline(never)]
fn with_calls(seed: u64) -> (u64, f64) {
    // SAFETY: no file descriptor has this number; the kernel ignores the other arguments.
    churn(seed, |[a, b, c, d, e]| unsafe { sys::raw(nr::__NR_close, [usize::MAX, a, b, c, d, e]) })
}

#[inline(never)]
fn without_calls(seed: u64) -> (u64, f64) {
    churn(seed, |arguments| {
        black_box(arguments);
        REFUSED
    })
}

/// Rounds of the computation. Few are enough: a register that the call changes is changed every time.
const ROUNDS: usize = 50;

/// Mixes each variable with its neighbour. All are used before and after a call, so all are alive during it.
macro_rules! stir {
    ($first:ident $($name:ident)*) => { stir!(@ $first $first $($name)*) };
    (@ $first:ident $one:ident $other:ident $($rest:ident)*) => {
        $one = $one.rotate_left(5) ^ $other.wrapping_mul(31);
        stir!(@ $first $other $($rest)*)
    };
    (@ $first:ident $last:ident) => { $last = $last.rotate_left(7).wrapping_add($first); };
}

#[inline(always)]
fn churn(seed: u64, call: impl Fn([usize; 5]) -> isize) -> (u64, f64) {
    /// Aligned more than the stack, so that the function needs a base pointer beside the frame pointer.
    #[repr(align(64))]
    struct Aligned([usize; 8]);

    let s = seed as usize;
    let mut aligned = Aligned([s; 8]);
    let [mut a, mut b, mut c, mut d, mut e, mut f] = [s, s ^ 2, s ^ 3, s ^ 5, s ^ 7, s ^ 11];
    let [mut g, mut h, mut i, mut j, mut k, mut l] = [s ^ 13, s ^ 17, s ^ 19, s ^ 23, s ^ 29, s ^ 31];
    let [mut m, mut n, mut o, mut p, mut q, mut r] = [s ^ 37, s ^ 41, s ^ 43, s ^ 47, s ^ 53, s ^ 59];
    let [mut t, mut u, mut v, mut w, mut x, mut y] = [s ^ 61, s ^ 67, s ^ 71, s ^ 73, s ^ 79, s ^ 83];
    let [mut f1, mut f2, mut f3, mut f4] = [seed as f64, 1.5, 2.5, 3.5];
    for round in 0..ROUNDS {
        // A comparison and a carry that are computed before the call and used after it: they may live in flags.
        let (flag, (sum, carry)) = (a > b, c.overflowing_add(d));
        let first = call([a, b, c, d, e]);
        h = h.wrapping_add(if flag { sum } else { usize::from(carry) }).wrapping_add(first.cast_unsigned());
        stir!(a b c d e f g h i j k l m n o p q r t u v w x y);
        (f1, f2, f3, f4) = (f1 * 0.5 + f2, f2 * 0.25 + f3, f3 + f4 * 0.125, f4 * 0.5 + f1);
        let second = call([1, 2, 3, 4, 5]);
        stir!(y a x b w c v d u e t f r g q h p i o j n k m l);
        (f1, f2, f3, f4) = (f2, f3 * 0.5, f4 + f1 * 0.25, f1);
        aligned.0[round % 8] = aligned.0[(round + 3) % 8].wrapping_add(y).wrapping_sub(second.cast_unsigned());
    }
    let aligned = black_box(aligned);
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, t, u, v, w, x, y];
    let digest = |digest: u64, word: &usize| digest.rotate_left(11).wrapping_mul(0x100_0000_01b3) ^ *word as u64;
    (aligned.0.iter().chain(&all).fold(0, digest), f1 + f2 + f3 + f4)
}
