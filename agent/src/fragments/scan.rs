//! One look at every document of a part, in one snapshot, with memory for one batch at a time.

use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use mongodb::bson::{Document, RawBsonRef, RawDocument, doc};
use mongodb::error::{ErrorKind, Result};
use mongodb::raw_batch_cursor::RawBatch;
use protocol::{Digest, Example, Failure, Found, FragmentScan, Line};

use super::document::{Belongs, belongs, digest, key, shown, text};
use super::place::Place;
use crate::call::{progress, say};
use crate::mongo::code::SNAPSHOT_TOO_OLD;

/// How many documents come in one answer of mongod: 1 to 2 MB of identities and keys.
const BATCH: u32 = 20_000;

/// How many documents lie between two lines of progress.
const NEWS: u64 = 500_000;

/// The field that the size of a document comes in; no document of anybody has it.
const SIZE: &str = "distctl size";

/// Looks at every document.
pub async fn scan(place: &Place, digests: bool, examples: usize) -> std::result::Result<FragmentScan, Failure> {
    let begun = Instant::now();
    let mut seen = Seen::new(place, digests, examples);
    look(place, Some(SIZE), |document| seen.take(document)).await.map_err(|error| explain(place, error))?;
    seen.send();
    let mut scan = seen.scan;
    let journal = place.journal();
    scan.unfinished =
        place.trying(async || journal.count_documents(doc! { "from": { "$exists": true } }).await).await?;
    scan.quarantined = place.trying(async || place.quarantine().estimated_document_count().await).await?;
    scan.snapshot = place.is_set;
    scan.took_ms = begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    Ok(scan)
}

fn explain(place: &Place, error: mongodb::error::Error) -> Failure {
    let too_old = matches!(error.kind.as_ref(), ErrorKind::Command(command) if command.code == SNAPSHOT_TOO_OLD);
    let failure = place.failure(error);
    if !too_old {
        return failure;
    }
    Failure { cause: format!("took longer than mongod keeps a snapshot: {}", failure.cause), ..failure }
        .with_hint("look when there is less to do, or raise mongod's minSnapshotHistoryWindowInSeconds (300)")
}

/// Gives identity and key of every document to a function, and its size where that has a name.
pub async fn look(place: &Place, size: Option<&str>, mut take: impl FnMut(&RawDocument)) -> Result<()> {
    let mut fields = doc! { "_id": 1 };
    fields.insert(&place.rule.key, 1);
    if let Some(name) = size {
        fields.insert(name, doc! { "$bsonSize": "$$ROOT" });
    }
    let mut batch = |batch: RawBatch| -> Result<()> {
        for document in batch.doc_slices()? {
            if let Some(document) = document?.as_document() {
                take(document);
            }
        }
        Ok(())
    };
    let documents = place.documents();
    let find = || documents.find(Document::new()).projection(fields.clone()).batch_size(BATCH);
    if !place.is_set {
        let mut cursor = find().batch().await?;
        while let Some(found) = cursor.next().await {
            batch(found?)?;
        }
        return Ok(());
    }
    let mut session = place.client.start_session().snapshot(true).await?;
    let mut cursor = find().session(&mut session).batch().await?;
    let mut stream = cursor.stream(&mut session);
    while let Some(found) = stream.next().await {
        batch(found?)?;
    }
    Ok(())
}

/// What was seen so far.
struct Seen<'p> {
    place: &'p Place,
    examples: usize,
    scan: FragmentScan,
    letters: [protocol::Tally; 27],
    digests: Option<Vec<u8>>,
}

impl<'p> Seen<'p> {
    fn new(place: &'p Place, digests: bool, examples: usize) -> Self {
        let scan = FragmentScan::default();
        Self { place, examples, scan, letters: Default::default(), digests: digests.then(Vec::new) }
    }

    fn take(&mut self, document: &RawDocument) {
        let rule = &self.place.rule;
        let (id, key) = (document.get("_id").ok().flatten(), key(document, &rule.key));
        let size = document.get_i32(SIZE).map_or(0, |size| u64::try_from(size).unwrap_or_default());
        let scan = &mut self.scan;
        scan.documents += 1;
        scan.bytes += size;
        let example = |why: &str| Example {
            id: id.map(shown).unwrap_or_default(),
            key: text(key).map(str::to_owned),
            why: why.to_owned(),
        };
        match belongs(rule, key) {
            Belongs::To(on, letter) => {
                let tally = &mut self.letters[letter.map_or(26, |letter| letter as usize - 'A' as usize)];
                tally.documents += 1;
                tally.bytes += size;
                if on != self.place.on {
                    note(&mut scan.misplaced, self.examples, || example(on));
                    *scan.belongs.entry(on.to_owned()).or_default() += 1;
                }
            }
            Belongs::Nowhere => note(&mut scan.empty, self.examples, || example("nothing to see")),
            Belongs::WithoutKey => note(&mut scan.without_key, self.examples, || example("missing")),
            Belongs::WrongType(kind) => note(&mut scan.wrong_type, self.examples, || example(kind)),
        }
        if scan.documents.is_multiple_of(NEWS) {
            progress(format!("{} documents seen on {}", scan.documents, self.place.on));
        }
        self.digest(id, key);
    }

    fn digest(&mut self, id: Option<RawBsonRef<'_>>, key: Option<RawBsonRef<'_>>) {
        const PART: usize = 8_192 * Digest::BYTES;
        let Some(bytes) = &mut self.digests else { return };
        bytes.extend_from_slice(&digest(id, key).to_bytes());
        if bytes.len() >= PART {
            say(&Line::Part(BASE64_STANDARD.encode(&*bytes)));
            bytes.clear();
        }
    }

    /// Sends what is left, and puts the histogram into the answer.
    fn send(&mut self) {
        if let Some(bytes) = self.digests.take().filter(|bytes| !bytes.is_empty()) {
            say(&Line::Part(BASE64_STANDARD.encode(bytes)));
        }
        let names = ('A'..='Z').map(|letter| letter.to_string()).chain(["other".to_owned()]);
        self.scan.letters = names.zip(self.letters).filter(|(_, tally)| tally.documents > 0).collect();
    }
}

fn note(found: &mut Found, examples: usize, example: impl FnOnce() -> Example) {
    found.count += 1;
    if found.examples.len() < examples {
        found.examples.push(example());
    }
}
