//! Records which compiler builds this, for the metric that describes the build.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output();
    let version = version.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    println!(
        "cargo::rustc-env=CARREL_RUSTC={}",
        version.unwrap_or_else(|_| "unknown".to_owned())
    );
}
