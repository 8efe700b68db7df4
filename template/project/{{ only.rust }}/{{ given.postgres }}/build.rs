//! A new migration is compiled in, though no source changed.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
