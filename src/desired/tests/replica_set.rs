//! Replica sets, single mongods, their users.

use insta::{assert_debug_snapshot, assert_json_snapshot};

use super::{SHOP, expanded};

#[test]
fn a_replica_set() {
    let desired = expanded(SHOP);
    assert_json_snapshot!(desired.replica_sets["rsA"].config, @r#"
    {
      "_id": "rsA",
      "version": 1,
      "members": [
        {
          "_id": 0,
          "host": "10.1.0.11:27017",
          "priority": 2.0,
          "votes": 1,
          "hidden": false,
          "arbiterOnly": false,
          "buildIndexes": true,
          "secondaryDelaySecs": 0,
          "tags": {
            "disk": "ssd"
          }
        },
        {
          "_id": 1,
          "host": "10.1.0.11:27018",
          "priority": 1.0,
          "votes": 1,
          "hidden": false,
          "arbiterOnly": false,
          "buildIndexes": true,
          "secondaryDelaySecs": 0,
          "tags": {}
        },
        {
          "_id": 2,
          "host": "10.1.0.12:27017",
          "priority": 0.0,
          "votes": 1,
          "hidden": true,
          "arbiterOnly": false,
          "buildIndexes": true,
          "secondaryDelaySecs": 3600,
          "tags": {}
        }
      ],
      "settings": {
        "electionTimeoutMillis": 2000,
        "heartbeatIntervalMillis": 500,
        "heartbeatTimeoutSecs": 10,
        "catchUpTimeoutMillis": -1,
        "catchUpTakeoverDelayMillis": 30000,
        "chainingAllowed": true
      }
    }
    "#);
    assert_debug_snapshot!(desired.replica_sets["rsA"].access, @r#"
    Some(
        Access {
            admin: Credential {
                user: "admin",
                password_file: "/var/lib/distctl/secrets/rsA.admin",
            },
            agent: Credential {
                user: "distctl-agent",
                password_file: "/etc/distctl/rsA.distctl-agent",
            },
            users: [
                UserSpec {
                    credential: Credential {
                        user: "admin",
                        password_file: "/var/lib/distctl/secrets/rsA.admin",
                    },
                    roles: [
                        Role {
                            role: "root",
                            db: "admin",
                        },
                    ],
                },
                UserSpec {
                    credential: Credential {
                        user: "distctl-agent",
                        password_file: "/etc/distctl/rsA.distctl-agent",
                    },
                    roles: [
                        Role {
                            role: "distctlAgent",
                            db: "admin",
                        },
                    ],
                },
                UserSpec {
                    credential: Credential {
                        user: "shop-web",
                        password_file: "/var/lib/distctl/secrets/rsA.shop-web",
                    },
                    roles: [
                        Role {
                            role: "readWrite",
                            db: "audit",
                        },
                        Role {
                            role: "readWrite",
                            db: "shop",
                        },
                    ],
                },
            ],
        },
    )
    "#);
    assert_debug_snapshot!(desired.standalones["users"], @r#"
    Standalone {
        name: "users",
        mongod: Mongod {
            container: "db2",
            port: 27020,
            host: "10.1.0.12:27020",
            unit: "mongod-27020.service",
            log: "/var/log/mongodb/mongod-27020.log",
            data: "/var/lib/mongodb/users",
        },
        access: Some(
            Access {
                admin: Credential {
                    user: "admin",
                    password_file: "/var/lib/distctl/secrets/users.admin",
                },
                agent: Credential {
                    user: "distctl-agent",
                    password_file: "/etc/distctl/users.distctl-agent",
                },
                users: [
                    UserSpec {
                        credential: Credential {
                            user: "admin",
                            password_file: "/var/lib/distctl/secrets/users.admin",
                        },
                        roles: [
                            Role {
                                role: "root",
                                db: "admin",
                            },
                        ],
                    },
                    UserSpec {
                        credential: Credential {
                            user: "distctl-agent",
                            password_file: "/etc/distctl/users.distctl-agent",
                        },
                        roles: [
                            Role {
                                role: "distctlAgent",
                                db: "admin",
                            },
                        ],
                    },
                    UserSpec {
                        credential: Credential {
                            user: "shop-web",
                            password_file: "/var/lib/distctl/secrets/users.shop-web",
                        },
                        roles: [
                            Role {
                                role: "readWrite",
                                db: "auth",
                            },
                        ],
                    },
                ],
            },
        ),
    }
    "#);
}

#[test]
fn without_settings_a_set_has_those_of_mongodb() {
    let desired = expanded(&SHOP.replace("  settings: { election_timeout: 2s }\n", ""));
    assert_eq!(desired.replica_sets["rsA"].config.settings, protocol::SetSettings::default());
}

#[test]
fn only_one_member_takes_over_from_any_other() {
    let favourite = |text: &str| expanded(text).replica_sets["rsA"].favourite().map(|member| member.host.clone());
    assert_eq!(favourite(SHOP).as_deref(), Some("10.1.0.11:27017"));
    let others = SHOP.replace("port: 27018 }", "port: 27018, priority: 3 }");
    assert_eq!(favourite(&others).as_deref(), Some("10.1.0.11:27018"));
    assert_eq!(favourite(&SHOP.replace("port: 27018 }", "port: 27018, priority: 2 }")), None, "two are equal");
}
