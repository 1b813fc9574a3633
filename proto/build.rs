//! Compiles the `.proto` files without a system `protoc`: messages and services with tonic, proto3 JSON with pbjson,
//! and the descriptor set for server reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 10] = [
    "carrel/refusal/v1/refusal.proto",
    "carrel/session/v1/session.proto",
    "carrel/session/v1/session_event.proto",
    "carrel/session/v1/session_service.proto",
    "carrel/session/v1/transfer_service.proto",
    "carrel/session/v1/load_service.proto",
    "carrel/directory/v1/directory_service.proto",
    "carrel/presence/v1/presence_service.proto",
    "carrel/im/v1/im_service.proto",
    "carrel/gateway/v1/frames.proto",
];

/// Messages that hold a password or a token. Their `Debug` is written by hand in `src/lib.rs` and does not show it.
const SECRETS: [&str; 6] = [
    ".carrel.directory.v1.Token",
    ".carrel.directory.v1.LogInRequest",
    ".carrel.directory.v1.RenewTokenRequest",
    ".carrel.session.v1.Renew",
    ".carrel.presence.v1.RenewPresence",
    ".carrel.gateway.v1.Hello",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=carrel");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, ["."])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("descriptors.binpb"), &encoded)?;
    tonic_prost_build::configure()
        .skip_debug(SECRETS)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .build(&[".carrel"])?;
    Ok(())
}
