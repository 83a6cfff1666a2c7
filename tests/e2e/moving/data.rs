//! Bundles of data: what the databases of the product platform hold, brought into another system.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::elsewhere::Project;
use super::{Writers, beside, counts, json_of};
use crate::harness::{Http, Lab, Mongo, Ran, System, lab};
use crate::platform::{PAGE, Platform, platform};

/// Where the copy's page is, inside the lab.
const COPY: &str = "http://127.0.0.1:18046";

/// All that somebody can see of a set's or mongod's databases.
const ALL: &str = "
told = {}
for name in sorted(client.list_database_names()):
    if name in ('admin', 'config', 'local'):
        continue
    database = client[name]
    for one in sorted(database.list_collections(), key=lambda one: one['name']):
        if one['name'].startswith('system.') or one['name'] == 'steps':
            continue
        documents = list(database[one['name']].find().sort('_id', 1)) if one['type'] == 'collection' else []
        indexes = database[one['name']].index_information() if one['type'] == 'collection' else {}
        told[name + '.' + one['name']] = [one['type'], one['options'], sorted(indexes.items()), documents]
out(told)";

/// Clients of the three databases of a platform, as their administrators.
struct Databases {
    clients: [Mongo; 3],
    uris: [String; 3],
}

impl Databases {
    /// Of containers in a project, at addresses that begin with these three numbers.
    fn of(project: &str, net: &str) -> Self {
        let password = |container: &str, owner: &str| {
            lab().secret(project, &format!("plat-{container}"), &format!("{owner}.admin"))
        };
        let hosts = |last: u8| (27017..27020).map(|port| format!("{net}.{last}:{port}")).collect::<Vec<_>>();
        let secrets = [password("db1", "rsA"), password("db2", "rsB"), password("db3", "users")];
        let clients = [
            Mongo::set("rsA", &hosts(12)).login("admin", &secrets[0]),
            Mongo::set("rsB", &hosts(13)).login("admin", &secrets[1]),
            Mongo::direct(&format!("{net}.14:27017")).login("admin", &secrets[2]),
        ];
        let uri = |secret: &str, hosts: &str, options: &str| {
            format!("mongodb://admin:{secret}@{hosts}/?authSource=admin&{options}")
        };
        let uris = [
            uri(&secrets[0], &hosts(12).join(","), "replicaSet=rsA&w=majority"),
            uri(&secrets[1], &hosts(13).join(","), "replicaSet=rsB&w=majority"),
            uri(&secrets[2], &format!("{net}.14:27017"), "directConnection=true"),
        ];
        Self { clients, uris }
    }

    #[track_caller]
    fn all(&self) -> [Value; 3] {
        self.clients.each_ref().map(|client| client.run(ALL))
    }
}

/// What is removed from the platform after the test.
struct Furnished<'p>(&'p Platform, Databases);

impl Drop for Furnished<'_> {
    fn drop(&mut self) {
        for client in &self.1.clients {
            let _ = client.try_run("client.drop_database('story'); client.drop_database('odd')");
        }
        let _ = self.1.clients[2].try_run("client.auth_db.users.delete_one({'username': 'elena'})");
        drop(self.0.system.distctl(&["up"]));
    }
}

fn furnish(platform: &Platform) -> Furnished<'_> {
    let databases = Databases::of("default", "10.61.1");
    databases.clients[0].run(
        "odd = client.odd\nodd['a/b ñ'].insert_one({'_id': {'b': 1, 'a': 2}, 'n': 1.0})\n\
         odd.create_collection('capped', capped=True, size=4096)\nodd.capped.insert_many([{'_id': 2}, {'_id': 1}])\n\
         odd.capped.create_index('n', name='sparse', sparse=True)\n\
         odd.create_collection('view', viewOn='capped', pipeline=[{'$match': {'_id': 2}}])\n\
         odd.create_collection('empty', validator={'n': {'$type': 'int'}})\nout(1)",
    );
    Furnished(platform, databases)
}

/// distctl in the system that an import has made.
fn copy(topology: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(Lab::distctl());
    command.arg("--file").arg(topology).args(["--project", "datacopies", "--yes"]).args(arguments);
    Ran::of(&mut command)
}

/// Who uses the platform: the administrator, logged in, and one who has registered.
struct People {
    password: String,
    token: String,
}

const ELENA: &str = "una clave de prueba";

