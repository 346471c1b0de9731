//! Certificates of an authority of its own, and lines that are encrypted or not.

use crate::notify::are_installed;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Both ends of a talk look like this to their program.
pub trait Both: Read + Write {}

impl<T: Read + Write> Both for T {}

pub type Line = Box<dyn Both>;

const AUTHORITY: &str = r#"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
  -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
  -keyout key.pem -out request.pem
printf 'subjectAltName=DNS:localhost\n' > names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
  -extfile names -out certificate.pem
"#;

/// Makes an authority, `ca.pem`, and a server's certificate for localhost. None, with the reason
/// printed, without openssl.
pub fn certificate(folder: &Path) -> Option<Arc<ServerConfig>> {
    if !are_installed(&["openssl"], "openssl") {
        return None;
    }
    let made = Command::new("sh").args(["-ec", AUTHORITY]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let chain = CertificateDer::pem_file_iter(folder.join("certificate.pem")).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Some(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

/// The server's end of `stream`.
pub fn line(stream: &TcpStream, tls: Option<&Arc<ServerConfig>>) -> Line {
    let stream = stream.try_clone().unwrap();
    match tls {
        None => Box::new(stream),
        Some(config) => {
            let connection = ServerConnection::new(Arc::clone(config)).unwrap();
            Box::new(StreamOwned::new(connection, stream))
        }
    }
}
