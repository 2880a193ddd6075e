//! `pictures RECORD-DIRECTORY PICTURES-DIRECTORY` draws `nop.svg` and `size.svg` from the newest file of each
//! processor. Measures nothing.

use std::path::Path;
use std::process::ExitCode;

use record::draw;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [record, pictures] = &arguments[..] else {
        eprintln!("usage: pictures RECORD-DIRECTORY PICTURES-DIRECTORY");
        return ExitCode::from(2);
    };
    match draw::all(Path::new(record), Path::new(pictures)) {
        Ok(drawn) => {
            drawn.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}