fn use_it(platform: &Platform) -> People {
    for set in ["rsA", "rsB"] {
        platform.admin(set).eval("client.products_db.products.delete_many({}).acknowledged");
    }
    let password = platform.system.secret("auth", "admin");
    let web = Http::at(PAGE);
    let login = json!({ "username": "admin", "password": password });
    let token = web.post("/auth/login", &login).is(200)["token"].as_str().unwrap().to_owned();
    let product = |name: &str| json!({ "name": name, "price": 12.5, "stock": 7, "description": "d", "category": "c" });
    for name in ["Azúcar", "ñame", "Zumo", "7 Leguas"] {
        web.bearer(&token).post("/products", &product(name)).is(201);
    }
    let elena = json!({ "username": "elena", "email": "elena@ejemplo.es", "password": ELENA });
    web.post("/auth/register", &elena).is(201);
    People { password, token }
}

/// Exports while others write; none of them may fail.
fn export(system: &System, original: &Databases, path: &str) -> Ran {
    let writers = Writers::start(&original.uris);
    let exported = system.distctl(&["--output", "json", "export", path, "--kind", "data"]).ended_with(0);
    let told = writers.stop();
    let (size, manifest) = (&json_of(&exported)["size"], &json_of(&exported)["manifest"]);
    let (took, paused) = (exported.took, &manifest["cut"]["paused_ms"]);
    eprintln!("{size} bytes, in {took:?}, writes held for {paused} ms; writers: {told}");
    assert_eq!(told["failed"], 0, "{told}");
    assert_eq!((&manifest["kind"], manifest["cut"]["held"].as_array().unwrap().len()), (&json!("data"), 3));
    system.distctl(&["bundle", "verify", path]).ended_with(0).says(&["every byte is right"]);
    let shown = system.distctl(&["bundle", "show", path]).ended_with(0);
    shown.says(&["data of 3 databases", "data/rsA/odd/a%2Fb%20%C3%B1.bson", "secrets.json"]);
    system.distctl(&["bundle", "diff", path, path]).ended_with(0);
    let tried = system.distctl(&["--output", "json", "bundle", "verify", path, "--restore"]).ended_with(0);
    let tried = json_of(&tried);
    assert_eq!(
        (&tried["verification"]["verdict"], &tried["fragments"][0]["verdict"]),
        (&json!("pass"), &json!("pass"))
    );
    system.plan(0);
    exported
}

#[test]
fn the_data_of_a_running_platform_comes_up_elsewhere() {
    let platform = platform();
    let furnished = furnish(&platform);
    let (system, original) = (&platform.system, &furnished.1);
    let people = use_it(&platform);
    let before = original.all();
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("plat.distctl");
    let path = bundle.to_str().unwrap();
    let exported = export(system, original, path);
    let end = counts(&original.uris);

    let project = Project::new("datacopies", "datacopybr0");
    let into = folder.path().join("copy");
    let topology = into.join("topology.yaml");
    let import = ["--project", "datacopies", "import", path, "--into", into.to_str().unwrap(), "--name", "datacopy"];
    let elsewhere = ["--subnet", "10.61.46.0/24", "--listen", "127.0.0.1:18001=127.0.0.1:18046"];
    let imported = system.distctl(&[import.as_slice(), &elsewhere].concat()).ended_with(0);
    eprintln!("imported in {:?}", imported.took);
    assert!(!imported.all().contains(&people.password) && !exported.all().contains(&people.password));
    imported.says(&["is up and verified"]);
    copy(&topology, &["plan", "--exit-code"]).ended_with(0);
    copy(&topology, &["verify"]).ended_with(0);
    let there = Databases::of("datacopies", "10.61.46");
    assert_eq!(there.all(), before);
    let held = counts(&there.uris);
    assert!(held.iter().zip(&end).all(|(copy, end)| *copy > 0 && copy < end), "{held:?} of {end:?}");
    let places = there.clients[..2].iter().map(|client| client.eval("client.products_db.products.count_documents({})"));
    assert_eq!(places.collect::<Vec<_>>(), [json!(2), json!(2)]);
    copy(&topology, &["fragmentation-check", "--no-probe"]).ended_with(0);

    // Whoever could log in there can here, and who is logged in stays so.
    assert_eq!(copy(&topology, &["secret", "show", "admin"]).ended_with(0).stdout.trim(), people.password);
    let web = Http::at(COPY);
    for (username, password) in [("admin", people.password.as_str()), ("elena", ELENA)] {
        web.post("/auth/login", &json!({ "username": username, "password": password })).is(200);
    }
    assert_eq!(web.bearer(&people.token).get("/products").is(200)["count"], 4);
    copy(&topology, &["destroy"]).ended_with(0);
    drop(project);
    assert_eq!(counts(&original.uris), end);
}

