//! A certificate authority of a test's own, and good and bad certificates signed by it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server's certificate is like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Certificate {
    /// For localhost and 127.0.0.1.
    Good,
    /// For another name.
    WrongHost,
    /// For localhost, until 2021.
    Expired,
    /// For localhost, signed by nobody but itself.
    SelfSigned,
}

/// An authority; clients trust it by the PEM file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    /// Writes `ca.pem` into the directory.
    pub(crate) fn new(dir: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "freshd test authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = dir.join("ca.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// The file for the option `ca`.
    pub(crate) fn file(&self) -> PathBuf {
        self.file.clone()
    }

    /// What a server in this program needs.
    pub(crate) fn server(&self, certificate: Certificate) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(certificate);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }

    /// The certificate and the key of another server, as PEM.
    pub(crate) fn pem(&self, certificate: Certificate) -> (String, String) {
        let (certificate, key) = self.issue(certificate);
        (certificate.pem(), key.serialize_pem())
    }

    fn issue(&self, certificate: Certificate) -> (rcgen::Certificate, KeyPair) {
        let names = match certificate {
            Certificate::Good | Certificate::Expired | Certificate::SelfSigned => vec!["localhost", "127.0.0.1"],
            Certificate::WrongHost => vec!["other.example"],
        };
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if matches!(certificate, Certificate::Expired) {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = match certificate {
            Certificate::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        (certificate.unwrap(), key)
    }
}
