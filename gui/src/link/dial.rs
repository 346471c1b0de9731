//! A connection to the runner, if it is ours.

use super::End;
use crate::place::{Place, uid};
use cappuccino_core::client::{self, Client};
use hyper_util::rt::TokioIo;
use std::io::ErrorKind;
use std::path::Path;
use tokio::net::UnixStream;

/// Connects to the first socket on which somebody listens.
pub(super) async fn dial(place: &Place) -> Result<Client, End> {
    for path in &place.sockets {
        let Some(stream) = connect(path).await? else { continue };
        let opened = client::open(TokioIo::new(stream)).await;
        let (client, driver) = opened.map_err(|error| End::Broken(error.to_string()))?;
        tokio::spawn(driver);
        return Ok(client);
    }
    Err(End::Absent("no runner is up for this workspace".to_owned()))
}

async fn connect(path: &Path) -> Result<Option<UnixStream>, End> {
    match UnixStream::connect(path).await {
        Ok(stream) => {
            let peer = stream.peer_cred().map(|peer| peer.uid()).ok();
            if peer.is_some() && peer == uid() {
                return Ok(Some(stream));
            }
            let shown = path.display();
            Err(End::Broken(format!(
                "whoever listens at {shown} is not a runner of yours; work as the user who \
                 started it, or have the socket removed"
            )))
        }
        Err(error)
            if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) =>
        {
            Ok(None)
        }
        // A path that no socket can have is not where one listens.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(End::Broken(format!(
            "cannot connect to the runner at {}: {error}; check the rights of the socket and its \
             folder",
            path.display()
        ))),
    }
}
