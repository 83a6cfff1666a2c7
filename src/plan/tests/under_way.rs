//! Failover tests that are under way while somebody looks.

use super::{plan, settled, system};

#[test]
fn a_fault_in_force_is_named_with_what_undoes_it() {
    let desired = system::shop();
    let mut world = settled(&desired);
    for name in ["db1", "db3"] {
        let noted = r#"{"kind":"partition","run":"rsA-20261128-171500"}"#;
        world.container(name).config.insert("user.distctl.fault.rsA-20261128-171500-0".into(), noted.into());
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    degraded: failover test rsA-20261128-171500: has its fault `partition` in force in db1, db3, so the steps shown may be its doing (wait until the test has ended; if it was killed, undo the fault with `distctl heal`)
    ");
    // What nobody can read is told of all the same.
    let key = "user.distctl.fault.other-0".to_owned();
    world.container("db1").config.insert(key, "{".into());
    assert_eq!(plan(&desired, &world.seen).findings.len(), 2);
}
