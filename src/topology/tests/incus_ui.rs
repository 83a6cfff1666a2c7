//! Incus's own web interface.

use insta::assert_snapshot;

use super::found_after_head;

#[test]
fn an_interface_that_is_right() {
    let section =
        "incus_ui: { listen: \"127.0.0.1:8443\" }\nexpose: { web: { listen: \"127.0.0.1:3000\", to: \"db1:3000\" } }";
    assert_snapshot!(found_after_head(section), @"nothing");
    assert_snapshot!(found_after_head("incus_ui:\n"), @"nothing");
}

#[test]
fn what_is_wrong_with_the_interface() {
    assert_snapshot!(found_after_head("incus_ui: {}"), @"
    error 7:1 incus_ui «incus_ui»
      `listen` is missing
      -> add `listen: 127.0.0.1:8443`
    ");
    assert_snapshot!(found_after_head("incus-ui: { listen: \"127.0.0.1:8443\" }"), @"
    error 7:1 incus-ui «incus-ui»
      there is no key `incus-ui` here
      -> did you mean `incus_ui`?
    ");
    assert_snapshot!(found_after_head("incus_ui: { listn: \"127.0.0.1:8443\" }"), @"
    error 7:1 incus_ui «incus_ui»
      `listen` is missing
      -> add `listen: 127.0.0.1:8443`
    error 7:13 incus_ui.listn «listn»
      there is no key `listn` here
      -> did you mean `listen`?
    ");
    assert_snapshot!(found_after_head("incus_ui: { listen: \"8443\" }"), @r#"
    error 7:21 incus_ui.listen «"8443"»
      `8443` is no address and port
      -> write `127.0.0.1:8443`, or `0.0.0.0:8443` for every address of the host
    "#);
    assert_snapshot!(found_after_head("incus_ui: \"127.0.0.1:8443\""), @r#"
    error 7:11 incus_ui «"127.0.0.1:8443"»
      `127.0.0.1:8443` stands where keys and values belong
      -> write `key: value`, one a line, or `{ key: value, ... }`
    "#);
}

#[test]
fn the_interface_and_an_exposed_port_can_t_meet() {
    let both = |exposed: &str, ui: &str| {
        found_after_head(&format!(
            "expose: {{ web: {{ listen: \"{exposed}\", to: \"db1:80\" }} }}\nincus_ui: {{ listen: \"{ui}\" }}"
        ))
    };
    assert_snapshot!(both("127.0.0.1:8443", "127.0.0.1:8443"), @r#"
    error 8:21 incus_ui.listen «"127.0.0.1:8443"»
      127.0.0.1:8443 is taken by `web`
      also 7:26 `web` has it
      -> choose another port
    "#);
    assert_snapshot!(both("0.0.0.0:8443", "127.0.0.1:8443"), @r#"
    error 8:21 incus_ui.listen «"127.0.0.1:8443"»
      127.0.0.1:8443 is taken by `web`
      also 7:26 `web` has it
      -> choose another port
    "#);
    assert_snapshot!(both("10.0.0.1:8443", "127.0.0.1:8443"), @"nothing");
}
