//! The end of a run: everything is read back, brought here, and removed there.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use protocol::{
    AppTarget, FinalRead, ReadBack, ReadBackAppRequest, ReadBackRequest, Record, Reply, Request, Rollbacks,
    RollbacksRequest, Searched,
};

use super::Drill;
use crate::drill::faults::end;
use crate::drill::journal::Journal;
use crate::drill::workload::{DATABASE, Workload};
use crate::guest::{self, one_line};

/// How long reading back may take, in milliseconds.
const READING_MS: u64 = 120_000;

/// How much of each mongod's log is kept, in bytes from its end.
const LOG: &str = "16777216";

/// What rolled back documents are told by.
#[derive(Clone)]
struct Known {
    /// When the run began, in milliseconds since 1970.
    since_ms: i64,
    /// Database and collection by UUID.
    collections: BTreeMap<String, String>,
    /// What the names of products end with that the run made.
    mark: Option<String>,
}

impl Drill<'_> {
    /// Ends the workload and keeps all that can be learned. What can't be read is written down as such, and the rest is
    /// done all the same.
    pub(super) async fn finish(&self, workload: &Workload<'_>, journal: &Journal, since_ms: i64) -> Result<()> {
        let (fetched, mark) = apart(self.fetch(workload, journal).await);
        let (read, collections) = apart(self.read(journal).await);
        let known = Known { since_ms, collections, mark };
        let rollbacks = self.rollbacks(journal, &known).await;
        let logs = self.logs().await;
        let removed = self.remove(workload).await;
        fetched.and(read).and(rollbacks).and(logs).and(removed)
    }

    /// Brings the history here; gives what the names of products end with that the run made.
    async fn fetch(&self, workload: &Workload<'_>, journal: &Journal) -> Result<Option<String>> {
        let status = workload.stop().await.context("the workload can't be ended")?;
        if self.load.record {
            workload.fetch(&status.history, journal.path()).await?;
        }
        Ok(status.mark)
    }

    /// Reads everything back; gives the names of collections by UUID.
    async fn read(&self, journal: &Journal) -> Result<BTreeMap<String, String>> {
        self.wait_for_set().await.ok();
        let ReadBack { read, hashes, collections } = self.read_set().await.unwrap_or_else(|error| ReadBack {
            read: unread(&error),
            hashes: Vec::new(),
            collections: BTreeMap::new(),
        });
        let read = match &self.app {
            None => read,
            Some(target) => self.read_app(target.clone()).await.unwrap_or_else(|error| unread(&error)),
        };
        let records = std::iter::once(Record::Final(read)).chain(hashes.into_iter().map(Record::Hash));
        journal.record(&records.collect::<Vec<_>>())?;
        Ok(collections)
    }

    async fn read_set(&self) -> Result<ReadBack> {
        let first = self.set.members.first().context("the set has no members")?;
        let request =
            ReadBackRequest { set: self.set.address(), database: DATABASE.to_owned(), timeout_ms: READING_MS };
        match guest::call(self.guests, &first.container, &Request::ReadBack(request), |_| {}).await? {
            Reply::ReadBack(back) => Ok(*back),
            other => bail!("the agent in {} answers {other:?}", first.container),
        }
    }

    async fn read_app(&self, target: AppTarget) -> Result<FinalRead> {
        let request = ReadBackAppRequest { target, run: self.run.clone(), timeout_ms: READING_MS };
        match guest::call(self.guests, &self.container, &Request::ReadBackApp(request), |_| {}).await? {
            Reply::FinalRead(read) => Ok(*read),
            other => bail!("the agent in {} answers {other:?}", self.container),
        }
    }

    async fn rollbacks(&self, journal: &Journal, known: &Known) -> Result<()> {
        let mut data: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        for member in &self.set.members {
            data.entry(&member.container).or_default().insert(member.host.clone(), member.data.clone());
        }
        let mut searched = Ok(());
        for (container, data) in data {
            // Where one guest can't be looked into, the others can.
            searched = searched.and(self.search(journal, container, data, known).await);
        }
        searched
    }

    async fn search(
        &self,
        journal: &Journal,
        container: &str,
        data: BTreeMap<String, String>,
        known: &Known,
    ) -> Result<()> {
        let searched = data.keys().map(|host| Record::Searched(Searched { host: host.clone() })).collect::<Vec<_>>();
        let Known { since_ms, collections, mark } = known.clone();
        let request = RollbacksRequest { data, database: DATABASE.to_owned(), collections, mark, since_ms };
        match guest::call(self.guests, container, &Request::Rollbacks(request), |_| {}).await? {
            Reply::Rollbacks(Rollbacks { files }) => {
                let files = files.into_iter().map(Record::Rollback);
                journal.record(&files.chain(searched).collect::<Vec<_>>())
            }
            other => bail!("the agent in {container} answers {other:?}"),
        }
    }

    async fn logs(&self) -> Result<()> {
        for member in &self.set.members {
            let mut log = Vec::new();
            let command = ["tail", "--bytes", LOG, &member.log];
            let ran = self.guests.client.run_into(&member.container, &command, |bytes| log.extend_from_slice(bytes));
            ran.await.with_context(|| format!("the log of {} can't be read", member.host))?;
            let path = self.folder.log(&member.host);
            std::fs::write(&path, log).with_context(|| format!("{} can't be written", path.display()))?;
        }
        Ok(())
    }

    async fn remove(&self, workload: &Workload<'_>) -> Result<()> {
        let ended = match self.set.members.first() {
            Some(first) => end(self.guests, self.set, &first.container).await,
            None => Ok(()),
        };
        let removed = workload.remove().await;
        ended.and(removed).context("what the test left could not all be removed: run `distctl heal`")
    }
}

/// What came of something, and its value, which is the usual one where nothing did.
fn apart<T: Default>(result: Result<T>) -> (Result<()>, T) {
    match result {
        Ok(value) => (Ok(()), value),
        Err(error) => (Err(error), T::default()),
    }
}

fn unread(error: &anyhow::Error) -> FinalRead {
    FinalRead { error: Some(one_line(error.as_ref())), ..FinalRead::default() }
}
