//! Certificates for tests of TLS.

use std::path::PathBuf;

use carrel_platform::tls::{ClientTls, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Certificates for 127.0.0.1, in files.
pub(crate) struct Certificates {
    _folder: tempfile::TempDir,
    pub(crate) server: ServerTls,
    pub(crate) client: ClientTls,
}

impl Certificates {
    pub(crate) fn issue() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: String| -> PathBuf {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            (
                file(&format!("{name}.pem"), certificate.pem()),
                file(&format!("{name}.key"), key.serialize_pem()),
            )
        };
        let ca = file("ca.pem", authority.pem());
        let (certificate, key) = issue("server");
        let (own, own_key) = issue("client");
        Self {
            server: ServerTls {
                certificate,
                key,
                client_ca: Some(ca.clone()),
            },
            client: ClientTls {
                ca,
                certificate: Some(own),
                key: Some(own_key),
            },
            _folder: folder,
        }
    }
}
