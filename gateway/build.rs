//! Makes Cargo recompile the crate when the pages were rebuilt: their files then have new names, which no
//! `include_bytes!` of the old ones would notice.

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
}
