//! Where databases are: DB1_URL, DB2_URL, ... and which fragment is on which.

use fragmentation::Fragmentation;
use mongodb::options::ClientOptions;

/// Where one database is.
#[derive(Debug, Clone)]
pub struct Address {
    /// What it is called in answers: `DB1`.
    pub name: String,
    /// The database that the URL names in its path.
    pub database: String,
    /// What the URL says.
    pub options: ClientOptions,
}

/// Why addresses can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL can't be read. It is not shown: it holds a password.
    #[error("{0} is no MongoDB URL: it must look like mongodb://USER:PASSWORD@HOST:PORT/DATABASE?replicaSet=NAME")]
    Url(String),
    /// The URL names no database.
    #[error("{0} names no database: its path must be that of the products, as in mongodb://HOST:PORT/products_db")]
    NoDatabase(String),
    /// A URL and the fragmentation name different databases.
    #[error("{variable} names the database {named}, but the fragmentation's collection is in {expected}")]
    OtherDatabase {
        /// The variable that holds the URL.
        variable: String,
        /// The database in its path.
        named: String,
        /// The one of the fragmentation.
        expected: String,
    },
    /// No URL leads to a fragment.
    #[error("a fragment is on {on}, and no DBn_URL has replicaSet={on} (there is {known})")]
    NoHome {
        /// The replica set.
        on: String,
        /// What the URLs have.
        known: String,
    },
}

impl Address {
    /// Reads `DBn_URL`.
    ///
    /// # Errors
    /// A URL that is none or names no database; the error does not show it.
    pub async fn parse(name: &str, url: &str) -> Result<Self, Error> {
        let variable = || format!("{name}_URL");
        let options = ClientOptions::parse(url).await.map_err(|_| Error::Url(variable()))?;
        let database = options.default_database.clone().ok_or_else(|| Error::NoDatabase(variable()))?;
        Ok(Self { name: name.to_owned(), database, options })
    }
}

/// Finds the database of each fragment: the position in `addresses` for each position in the rule.
///
/// That is the one whose replica set has the name that the fragment is on. A URL without replica set leads to a single
/// mongod, whose name it can't say: the n-th such URL stands for the n-th name that no URL has.
///
/// # Errors
/// A fragment without database, or a URL that leads to another database than the rule's collection is in.
pub fn homes(rule: &Fragmentation, addresses: &[Address]) -> Result<Vec<usize>, Error> {
    let expected = rule.collection.split('.').next().unwrap_or_default();
    if let Some(other) = addresses.iter().find(|address| address.database != expected) {
        let variable = format!("{}_URL", other.name);
        return Err(Error::OtherDatabase { variable, named: other.database.clone(), expected: expected.to_owned() });
    }
    let sets: Vec<Option<&str>> = addresses.iter().map(|address| address.options.repl_set_name.as_deref()).collect();
    let mut unnamed: Vec<&str> = Vec::new();
    for fragment in &rule.fragments {
        if !sets.contains(&Some(&fragment.on)) && !unnamed.contains(&fragment.on.as_str()) {
            unnamed.push(&fragment.on);
        }
    }
    let singles: Vec<usize> = (0..sets.len()).filter(|position| sets[*position].is_none()).collect();
    let home = |on: &str| match sets.iter().position(|set| *set == Some(on)) {
        Some(position) => Some(position),
        None => unnamed.iter().position(|name| *name == on).and_then(|nth| singles.get(nth).copied()),
    };
    let found = |on: &String| {
        home(on).ok_or_else(|| {
            let known: Vec<&str> = sets.iter().map(|set| set.unwrap_or("one without replicaSet")).collect();
            Error::NoHome { on: on.clone(), known: known.join(", ") }
        })
    };
    rule.fragments.iter().map(|fragment| found(&fragment.on)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Fragmentation {
        let json = br#"{"collection":"products_db.products","key":"name","fragments":[
            {"range":"A-M","on":"rsA","default":true},{"range":"N-Z","on":"rsB","default":false}]}"#;
        Fragmentation::from_json(json).unwrap()
    }

    async fn addresses(urls: &[&str]) -> Vec<Address> {
        let mut addresses = Vec::new();
        for (url, number) in urls.iter().zip(1..) {
            addresses.push(Address::parse(&format!("DB{number}"), url).await.unwrap());
        }
        addresses
    }

    #[tokio::test]
    async fn the_replica_set_decides() {
        let swapped = ["mongodb://h:1/products_db?replicaSet=rsB", "mongodb://h:2/products_db?replicaSet=rsA"];
        assert_eq!(homes(&rule(), &addresses(&swapped).await), Ok(vec![1, 0]));
    }

    #[tokio::test]
    async fn single_mongods_are_taken_in_order() {
        let singles = ["mongodb://h:1/products_db", "mongodb://h:2/products_db"];
        assert_eq!(homes(&rule(), &addresses(&singles).await), Ok(vec![0, 1]));
        let mixed = ["mongodb://h:1/products_db", "mongodb://h:2/products_db?replicaSet=rsA"];
        assert_eq!(homes(&rule(), &addresses(&mixed).await), Ok(vec![1, 0]));
    }

    #[tokio::test]
    async fn a_fragment_without_database_is_named() {
        let wrong = ["mongodb://h:1/products_db?replicaSet=rsA", "mongodb://h:2/products_db?replicaSet=rsX"];
        let error = homes(&rule(), &addresses(&wrong).await).unwrap_err().to_string();
        assert_eq!(error, "a fragment is on rsB, and no DBn_URL has replicaSet=rsB (there is rsA, rsX)");
        let one = ["mongodb://h:1/products_db"];
        assert!(homes(&rule(), &addresses(&one).await).is_err());
    }

    #[tokio::test]
    async fn a_bad_url_is_never_shown() {
        let error = Address::parse("DB1", "mongodb://user:hunter2@:x/products_db").await.unwrap_err();
        assert!(!error.to_string().contains("hunter2") && error.to_string().contains("DB1_URL"), "{error}");
        let nameless = Address::parse("DB2", "mongodb://h:1").await.unwrap_err();
        assert_eq!(nameless, Error::NoDatabase("DB2_URL".into()));
    }
}
