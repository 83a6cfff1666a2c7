//! What somebody changes by hand inside databases and below their folders, on the platform that all share.

use std::time::Duration;

use serde_json::json;

use crate::harness::wait_until;
use crate::platform::platform;

#[test]
fn a_password_changed_in_the_database_is_set_again() {
    let platform = platform();
    let change = |user: &str| {
        platform.admin("rsA").eval(&format!("client.admin.command('updateUser', '{user}', pwd='by hand')['ok']"));
    };
    change("web");
    platform.system.mends(&["ensure users of rsA", "user web: password refused -> set again (live)"]);
    let web = platform.anonymous("rsA").login("web", &platform.system.secret("web", "rsA.web"));
    assert_eq!(web.eval("client.products_db.story.count_documents({})"), json!(0));

    change("distctl-agent");
    platform.system.mends(&["user distctl-agent: password refused -> set again (live)"]);

    change("admin");
    platform
        .system
        .distctl(&["up"])
        .ended_with(3)
        .says(&["mongod refuses the password of admin", "changeUserPassword"]);
    let changed = platform.anonymous("rsA").login("admin", "by hand");
    let kept = platform.system.secret("db1", "rsA.admin");
    changed.eval(&format!("client.admin.command('updateUser', 'admin', pwd='{kept}')['ok']"));
    platform.system.plan(0);
}

#[test]
fn a_member_is_filled_anew_by_its_set() {
    let platform = platform();
    let admin = platform.admin("rsB");
    admin.await_healthy(3);
    let marker = "ls /var/lib/mongodb/rsB.3/marker";
    platform.system.guest("db2", "touch /var/lib/mongodb/rsB.3/marker");
    platform.system.distctl(&["resync", "rsB/27017"]).ended_with(1).says(&["is the primary", "nothing was changed"]);
    platform.system.distctl(&["resync", "plat-db3:27017"]).ended_with(1).says(&["is in no replica set"]);
    platform.system.distctl(&["resync", "plat-db2:27019"]).ended_with(0).says(&["was filled anew by rsB"]);
    assert_eq!(platform.system.guest("db2", &format!("{marker} 2>/dev/null || echo gone")), "gone\n");
    admin.await_healthy(3);
    platform.system.plan(0);

    // Only a majority of others may fill it anew.
    platform.system.guest("db2", "systemctl stop mongod-27018");
    let sick = || platform.system.distctl(&["resync", "rsB/27019"]);
    wait_until("the primary misses the member", Duration::from_secs(30), || {
        sick().says(&[]).all().contains("1 of its 3 voting members")
    });
    assert_ne!(platform.system.guest("db2", "ls /var/lib/mongodb/rsB.3"), "");
    platform.system.up();
    admin.await_healthy(3);
}

#[test]
fn files_of_others_below_a_data_folder_are_given_to_mongod() {
    let platform = platform();
    let folder = "/var/lib/mongodb/users";
    platform.system.guest("db3", &format!("systemctl stop mongod-27017; chown root:root {folder}/WiredTiger.wt"));
    platform.system.distctl(&["doctor"]).ended_with(1).says(&["WiredTiger.wt belongs to root:root"]);
    platform.system.mends(&["WiredTiger.wt: root:root -> mongodb:mongodb", "mongod-27017 is inactive"]);
    assert_eq!(platform.system.guest("db3", &format!("find {folder} ! -user mongodb")), "");
}

#[test]
fn a_read_only_etc_is_named() {
    let platform = platform();
    platform.system.guest("db3", "mount --bind /etc /etc; mount -o remount,bind,ro /etc");
    let plan = platform.system.plan(3);
    let doctor = platform.system.distctl(&["doctor"]);
    platform.system.guest("db3", "umount /etc; echo '# by hand' >> /etc/hosts; mount --bind /etc /etc");
    platform.system.guest("db3", "mount -o remount,bind,ro /etc");
    let up = platform.system.distctl(&["up"]);
    platform.system.guest("db3", "umount /etc");
    plan.says(&["container plat-db3: /etc is read-only"]);
    doctor.ended_with(1).says(&["/etc is read-only"]);
    up.ended_with(1).says(&["could not write /etc/hosts", "/etc is on a read-only file system"]);
    platform.system.mends(&["/etc/hosts"]);
}

#[test]
fn a_large_log_is_put_aside_while_its_mongod_runs() {
    let platform = platform();
    let (log, show) = ("/var/log/mongodb/mongod-27018.log", "systemctl show --value --property MainPID mongod-27018");
    let process = platform.system.guest("db1", show);
    platform.system.guest("db1", &format!("truncate --size 65M {log}; systemctl start distctl-rotate.service"));
    wait_until("mongod writes to a new log", Duration::from_secs(20), || {
        platform
            .system
            .guest("db1", &format!("stat -c '%s %U %a' {log} 2>/dev/null || true"))
            .ends_with(" mongodb 640\n")
    });
    let sizes = platform.system.guest("db1", &format!("stat -c %s {log} {log}.1"));
    let sizes: Vec<u64> = sizes.lines().map(|line| line.parse().unwrap()).collect();
    assert!(sizes[0] < 64 << 20 && sizes[1] >= 65 << 20, "{sizes:?}");
    assert_eq!(platform.system.guest("db1", show), process, "it goes on running");
    platform.system.guest("db1", &format!("rm {log}.1; systemctl is-active distctl-rotate.timer"));
    platform.system.plan(0);
}
