//! Finding a daemon, and refusing one that won't do.

use std::path::Path;

use distctl::incus::{Client, Error, Places, Source, Target};

use super::{client, target};
use crate::fake::{Fake, Keys};

async fn refused(fake: &Fake) -> Error {
    let places = Places { socket: Some(fake.socket()), ..Places::default() };
    let error = Client::connect_from(&places, &target()).await.unwrap_err();
    assert!(error.hint().is_some(), "{error}: no hint");
    error
}

#[tokio::test]
async fn one_request_tells_who_answers() {
    let fake = Fake::start();
    let client = client(&fake).await;
    assert_eq!((client.server().version.as_str(), client.server().storage.as_str()), ("6.0.4", "btrfs"));
    assert_eq!((client.requests().reads, client.requests().writes), (1, 0));
    assert_eq!((fake.requests().len(), client.project()), (1, "default"));
    assert!(client.address().starts_with("unix:///"));
    let age = client.server_time().unwrap().duration_until(jiff::Timestamp::now());
    assert!(age.as_secs().abs() < 60, "{age}");
}

#[tokio::test]
async fn servers_that_will_not_do_are_named() {
    let fake = Fake::start();
    fake.world().server = "lxd".into();
    assert!(matches!(refused(&fake).await, Error::NotIncus { server, .. } if server == "lxd"));
    fake.world().server = "incus".into();
    fake.world().version = "5.21".into();
    assert!(matches!(refused(&fake).await, Error::TooOld { version, .. } if version == "5.21"));
    fake.world().version = "7.0.1".into();
    fake.world().extensions.retain(|name| name != "network_allocations");
    assert!(
        matches!(refused(&fake).await, Error::MissingExtension { missing, .. } if missing == ["network_allocations"])
    );
    fake.world().trusted = false;
    assert!(matches!(refused(&fake).await, Error::Untrusted { .. }));
}

#[tokio::test]
async fn sockets_without_a_daemon_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let at = async |socket: &Path| {
        let places = Places { socket: Some(socket.into()), ..Places::default() };
        match Client::connect_from(&places, &target()).await.unwrap_err() {
            Error::NotThere { address, hint, .. } => {
                assert!(address.contains(&socket.display().to_string()));
                hint
            }
            other => panic!("{other:?}"),
        }
    };
    let absent = at(&directory.path().join("none.socket")).await;
    let dead = directory.path().join("dead.socket");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    let refused = at(&dead).await;
    assert!(absent.contains("INCUS_SOCKET") && refused.contains("systemctl start"), "{absent} / {refused}");
}

#[tokio::test]
async fn something_that_is_no_incus_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("web.socket");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let router = axum::Router::new().fallback(|| async { "<html>" });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let places = Places { socket: Some(socket), ..Places::default() };
    let error = Client::connect_from(&places, &target()).await.unwrap_err();
    assert!(matches!(error, Error::NotIncus { .. }), "{error:?}");
}

#[tokio::test]
async fn the_socket_is_found_in_the_daemons_directory() {
    let fake = Fake::start();
    let places = Places { daemon: Some(fake.directory().into()), ..Places::default() };
    assert_eq!(Client::connect_from(&places, &target()).await.unwrap().server().name, "fake");
}

/// Writes the configuration of remotes and connects to one.
async fn remote(places: &Places, name: &str) -> Result<Client, Error> {
    Client::connect_from(places, &Target { remote: Some(name.into()), ..target() }).await
}

#[tokio::test]
async fn remotes_are_known_by_their_pinned_certificate() {
    let (fake, keys, other) = (Fake::start(), Keys::new(), Keys::new());
    let url = fake.listen_tls(&keys);
    let config = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(config.path().join(name), text).unwrap();
    std::fs::create_dir(config.path().join("servercerts")).unwrap();
    let dead = "https://127.0.0.1:1";
    write(
        "config.yml",
        &format!("remotes: {{lab: {{addr: \"{dead},{url}\", project: web}}, un: {{addr: \"{url}\"}}}}"),
    );
    write("client.crt", &keys.client);
    write("client.key", &keys.client_key);
    write("servercerts/lab.crt", &keys.server);
    let places = Places { config: Some(config.path().into()), ..Places::default() };

    let client = remote(&places, "lab").await.unwrap();
    assert_eq!((client.address(), client.project()), (url.as_str(), "web"));
    assert!(client.instances().await.unwrap_err().is_project_missing());

    let unpinned = remote(&places, "un").await.unwrap_err();
    assert!(matches!(unpinned, Error::Certificate { .. }), "{unpinned:?}");
    write("servercerts/lab.crt", &other.server);
    let wrong = remote(&places, "lab").await.unwrap_err();
    assert!(matches!(&wrong, Error::Certificate { cause, .. } if cause.contains("stored")), "{wrong:?}");
    write("servercerts/lab.crt", "no certificate");
    assert!(matches!(remote(&places, "lab").await.unwrap_err(), Error::Config { .. }));
}

#[tokio::test]
async fn commands_work_over_tls() {
    let (fake, keys) = (Fake::start(), Keys::new());
    let url = fake.listen_tls(&keys);
    fake.world().add_container("db1", "10.0.0.2", "Running");
    fake.on_exec(|call| crate::fake::ExecReply::ok(call.stdin.clone()));
    let config = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(config.path().join("servercerts")).unwrap();
    let texts = [("client.crt", &keys.client), ("client.key", &keys.client_key), ("servercerts/lab.crt", &keys.server)];
    for (name, text) in texts {
        std::fs::write(config.path().join(name), text).unwrap();
    }
    std::fs::write(config.path().join("config.yml"), format!("remotes: {{lab: {{addr: \"{url}\"}}}}")).unwrap();
    let places = Places { config: Some(config.path().into()), ..Places::default() };
    let client = remote(&places, "lab").await.unwrap();
    assert_eq!(client.run("db1", &["cat"], b"over tls".to_vec()).await.unwrap().stdout, b"over tls");
}

#[tokio::test]
async fn remotes_that_run_nothing_are_refused_and_images_are_found() {
    let places = Places::default();
    assert!(matches!(remote(&places, "images").await.unwrap_err(), Error::Config { .. }));
    assert!(matches!(remote(&places, "nosuch").await.unwrap_err(), Error::UnknownRemote { .. }));
    let fake = Fake::start();
    let client = client(&fake).await;
    let source = client.remote_image("images", "debian/12").unwrap();
    assert!(matches!(source, Source::Remote { server, protocol, .. }
        if server == "https://images.linuxcontainers.org" && protocol == "simplestreams"));
    assert!(client.remote_image("local", "debian/12").is_err());
}
