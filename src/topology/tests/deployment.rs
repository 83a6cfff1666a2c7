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
    found_after_head(&format!("{SETS}services:\n{services}"))
}

fn fragments(fragments: &str) -> String {
    found_after_head(&format!(
        "{SETS}fragmentation:\n  products: {{ collection: shop.products, key: name, fragments: [{fragments}] }}\n"
    ))
}

#[test]
fn services_are_checked_with_one_warning() {
    assert_snapshot!(
        services(
            "\
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
        @""
    );
}

#[test]
fn what_is_wrong_with_services() {
    assert_snapshot!(
        services(
            "\
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
        @""
    );
}

#[test]
fn circles() {
    assert_snapshot!(
        services(
            "\
  a: { container: db1, command: x, depends_on: [b] }
  b: { container: db1, command: x, depends_on: [c] }
  c: { container: db1, command: x, depends_on: [b] }
  d: { container: db1, command: x, depends_on: [d] }
"
        ),
        @""
    );
}

#[test]
fn what_cannot_be_filled_in() {
    assert_snapshot!(
        services(
            "\
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
        @""
    );
}

#[test]
fn ranges_of_letters() {
    assert_snapshot!(fragments("{ range: A-M, on: rsA, default: true }, { range: N-Z, on: rsB }"), @"");
    assert_snapshot!(fragments("{ range: A-N, on: rsA, default: true }, { range: M-Z, on: rsB }"), @"");
    assert_snapshot!(fragments("{ range: A-L, on: rsA, default: true }, { range: N-Y, on: rsB }"), @"");
    assert_snapshot!(fragments("{ range: M-A, on: rsA, default: true }, { range: n-z, on: rsB }, { range: 0-9, on: rsB }"), @"");
    assert_snapshot!(fragments("{ range: A-M, on: rsA }, { range: N-Z, on: rsB }"), @"");
    assert_snapshot!(
        fragments("{ range: A-M, on: rsA, default: true }, { range: N-Z, on: rsB, default: true }, { on: rsC }"),
        @""
    );
    assert_snapshot!(
        found_after_head(&format!(
            "{SETS}fragmentation:\n  p: {{ collection: products, key: name, fragments: [{{ range: A-Z, on: rsA, default: true }}] }}\n"
        )),
        @""
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
        @""
    );
}
