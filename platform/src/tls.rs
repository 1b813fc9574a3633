//! TLS on listeners and towards services. The configuration names the files, which are read once at the start.
//!
//! The cryptography provider, `ring`, is always named explicitly, so that nothing depends on what else is in the
//! process.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::config::Problems;

/// How a listener identifies itself, and which clients it admits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// A PEM file with the certificate, followed by its intermediate certificates.
    pub certificate: PathBuf,
    /// A PEM file with its private key.
    pub key: PathBuf,
    /// A PEM file with the authorities whose clients are admitted (mutual TLS). Without it, a client needs no
    /// certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
}

/// Which servers a client trusts, and how it identifies itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    /// A PEM file with the authorities whose servers are trusted.
    pub ca: PathBuf,
    /// A PEM file with the client's own certificate (mutual TLS), if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// A PEM file with the private key of that certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// Why TLS can't be set up as the configuration asks.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{setting}: {} can't be read: {source}", path.display())]
    File {
        /// The setting, within its section.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The contents of the files can't be used.
    #[error("{setting}: {problem}")]
    Unusable {
        /// The setting, within its section.
        setting: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl ServerTls {
    /// Checks that the files can be used. `section` is the section of the settings that this one is in.
    ///
    /// # Errors
    /// When they can't.
    pub fn check(&self, section: &str) -> Result<(), Problems> {
        checked(section, self.for_grpc())
    }

    /// Returns the configuration of a gRPC server.
    ///
    /// # Errors
    /// If a file can't be read, or certificate and key do not match.
    pub fn for_grpc(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        self.config(b"h2")
    }

    /// Returns the acceptor for an HTTP/1.1 listener.
    ///
    /// # Errors
    /// If a file can't be read, or certificate and key do not match.
    pub fn for_http(&self) -> Result<TlsAcceptor, TlsError> {
        self.config(b"http/1.1").map(TlsAcceptor::from)
    }

    fn config(&self, protocol: &[u8]) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        let unusable = |setting, error: &dyn std::fmt::Display| TlsError::Unusable {
            setting,
            problem: error.to_string(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = certificates("tls.certificate", &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&read("tls.key", &self.key)?)
            .map_err(|error| unusable("tls.key", &error))?;
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("tls", &error))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for authority in self::certificates("tls.client_ca", path)? {
                    roots
                        .add(authority)
                        .map_err(|error| unusable("tls.client_ca", &error))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| unusable("tls.client_ca", &error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(certificates, key)
            .map_err(|error| unusable("tls.certificate", &error))?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

impl ClientTls {
    /// Checks that the files can be used. `section` is the section of the settings that this one is in.
    ///
    /// # Errors
    /// When they can't.
    pub fn check(&self, section: &str) -> Result<(), Problems> {
        checked(section, self.for_grpc())
    }

    /// Returns the configuration of a gRPC client. It expects the server to be the host in the address that it calls.
    ///
    /// # Errors
    /// If a file can't be read, or only one of certificate and key is set.
    pub fn for_grpc(&self) -> Result<ClientTlsConfig, TlsError> {
        let config =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("tls.ca", &self.ca)?));
        match (&self.certificate, &self.key) {
            (None, None) => Ok(config),
            (Some(certificate), Some(key)) => Ok(config.identity(Identity::from_pem(
                read("tls.certificate", certificate)?,
                read("tls.key", key)?,
            ))),
            _ => Err(TlsError::Unusable {
                setting: "tls.certificate",
                problem: "certificate and key go together; set both or none".to_owned(),
            }),
        }
    }
}

fn checked<T>(section: &str, used: Result<T, TlsError>) -> Result<(), Problems> {
    let mut problems = Problems::default();
    problems.take_named(used.map_err(|error| format!("{section}.{error}")));
    problems.checked()
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&read(setting, path)?).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(TlsError::Unusable {
            setting,
            problem: format!("{} holds no certificate in PEM", path.display()),
        }),
        Err(error) => Err(TlsError::Unusable {
            setting,
            problem: format!("{}: {error}", path.display()),
        }),
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File {
        setting,
        path: path.to_owned(),
        source,
    })
}
