//! How much memory a storage takes, against what its documentation says.

use bare_uring_ops::Storage;

/// Returns the size of a storage of this many operations, files and buffers of this size.
macro_rules! size {
    ($operations:literal, $files:literal, $buffers:literal, $size:literal) => {
        size_of::<Storage<$operations, $files, $buffers, $size>>()
    };
}

#[test]
#[cfg_attr(not(target_pointer_width = "64"), ignore = "the figures are those of 64 bits")]
fn the_documentation_tells_what_a_storage_takes() {
    // A thousand of each, so that the sum is a multiple of every alignment.
    let empty = size!(0, 0, 0, 0);
    let rows = [
        ("the storage itself", empty),
        ("an operation", (size!(1000, 0, 0, 0) - empty) / 1000),
        ("a file", (size!(0, 1000, 0, 0) - empty) / 1000),
        ("a buffer, beside its bytes", (size!(0, 0, 1000, 0) - empty) / 1000),
    ];
    let text = include_str!("../src/storage.rs");
    for (what, bytes) in rows {
        let row = format!("/// | {what} | {bytes} |");
        assert!(text.contains(&row), "no row: {row}");
    }
    // Together they are all that there is, up to the alignment of the parts.
    let sum = empty + 100 * (rows[1].1 + rows[2].1) + 50 * (rows[3].1 + 4096);
    let all = size!(100, 100, 50, 4096);
    assert!(all.abs_diff(sum) <= 32, "{all} bytes, not {sum}");
}
