//! An import that was not finished: nothing of it is made empty.

use super::{plan, settled, system};
use crate::desired::{BUNDLE_KEY, OWNER_KEY};
use crate::observed::Import;
use crate::plan::{Options, diff, removal};

fn begun() -> Option<Import> {
    Some(Import { id: "7f3a".into(), resume: "distctl import /srv/shop.distctl --into /srv/shop --resume".into() })
}

#[test]
fn what_an_import_has_not_made_yet_is_not_made_empty() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.seen.import = begun();
    world.container("db1").config.insert(BUNDLE_KEY.into(), "import 7f3a".into());
    world.seen.containers.remove("db3");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"refused: container db1: is of an import of the bundle 7f3a that was not finished (go on with it: `distctl import /srv/shop.distctl --into /srv/shop --resume`)");
    // Killed before it had made anything.
    world.seen.containers.clear();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"refused: containers db1, db3: would be made empty: an import into this folder was not finished (go on with it: `distctl import /srv/shop.distctl --into /srv/shop --resume`)");
}

#[test]
fn one_that_nobody_owns_yet_is_not_taken_over() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let config = &mut world.container("db3").config;
    config.remove(OWNER_KEY);
    config.insert(BUNDLE_KEY.into(), "export shop 7f3a".into());
    let adopt = Options { adopt: true, ..Options::default() };
    insta::assert_snapshot!(diff(&desired, &world.seen, &adopt), @"refused: container db3: is of an import of the bundle 7f3a that was not finished (go on with it: the `distctl import` command that began it, with `--resume`)");
    world.seen.import = begun();
    let gone = removal(&desired, &world.seen, &[]).unwrap().to_string();
    assert!(gone.contains("delete container db3"), "{gone}");
}

#[test]
fn the_import_itself_goes_on() {
    let mut desired = system::shop();
    let mut world = settled(&desired);
    for (name, wanted) in &mut desired.containers {
        wanted.config.insert(BUNDLE_KEY.into(), "import 7f3a".into());
        world.container(name).config.insert(BUNDLE_KEY.into(), "import 7f3a".into());
    }
    world.seen.import = begun();
    let own = Options { import: Some("7f3a".into()), ..Options::default() };
    assert!(diff(&desired, &world.seen, &own).is_clean());
    let other = Options { import: Some("0000".into()), ..Options::default() };
    assert_eq!(diff(&desired, &world.seen, &other).refusals.len(), 1);
}

#[test]
fn one_that_was_killed_at_its_very_end_is_over() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.seen.import = begun();
    assert!(plan(&desired, &world.seen).is_clean(), "all is there");
    world.container("db3").config.insert(BUNDLE_KEY.into(), "done 7f3a".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container db3: differs
         user.distctl.bundle: done 7f3a -> unset (live)
    ");
    world.settle(&desired);
}
