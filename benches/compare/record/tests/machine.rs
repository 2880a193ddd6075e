//! The name of a processor's directory is stable, and tells processors and mitigations apart.

use std::path::Path;

use record::machine::{NO_MITIGATION, directory, mitigation_of};
use record::{csv, store};

#[test]
fn a_directory_has_the_processor_and_the_mitigation() {
    for (processor, mitigation, expected) in [
        ("AMD EPYC", "Safe RET", "amd-epyc-safe-ret"),
        ("Intel(R) Xeon(R) Processor", NO_MITIGATION, "intel-xeon-processor-no-return-stack-mitigation"),
        ("Intel(R) Xeon(R) Platinum 8488C", "IBRS", "intel-xeon-platinum-8488c-ibrs"),
        ("Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz", "IBRS", "intel-core-i7-8700k-cpu-ibrs"),
        ("AMD Ryzen 9 5950X 16-Core Processor", "Safe RET", "amd-ryzen-9-5950x-16-core-processor-safe-ret"),
        ("../a b/", "untrained return thunk", "a-b-untrained-return-thunk"),
    ] {
        assert_eq!(directory(processor, mitigation), expected);
    }
}

#[test]
fn the_mitigation_does_not_depend_on_the_microcode() {
    for (retbleed, overflow, expected) in [
        ("Mitigation: untrained return thunk; SMT disabled", "Mitigation: Safe RET", "Safe RET"),
        ("Not affected", "Vulnerable: Safe RET, no microcode", "Safe RET"),
        ("Not affected", "Mitigation: safe RET", "Safe RET"),
        ("Not affected", "Vulnerable: Microcode, no safe RET", NO_MITIGATION),
        ("Not affected", "Vulnerable: No microcode", NO_MITIGATION),
        ("Not affected", "Mitigation: IBPB", "IBPB"),
        ("Not affected", "Mitigation: IBPB on VMEXIT only", NO_MITIGATION),
        ("Not affected", "Mitigation: Reduced Speculation", NO_MITIGATION),
        (
            "Mitigation: untrained return thunk; SMT enabled with STIBP protection",
            "Mitigation: SMT disabled",
            "untrained return thunk",
        ),
        ("Mitigation: IBPB; SMT disabled", "Not affected", "IBPB"),
        ("Mitigation: Stuffing", "Not affected", "return stuffing"),
        ("Mitigation: IBRS", "Not affected", "IBRS"),
        ("Mitigation: Enhanced IBRS", "Not affected", NO_MITIGATION),
        ("Vulnerable", "Vulnerable", NO_MITIGATION),
        ("Not affected", "Not affected", NO_MITIGATION),
        ("unknown", "unknown", NO_MITIGATION),
    ] {
        assert_eq!(mitigation_of(retbleed, overflow), expected, "{retbleed}; {overflow}");
    }
}

/// The files of this repository: each has the name that [`store::save`] would give it, in all its rows.
#[test]
fn each_recorded_file_is_where_its_rows_say() {
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../record");
    let mut seen = 0;
    for directory_entry in std::fs::read_dir(&record).expect("the record").flatten() {
        let Ok(days) = std::fs::read_dir(directory_entry.path()) else { continue };
        for file in days.map(|day| day.expect("a file").path()) {
            let rows = store::load(&file).unwrap_or_else(|fault| panic!("{fault}"));
            assert!(!rows.is_empty(), "{} has no figures", file.display());
            for csv::Row { origin, table, .. } in rows {
                let place =
                    record.join(directory(&origin.processor, &origin.mitigation)).join(format!("{}.csv", origin.date));
                assert_eq!(place, file, "a row of {table}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen} files in {}", record.display());
}
