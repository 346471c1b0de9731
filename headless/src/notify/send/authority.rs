//! Who vouches for a server, when the user names somebody.

use std::path::Path;
use ureq::tls::{Certificate, PemItem, parse_pem};

/// The certificates in a PEM file; at least one.
pub(super) fn authorities(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let unusable = |why: String| {
        let file = file.display();
        format!("`ca_file` {file} cannot be used: {why}; name a file of PEM certificates")
    };
    let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(one) = item.map_err(|error| unusable(error.to_string()))? {
            found.push(one);
        }
    }
    if found.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    Ok(found)
}