/// A set of one and a single mongod in one container.
const PAIR: &str = "
containers:
  NAME-db: { ipv4: NET.11, packages: [libcurl4] }
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
  replica_sets:
    first: { members: [{ container: NAME-db, port: 27017 }] }
  standalone:
    third: { container: NAME-db, port: 27018 }
";

fn first(system: &System, set: &str) -> Mongo {
    Mongo::set(set, &[system.host(11, 27017)]).login("admin", &system.secret("db", &format!("{set}.admin")))
}

#[test]
fn interrupted_refused_and_renamed() {
    let system = System::declare("pair", 47, PAIR);
    system.up();
    first(&system, "first")
        .run("client.story.kept.insert_many({'_id': n, 'text': '%s' % n * 4000} for n in range(4000))\nout(1)");
    let bundle = beside(&system, "pair.distctl");
    let path = bundle.to_str().unwrap();
    let export = ["export", path, "--kind", "data"];
    system.distctl(&[export.as_slice(), &["--stop"]].concat()).ended_with(1).says(&["--stop", "--kind full"]);

    // Without a primary nothing is read, and nobody stays held.
    system.guest("db", "systemctl stop mongod-27017");
    system.distctl(&export).ended_with(1).says(&["one moment", "distctl status", "--resume"]);
    system.up();
    system.distctl(&export).ended_with(1).says(&["was not finished", "--resume"]);
    let other = ["export", path, "--resume"];
    system.distctl(&other).ended_with(1).says(&["is an export of another kind", "--kind data"]);
    system.distctl(&[export.as_slice(), &["--resume"]].concat()).ended_with(0);
    assert_eq!(first(&system, "first").eval("client.story.kept.insert_one({'_id': -1}).acknowledged"), json!(true));
    system.distctl(&["destroy"]).ended_with(0);

    let into = beside(&system, "again");
    let again = ["import", path, "--into", into.to_str().unwrap(), "--map"];
    let unknown = system.distctl(&[again.as_slice(), &["none=other"]].concat()).ended_with(1);
    unknown.says(&["there is no container, replica set or mongod none"]);
    let import = [again.as_slice(), &["first=renamed"]].concat();
    let mut killed = system.start(&import);
    assert!(
        killed.said(|line| line.contains("step_started") && line.contains("restore renamed")),
        "it restores nothing"
    );
    killed.signal("KILL");
    killed.end();
    system.distctl(&import).ended_with(1).says(&["an import of this bundle was not finished", "--resume"]);
    let resumed = [import.as_slice(), &["--resume", "--lock-wait", "1m"]].concat();
    system.distctl(&resumed).ended_with(0).says(&["is up and verified"]);
    let told = first(&system, "renamed")
        .eval("[client.story.kept.count_documents({}), client.story.kept.find_one({'_id': 3999})['text'][:8]]");
    assert_eq!(told, json!([4000, "39993999"]));
    let topology: PathBuf = into.join("topology.yaml");
    let mut here = Command::new(Lab::distctl());
    here.arg("--file").arg(&topology).args(["plan", "--exit-code"]);
    Ran::of(&mut here).ended_with(0);
    another_shape(&system, path, &topology);
}

/// The set's data goes into a single mongod, and that one's into a set of three.
fn another_shape(system: &System, path: &str, topology: &Path) {
    system.distctl(&["destroy"]).ended_with(0);
    let text = std::fs::read_to_string(topology).unwrap();
    let head = text.split("\nmongodb:").next().unwrap();
    let body = "
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
  replica_sets:
    three: { members: [{ container: pair-db, port: 27017 }, { container: pair-db, port: 27018 }, { container: pair-db, port: 27019 }] }
  standalone:
    one: { container: pair-db, port: 27020 }
";
    let other = topology.with_file_name("other.yaml");
    std::fs::write(&other, format!("{head}{body}")).unwrap();
    let import = ["import", path, "--topology", other.to_str().unwrap(), "--map", "first=one"];
    system.distctl(&import).ended_with(1).says(&["the data of third has no place", "nothing was changed", "--map"]);
    let import = [import.as_slice(), &["--map", "third=three"]].concat();
    system.distctl(&import).ended_with(0).says(&["is up and verified"]);
    let one = Mongo::direct(&system.host(11, 27020)).login("admin", &system.secret("db", "one.admin"));
    assert_eq!(one.eval("client.story.kept.count_documents({})"), json!(4000));
}
