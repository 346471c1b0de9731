//! Questions on connections of their own: the runner may take longer over them than a look may.

use super::dial::dial;
use super::reading::{READ_TIMEOUT, read};
use super::{Deaf, End, Voice};
use crate::news::{Foreseen, News, Outcome};
use crate::place::Place;
use cappuccino_core::api::{CommandRequest, ParamView};
use cappuccino_core::client::ClientError;
use cappuccino_core::words::{RequestId, TrialNumber};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long the runner may take to decide; longer than it gives itself.
const ASK_TIMEOUT: Duration = Duration::from_secs(130);
/// Time between two tries.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// How often a request is sent again, with the same id, when its answer got lost.
const TRIES: u32 = 3;

/// Tells that a request never left.
pub(super) fn decline(voice: &Voice, id: RequestId) -> Result<(), Deaf> {
    let why = "no runner is connected, so nothing was asked; connect and ask again".to_owned();
    voice.say(News::Answered(id, Outcome::Refused { why, stale: false }))
}

/// Asks what a request would lead to.
pub(super) async fn foresee(place: Place, voice: Voice, request: CommandRequest) {
    let answer = async {
        let mut client = dial(&place).await?;
        Ok::<_, End>(timeout(READ_TIMEOUT, client.foresee(&request)).await)
    };
    let foreseen = match answer.await {
        Ok(Ok(Ok(foresight))) => Foreseen::Leads(Box::new(foresight)),
        // A runner that does not know the question refuses it too, with another code.
        Ok(Ok(Err(ClientError::Refused { code: 409 | 422, body }))) => {
            Foreseen::Refused(body.error)
        }
        Ok(Ok(Err(error))) => Foreseen::Unknown(error.to_string()),
        Ok(Err(_elapsed)) => Foreseen::Unknown("the runner did not answer in time".to_owned()),
        Err(end) => Foreseen::Unknown(end.told()),
    };
    // Without a window nobody waits for the answer.
    drop(voice.say(News::Foreseen(request.id, foreseen)));
}

/// Reads what a trial was drawn with.
pub(super) async fn params(place: Place, voice: Voice, number: TrialNumber) {
    let answer = async {
        let mut client = dial(&place).await?;
        Ok::<Vec<ParamView>, End>(read(&mut client, &format!("/v1/trials/{number}/params")).await?)
    };
    // Without a window nobody waits for the answer.
    drop(voice.say(News::Params(number, answer.await.map_err(End::told))));
}

/// Asks until there is an answer, or nobody knows.
pub(super) async fn ask(place: Place, voice: Voice, request: CommandRequest) {
    let mut outcome = Outcome::Unknown(String::new());
    for _try in 0..TRIES {
        outcome = ask_once(&place, &request).await;
        match &outcome {
            Outcome::Unknown(_) => tokio::time::sleep(TRY_EVERY).await,
            Outcome::Accepted(_) | Outcome::Refused { .. } => break,
        }
    }
    // Without a window nobody waits for the answer.
    drop(voice.say(News::Answered(request.id, outcome)));
}

async fn ask_once(place: &Place, request: &CommandRequest) -> Outcome {
    let began = Instant::now();
    let answer = async {
        let mut client = dial(place).await?;
        let left = ASK_TIMEOUT.saturating_sub(began.elapsed());
        Ok::<_, End>(timeout(left, client.command(request)).await)
    };
    match answer.await {
        Ok(Ok(Ok(accepted))) => Outcome::Accepted(accepted),
        Ok(Ok(Err(error))) => {
            let stale = error.is_stale();
            match error {
                ClientError::Refused { body, .. } => Outcome::Refused { why: body.error, stale },
                error @ (ClientError::Broken(_) | ClientError::Unreadable { .. }) => {
                    Outcome::Unknown(error.to_string())
                }
            }
        }
        Ok(Err(_elapsed)) => Outcome::Unknown("the runner did not answer in time".to_owned()),
        Err(End::Absent(why) | End::Broken(why)) => Outcome::Unknown(why),
        Err(End::Deaf) => Outcome::Unknown(String::new()),
    }
}
