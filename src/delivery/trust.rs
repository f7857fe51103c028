//! Whom the other side's certificate must come from: the machine's authorities and a channel's own.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use reqwest::redirect;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::failure::Failure;

/// Longest wait for a connection to be established.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest file of certificate authorities that is read.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// The machine's certificate authorities, and what was made of them and of each channel's `ca`.
pub(super) struct Trust {
    machine: Arc<OnceLock<RootCertStore>>,
    ready: Mutex<HashMap<Option<PathBuf>, Ready>>,
}

/// What it takes to speak with the other side.
#[derive(Clone)]
pub(super) struct Wire {
    /// For SMTP.
    pub(super) tls: Arc<ClientConfig>,
    /// For HTTP.
    pub(super) http: reqwest::Client,
}

/// A wire, and the file's content that it was made from.
struct Ready {
    pem: Vec<u8>,
    wire: Wire,
}

impl Trust {
    /// Has the machine's authorities read by a thread: at once, as later there may be no disk any more to read them from,
    /// and no start waits for it.
    pub(super) fn new() -> Self {
        let machine = Arc::new(OnceLock::new());
        let read = machine.clone();
        // Where there is no thread to be had, the first wire reads them.
        let _ = thread::Builder::new().name("authorities".to_owned()).spawn(move || {
            read.get_or_init(authorities_of_the_machine);
        });
        Self {
            machine,
            ready: Mutex::default(),
        }
    }

    /// The wire that trusts the machine's authorities and those in `ca`, which is read at each call
    /// so that a renewed file needs no reload.
    pub(super) async fn wire(&self, ca: Option<&Path>) -> Result<Wire, Failure> {
        let pem = match ca {
            Some(path) => read(path.to_owned()).await?,
            None => Vec::new(),
        };
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = ready.get(&ca.map(Path::to_owned))
            && known.pem == pem
        {
            return Ok(known.wire.clone());
        }
        let wire = self.build(ca, &pem)?;
        let fresh = Ready {
            pem,
            wire: wire.clone(),
        };
        ready.insert(ca.map(Path::to_owned), fresh);
        Ok(wire)
    }

    fn build(&self, ca: Option<&Path>, pem: &[u8]) -> Result<Wire, Failure> {
        let mut roots = self.machine.get_or_init(authorities_of_the_machine).clone();
        if let Some(path) = ca {
            let unusable = |why: &str| Failure::unsent(format!("ca file {}: {why}", path.display()));
            let certificates = CertificateDer::pem_slice_iter(pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unusable(&error.to_string()))?;
            if certificates.is_empty() {
                return Err(unusable("holds no certificate in PEM form"));
            }
            for certificate in certificates {
                roots.add(certificate).map_err(|error| unusable(&error.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::unsent(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(concat!("freshd/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            // Messages are rare: a kept connection would mostly be found dead when it is needed.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| Failure::unsent(format!("HTTP cannot be set up: {}", error.without_url())))?;
        Ok(Wire {
            tls: Arc::new(tls),
            http,
        })
    }
}

fn authorities_of_the_machine() -> RootCertStore {
    let mut authorities = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = authorities.add_parsable_certificates(found.certs);
    if usable == 0 {
        tracing::warn!(
            "no certificate authorities found on this machine: only channels with `ca` can use TLS; install ca-certificates"
        );
    }
    authorities
}

async fn read(path: PathBuf) -> Result<Vec<u8>, Failure> {
    let failed = {
        let path = path.clone();
        move |why: &str| Failure::unsent(format!("ca file {}: {why}", path.display()))
    };
    let reading = tokio::task::spawn_blocking(move || -> std::io::Result<Vec<u8>> {
        let mut pem = Vec::new();
        File::open(path)?.take(CA_BYTES_MAX + 1).read_to_end(&mut pem)?;
        Ok(pem)
    });
    let pem = match reading.await {
        Ok(Ok(pem)) => pem,
        Ok(Err(error)) => return Err(failed(&error.to_string())),
        Err(error) => return Err(Failure::temporary(error.to_string())),
    };
    if pem.len() as u64 > CA_BYTES_MAX {
        return Err(failed(
            "is larger than 1 MiB; name a file with only the authorities needed",
        ));
    }
    Ok(pem)
}
