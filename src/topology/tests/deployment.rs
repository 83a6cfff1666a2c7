//! Services, fragmentation, exposed ports.

use insta::assert_snapshot;

use super::found_after_head;

const SETS: &str = "\
mongodb:
  binary: /usr/bin/mongod
  standalone:
    rsA: { container: db1, port: 27017 }
    rsB: { container: db2, port: 27017 }
";

fn services(services: &str) -> String {
    found_after_head(&format!("{SETS}services:{services}"))
}

fn fragments(fragments: &str) -> String {
    found_after_head(&format!(
        "{SETS}fragmentation:\n  products: {{ collection: shop.products, key: name, fragments: [{fragments}] }}\n"
    ))
}

#[test]
fn services_that_are_right() {
    assert_snapshot!(
        services(
            "
  auth:
    container: db1
    command: /usr/bin/auth --serve
    port: 5000
    environment: { PORT: 5000, URL: \"{{ mongodb.rsA.uri(db='auth') }}\", KEY: \"{{ secret('jwt') }}\" }
    healthcheck: { http: /health, interval: 1s, timeout: 30s }
    depends_on: [rsA]
  web: { container: db2, command: [/usr/bin/web], depends_on: [auth, rsB] }
"
        ),
        @"nothing"
    );
}

#[test]
fn what_is_wrong_with_services() {
    assert_snapshot!(
        services(
            "
  web:
    container: db7
    user: Web
    working_dir: srv
    environment: { 1A: x, 'A-B': y }
    files: { etc/x: { template: a, source: b }, /etc/y: {}, /etc/z: { source: z, mode: '999' } }
    healthcheck: { http: health, interval: 60s, timeout: 30s }
    depends_on: [rsC, reddis]
  admin: { container: db1, command: x, port: 27017 }
  rsA: { container: db1, command: x }
"
        ),
        @r#"
    error 13:3 services.web «web»
      `web` has nothing to run
      -> add `binary:` or `command:`
    error 14:16 services.web.container «db7»
      there is no container `db7`
      -> did you mean `db1`?
    error 15:11 services.web.user «Web»
      `Web` is not a name that a system user can have
      -> write small letters, digits, `_` and `-`, at most 32
    error 16:18 services.web.working_dir «srv»
      `srv` is not an absolute path
      -> begin with `/`
    error 17:20 services.web.environment.1A «1A»
      `1A` is not a name that a variable can have
      -> write letters, digits and `_`, and begin with a letter
    error 17:27 services.web.environment.A-B «'A-B'»
      `A-B` is not a name that a variable can have
      -> write letters, digits and `_`, and begin with a letter
    error 18:14 services.web.files.etc/x «etc/x»
      `etc/x` is not an absolute path of a file
      -> begin with `/` and leave `..` out
    error 18:44 services.web.files.etc/x.source «b»
      `etc/x` has more than one source
      -> keep one of `content`, `template` and `source`
    error 18:49 services.web.files./etc/y «/etc/y»
      `/etc/y` has no source
      -> add `content:`, `template:` or `source:`
    error 18:88 services.web.files./etc/z.mode «'999'»
      `999` is not a set of permission bits
      -> write "0640"
    error 19:26 services.web.healthcheck.http «health»
      `web` has no port that could be asked
      -> add `port:` to the service
    error 19:26 services.web.healthcheck.http «health»
      `health` is not a path
      -> write `/health`
    error 19:44 services.web.healthcheck.interval «60s»
      asking every 1m never succeeds within 30s
      also 19:58 the timeout
      -> write an interval shorter than the timeout
    error 20:18 services.web.depends_on[0] «rsC»
      there is nothing called `rsC` to wait for
      -> did you mean `rsA`?
    error 20:23 services.web.depends_on[1] «reddis»
      there is nothing called `reddis` to wait for
      -> declared are `admin`, `rsA`, `rsB`
    error 21:3 services.admin «admin»
      `admin` is a user of distctl's own
      -> choose another name for the service
    error 21:46 services.admin.port «27017»
      port 27017 of `db1` is taken by `rsA`
      also 10:34 `rsA` has it
      -> give each its own port, or its own container
    error 22:3 services.rsA «rsA»
      `rsA` is also the name of a database
      also 10:5 the database
      -> rename one of the two
    "#
    );
}

#[test]
fn where_services_run_and_under_which_names() {
    assert_snapshot!(
        services(
            "
  systemd-networkd: { container: db1, command: x }
  mongod: { container: db1, command: x }
  user-pages: { container: db1, command: x }
  users: { container: [db1, db2, db3], command: x, port: 3000 }
  nowhere: { command: x }
  none: { container: [], command: x }
  twice: { container: [db1, db2, db1], command: x }
  unknown: { container: [db1, db9], command: x }
  clash: { container: [db3, db2], command: x, port: 3000 }
"
        ),
        @"
    error 13:3 services.systemd-networkd «systemd-networkd»
      `systemd-networkd.service` would stand in for a unit of the guest's own or of distctl's (systemd)
      -> give the service another name
    error 14:3 services.mongod «mongod»
      `mongod.service` would stand in for a unit of the guest's own or of distctl's (mongod)
      -> give the service another name
    error 15:3 services.user-pages «user-pages»
      `user-pages.service` would stand in for a unit of the guest's own or of distctl's (user)
      -> give the service another name
    error 17:3 services.nowhere «nowhere»
      `nowhere` has no container
      -> add `container: NAME`, or a list of them
    error 18:3 services.none «none»
      `none` has no container
      -> add `container: NAME`, or a list of them
    error 19:34 services.twice.container[2] «db1»
      `twice` runs in `db1` already
      also 19:24 here
      -> name each container once
    error 20:31 services.unknown.container[1] «db9»
      there is no container `db9`
      -> did you mean `db1`?
    error 21:53 services.clash.port «3000»
      port 3000 of `db3` is taken by `users`
      also 16:58 `users` has it
      -> give each its own port, or its own container
    error 21:53 services.clash.port «3000»
      port 3000 of `db2` is taken by `users`
      also 16:58 `users` has it
      -> give each its own port, or its own container
    "
    );
}

#[test]
fn files_and_what_is_run_once() {
    assert_snapshot!(
        services(
            "
  web:
    container: db1
    command: x
    files:
      /etc/a: { content: \"{{ secret('jwt') }}\" }
      /etc/b: { content: \"{{ secret() }}\" }
      /etc/c: { content: a, source: c }
      /etc/d: { content: '{{ fragmentation.products.json }}' }
    init: { command: [], stdin: \"{{ mongodb.rsX.uri(db='a') }}\" }
  seed: { container: db1, command: x, init: { stdin: \"{{ secret('admin') }}\" } }
  fill: { container: db1, command: x, init: { command: x fill, stdin: \"{{ secret('admin') }}\" } }
"
        ),
        @r#"
    error 18:27 services.web.files./etc/b.content «{{ secret() }}»
      `secret` takes one name of letters, digits, `_` and `-`
      -> write `secret('jwt')`
    error 19:37 services.web.files./etc/c.source «c»
      `/etc/c` has more than one source
      -> keep one of `content`, `template` and `source`
    error 20:27 services.web.files./etc/d.content «{{ fragmentation.products.json }}»
      there is no fragmentation `products`
      -> declare it first
    error 21:33 services.web.init.stdin «"{{ mongodb.rsX.uri(db='a') }}"»
      `init` of `web` has nothing to run
      -> add `command:`
    error 21:34 services.web.init.stdin «{{ mongodb.rsX.uri(db='a') }}»
      there is no replica set or mongod `rsX`
      -> did you mean `rsA`?
    error 22:54 services.seed.init.stdin «"{{ secret('admin') }}"»
      `init` of `seed` has nothing to run
      -> add `command:`
    "#
    );
}

#[test]
fn circles() {
    assert_snapshot!(
        services(
            "
  a: { container: db1, command: x, depends_on: [b] }
  b: { container: db1, command: x, depends_on: [c] }
  c: { container: db1, command: x, depends_on: [b] }
  d: { container: db1, command: x, depends_on: [d] }
"
        ),
        @"
    error 15:49 services.c.depends_on[0] «b»
      services wait for each other in a circle: `b` -> `c` -> `b`
      -> remove one of these dependencies
    error 16:49 services.d.depends_on[0] «d»
      services wait for each other in a circle: `d` -> `d`
      -> remove one of these dependencies
    "
    );
}

#[test]
fn what_cannot_be_filled_in() {
    assert_snapshot!(
        services(
            "
  web:
    container: db1
    command: x
    environment:
      A: \"{{ mongodb.rsX.uri(db='a') }}\"
      B: \"http://{{ containers.db.ipv4 }}:{{ SECRET }}\"
      C: x{{ secrets('jwt') }}
      D: \"\\u0041 {{ mongodb.rsA.uri() }}\"
      E: {{ secret('jwt') }}
"
        ),
        @r#"
    error 17:11 services.web.environment.A «{{ mongodb.rsX.uri(db='a') }}»
      there is no replica set or mongod `rsX`
      -> did you mean `rsA`?
    error 18:18 services.web.environment.B «{{ containers.db.ipv4 }}»
      there is no container `db`
      -> did you mean `db1`?
    error 18:43 services.web.environment.B «{{ SECRET }}»
      there is no `SECRET` to fill in
      -> did you mean `secret`?
    error 19:11 services.web.environment.C «{{ secrets('jwt') }}»
      there is no `secrets` to fill in
      -> did you mean `secret`?
    error 20:10 services.web.environment.D «"\u0041 {{ mongodb.rsA.uri() }}"»
      `uri` takes the name of a database
      -> write `mongodb.rsA.uri(db='name')`
    error 21:10 services.web.environment.E «{{ secret('jwt') }}»
      a map is not a text
      -> put a text that begins with `{` in quotes
    error 21:11 services.web.environment.E «{ secret('jwt') }»
      a key is a name, not a map
      -> put a text that begins with `{` in quotes
    "#
    );
}

#[test]
fn letters_are_folded_or_taken_as_they_are() {
    let letters = |letters: &str| {
        found_after_head(&format!(
            "{SETS}fragmentation:\n  products: {{ collection: shop.products, key: name, letters: {letters}, fragments: \
             [{{ range: A-Z, on: rsA, default: true }}] }}\n"
        ))
    };
    assert_eq!([letters("folded"), letters("ascii")], ["nothing", "nothing"]);
    assert_snapshot!(letters("latin"), @"
    error 13:62 fragmentation.products.letters «latin»
      `latin` is not `folded` or `ascii`
    ");
}

#[test]
fn ranges_of_letters() {
    assert_snapshot!(fragments("{ range: A-M, on: rsA, default: true }, { range: N-Z, on: rsB }"), @"nothing");
    assert_snapshot!(fragments("{ range: A-N, on: rsA, default: true }, { range: M-Z, on: rsB }"), @"
    error 13:114 fragmentation.products.fragments[1].range «M-Z»
      M-N belongs to another part already
      also 13:74 this one
      -> let each letter be in one range only
    ");
    assert_snapshot!(fragments("{ range: A-L, on: rsA, default: true }, { range: N-Y, on: rsB }"), @"
    error 13:3 fragmentation.products «products»
      no part takes M, Z
      -> let the ranges together go from A to Z
    ");
    assert_snapshot!(fragments("{ range: M-A, on: rsA, default: true }, { range: n-z, on: rsB }, { range: 0-9, on: rsB }"), @"
    error 13:74 fragmentation.products.fragments[0].range «M-A»
      `M-A` is not a range of letters
      -> write `A-M`
    error 13:114 fragmentation.products.fragments[1].range «n-z»
      `n-z` is not a range of letters
      -> write `N-Z`
    error 13:139 fragmentation.products.fragments[2].range «0-9»
      `0-9` is not a range of letters
      -> ranges are of letters: write two from A to Z, `A-M`; digits belong to the part with `default: true`
    ");
    assert_snapshot!(fragments("{ range: A-M, on: rsA }, { range: N-Z, on: rsB }"), @"
    error 13:3 fragmentation.products «products»
      no part takes digits, symbols and other scripts
      -> add `default: true` to one of them
    ");
    assert_snapshot!(
        fragments("{ range: A-M, on: rsA, default: true }, { range: N-Z, on: rsB, default: true }, { on: rsC }"),
        @"
    error 13:137 fragmentation.products.fragments[1].default «true»
      another part is the default already
      also 13:97 this one
      -> keep `default: true` in one of them
    error 13:145 fragmentation.products.fragments[2] «{ on: rsC }»
      this part takes nothing
      -> add `range: A-M`, or `default: true`
    error 13:151 fragmentation.products.fragments[2].on «rsC»
      there is no replica set or mongod `rsC`
      -> did you mean `rsA`?
    "
    );
    assert_snapshot!(
        found_after_head(&format!(
            "{SETS}fragmentation:\n  p: {{ collection: products, key: name, fragments: [{{ range: A-Z, on: rsA, default: true }}] }}\n"
        )),
        @"
    error 13:20 fragmentation.p.collection «products»
      `products` does not name a database
      -> write `DATABASE.products`
    "
    );
}

#[test]
fn exposed_ports() {
    assert_snapshot!(
        found_after_head(
            "\
expose:
  a: { listen: '127.0.0.1:3000', to: 'db1:3000' }
  b: { listen: '127.0.0.1:3000', to: 'db4:3000' }
  c: { listen: 'localhost', to: db1 }
"
        ),
        @"
    error 9:16 expose.b.listen «'127.0.0.1:3000'»
      127.0.0.1:3000 is taken by `a`
      also 8:16 `a` has it
      -> choose another port
    error 9:38 expose.b.to «'db4:3000'»
      there is no container `db4`
      -> did you mean `db1`?
    error 10:16 expose.c.listen «'localhost'»
      `localhost` is no address and port
      -> write `127.0.0.1:3000`, or `0.0.0.0:3000` for every address of the host
    error 10:33 expose.c.to «db1»
      `db1` is no container and port
      -> write `web-server:3000`
    "
    );
}
