//! Parts of fragmented collections: looked through, and their documents moved to where they belong.

mod copy;
mod document;
mod identify;
mod journal;
mod misplaced;
mod place;
mod remove;
pub mod routing;
mod scan;

use protocol::{Failure, FragmentAsk, FragmentReply, FragmentRequest};

use place::Place;

/// Does what is asked of the part of a collection that is in one place.
pub async fn perform(request: &FragmentRequest) -> Result<FragmentReply, Failure> {
    let place = Place::open(request)?;
    match &request.ask {
        FragmentAsk::Scan { digests, examples } => {
            let scan = scan::scan(&place, *digests, *examples).await?;
            Ok(FragmentReply::Scanned(Box::new(scan)))
        }
        FragmentAsk::Identify { digests, limit } => {
            identify::identify(&place, digests, *limit).await.map(FragmentReply::Identified)
        }
        FragmentAsk::Misplaced { after, documents, bytes } => {
            misplaced::read(&place, after.as_ref(), *documents, *bytes).await
        }
        FragmentAsk::Copy { batch, from, documents } => {
            copy::copy(&place, batch, from, documents).await.map(FragmentReply::Fates)
        }
        FragmentAsk::Remove { batch, documents, quarantine } => {
            let removal = remove::Removal { batch: batch.as_deref(), documents, quarantine: *quarantine };
            remove::remove(&place, &removal).await.map(FragmentReply::Fates)
        }
        FragmentAsk::Judge { batch, documents } => {
            remove::judge(&place, batch, documents).await.map(FragmentReply::Fates)
        }
        FragmentAsk::Unfinished => journal::unfinished(&place).await.map(FragmentReply::Unfinished),
        FragmentAsk::Finish { batch } => {
            journal::forget(&place, batch).await?;
            Ok(FragmentReply::Done)
        }
        FragmentAsk::Holds { ids } => identify::holds(&place, ids).await.map(FragmentReply::Holds),
    }
}
