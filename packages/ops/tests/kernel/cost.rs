//! What time limits cost. A figure depends on the machine, so this test runs only when it is asked for:
//! `cargo test --release -p bare-uring-ops --features std --test kernel -- --ignored --nocapture cost`.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use bare_uring_ops::{Driver, File, Storage};

use crate::setting::{adopt, driver_of};

const SAMPLES: usize = 21;
/// So many that a tick of the clock of processor time, up to 4 ms, is below the difference that is looked for.
const READS: usize = 50_000;

/// Returns the processor time of this thread, in nanoseconds.
fn used() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    text.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

/// Reads 4 KiB again and again, and gives the processor time of one read, in nanoseconds.
fn sample(driver: &mut Driver<bare_uring::Linux>, file: &File, limited: bool) -> f64 {
    let slab = driver.slab();
    let before = used();
    driver
        .block_on(async {
            let mut buffer = slab.buffer().expect("one");
            for _ in 0..READS {
                buffer.clear();
                let read = slab.read(file, buffer, 0);
                let read = if limited { read.within(Duration::from_secs(5)) } else { read };
                let (count, back) = read.await;
                assert_eq!(count, Ok(4096));
                buffer = back;
            }
        })
        .expect("driver");
    (used() - before) as f64 / READS as f64
}

fn quartiles(mut samples: Vec<f64>) -> [f64; 3] {
    samples.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| samples[samples.len() * quarter / 4])
}

#[test]
#[ignore = "measures"]
fn a_limit_on_every_read_costs_at_most_2_percent() {
    static STORAGE: Storage<8, 8, 2, 4096> = Storage::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    let path = std::env::temp_dir().join(format!("bare-uring-ops-cost-{}", std::process::id()));
    let mut file = fs::File::options().read(true).write(true).create_new(true).open(&path).expect("open");
    fs::remove_file(&path).expect("remove");
    file.write_all(&[1; 4096]).expect("write");
    let file = adopt(slab, file);
    let mut ratios = Vec::new();
    let [mut plain, mut limited] = [Vec::new(), Vec::new()];
    for round in 0..SAMPLES {
        // Interleaved, and each one first in every second round.
        let first = sample(&mut driver, &file, round % 2 == 0);
        let second = sample(&mut driver, &file, round % 2 != 0);
        let (with, without) = if round % 2 == 0 { (first, second) } else { (second, first) };
        ratios.push(with / without);
        plain.push(without);
        limited.push(with);
    }
    let [plain, limited, ratios] = [plain, limited, ratios].map(quartiles);
    println!("without a limit {plain:.0?} ns, with a limit {limited:.0?} ns, ratio {ratios:.4?} (quartiles)");
    assert!(ratios[1] <= 1.02, "{ratios:?}");
}
