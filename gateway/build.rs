//! Has the crate compiled again when the pages were built anew: their files get new names then, which no
//! `include_bytes!` of the old ones would notice.

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
}
