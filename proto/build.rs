//! Compiles the `.proto` files without a system `protoc`: messages and services with tonic, proto3 JSON with pbjson,
//! and the descriptor set for server reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;
use prost_build::{Config, Service, ServiceGenerator};

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

/// Calls whose responses go to many, or are passed on: they stay as they are encoded.
const ENCODED: [(&str, &str); 1] = [("SessionService", "Attend")];

/// Generates services as tonic does, with [`ENCODED`] responses as `crate::encoded::Encoded`.
struct Services(Box<dyn ServiceGenerator>);

impl ServiceGenerator for Services {
    fn generate(&mut self, mut service: Service, buf: &mut String) {
        let package = service
            .package
            .trim_start_matches("carrel.")
            .replace('.', "::");
        for method in &mut service.methods {
            if ENCODED.contains(&(&service.proto_name, &method.proto_name)) {
                method.output_type = format!(
                    "crate::encoded::Encoded<crate::{package}::{}>",
                    method.output_type
                );
            }
        }
        self.0.generate(service, buf);
    }

    fn finalize(&mut self, buf: &mut String) {
        self.0.finalize(buf);
    }

    fn finalize_package(&mut self, package: &str, buf: &mut String) {
        self.0.finalize_package(package, buf);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=carrel");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, ["."])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("descriptors.binpb"), &encoded)?;
    let services = tonic_prost_build::configure()
        .codec_path("crate::codec::Codec")
        .compile_well_known_types(true)
        .service_generator();
    Config::new()
        .skip_debug(SECRETS)
        .compile_well_known_types()
        .extern_path(".google.protobuf", "::pbjson_types")
        .service_generator(Box::new(Services(services)))
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .build(&[".carrel"])?;
    Ok(())
}
