//! Commands: quotes, what a shell would do, variables, homes.

use insta::assert_snapshot;

use super::found_after_head;

fn service(keys: &str) -> String {
    found_after_head(&format!("services:\n  web:\n    container: db1\n{keys}"))
}

fn commands(commands: &[&str]) -> String {
    commands.iter().map(|command| format!("{command}\n{}", service(&format!("    command: {command}\n")))).collect()
}

#[test]
fn commands_that_are_right() {
    let right = [
        "nginx -g 'daemon off;'",
        "sh -c \"echo hi && sleep 1\"",
        "[sh, -c, \"echo $HOME | cat > /tmp/x\"]",
        "/usr/bin/env bash -ec 'exec app --port $PORT'",
        "app --url http://db1:80/x?a=1&b=2;c",
        r"find /srv -exec touch {} \;",
        "awk '{ print $NF }' /etc/hosts",
        "'\"/opt/My App/run\" --x'",
        "[cut, -d, '|', '>', ';']",
        "app --pattern pa$word --colour '#fff'",
    ];
    for command in right {
        assert_eq!(service(&format!("    command: {command}\n")), "nothing", "{command}");
    }
}

#[test]
fn quotes_that_are_never_closed() {
    assert_snapshot!(commands(&["nginx -g 'daemon off;", "sh -c \"echo 'a'", r"app \", "[\"it's\"]"]), @r#"
    nginx -g 'daemon off;
    error 10:23 services.web.command «'»
      this `'` is never closed
      -> close it with another `'`, or write `\'` for the sign itself
    sh -c "echo 'a'
    error 10:20 services.web.command «"»
      this `"` is never closed
      -> close it with another `"`, or write `\"` for the sign itself
    app \
    error 10:18 services.web.command «\»
      the command ends with a backslash, which has nothing behind it
      -> remove it, or write `\\` for the sign itself
    ["it's"]
    nothing
    "#);
}

#[test]
fn what_a_shell_would_do() {
    assert_snapshot!(
        commands(&[
            "cd /srv && python3 app.py", "app | tee log", "app >log 2>&1", "app; other", "app `date`", "app $(date)",
            "sh -c echo && ls", "'app # comment'", "app &", "[app, '&&', other]", "[nginx -g x]", "'-x --y'",
        ]),
        @r#"
        cd /srv && python3 app.py
        error 10:22 services.web.command «&&»
          `&&` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `&&` inside the quotes
        app | tee log
        error 10:18 services.web.command «|»
          `|` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `|` inside the quotes
        app >log 2>&1
        error 10:18 services.web.command «>»
          `>` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `>` inside the quotes
        app; other
        error 10:17 services.web.command «;»
          `;` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `;` inside the quotes
        app `date`
        error 10:18 services.web.command «`»
          a backtick is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with a backtick inside the quotes
        app $(date)
        error 10:18 services.web.command «$(»
          `$(` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `$(` inside the quotes
        sh -c echo && ls
        error 10:25 services.web.command «&&»
          `&&` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `&&` inside the quotes
        'app # comment'
        error 10:19 services.web.command «#»
          `#` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `#` inside the quotes
        app &
        error 10:18 services.web.command «&»
          `&` is for a shell, and no shell reads this command
          -> let a shell read it: `sh -c "..."`, with `&` inside the quotes
        [app, '&&', other]
        error 10:20 services.web.command[1] «'&&'»
          `&&` is for a shell, and no shell reads this command
          -> let a shell read it: `[sh, -c, "..."]`, with all of it in the last item
        [nginx -g x]
        error 10:15 services.web.command[0] «nginx -g x»
          an item of a list is one word, and no program is named `nginx -g x`
          -> write one item for each word, or the whole command as one text without `[` and `]`
        '-x --y'
        error 10:14 services.web.command «'-x --y'»
          `-x` can't be a program: systemd reads its first sign as an order
          -> write the program first, with its path where it needs one
        "#
    );
}

#[test]
fn variables_are_not_expanded() {
    assert_snapshot!(
        service(
            "    command: python3 -m http.server ${PORT:-8000}
    working_dir: /srv/$APP_HOME
    environment: { DB_PASS: '${DB_PASSWORD}', HOME_URL: \"http://$HOSTNAME:8000\", FINE: 'pa$word', \"$X\": y }
    files: { /etc/x: { content: 'proxy ${host}' } }
    init: { command: 'app --as \"$ADMIN\" {{ containers.db1.ipv4 }}', stdin: '${x}' }
"
        ),
        @r#"
        warning 10:37 services.web.command «${PORT:-8000}»
          distctl does not expand variables: the program gets `${PORT:-8000}`
          -> write the value itself, or let a shell expand what `environment` declares: `sh -c "exec PROGRAM $NAME"`
        warning 11:23 services.web.working_dir «$APP_HOME»
          distctl does not expand variables: the value keeps `$APP_HOME`
          -> write the value itself; for a password that distctl makes `{{ secret('NAME') }}`, for an address `{{ containers.NAME.ipv4 }}`, both in `environment`
        warning 12:30 services.web.environment.DB_PASS «${DB_PASSWORD}»
          distctl does not expand variables: the value keeps `${DB_PASSWORD}`
          -> write the value itself; for a password that distctl makes `{{ secret('NAME') }}`, for an address `{{ containers.NAME.ipv4 }}`, both in `environment`
        warning 12:65 services.web.environment.HOME_URL «$HOSTNAME»
          distctl does not expand variables: the value keeps `$HOSTNAME`
          -> write the value itself; for a password that distctl makes `{{ secret('NAME') }}`, for an address `{{ containers.NAME.ipv4 }}`, both in `environment`
        error 12:99 services.web.environment.$X «"$X"»
          `$X` is not a name that a variable can have
          -> write letters, digits and `_`, and begin with a letter
        warning 14:33 services.web.init.command «$ADMIN»
          distctl does not expand variables: the program gets `$ADMIN`
          -> write the value itself, or let a shell expand what `environment` declares: `sh -c "exec PROGRAM $NAME"`
        error 14:41 services.web.init.command «{{ containers.db1.ipv4 }}»
          `{{ containers.db1.ipv4 }}` is not filled in here: everybody in a container can see command lines
          -> put it under `environment` and let the program read it there, or `sh -c "exec PROGRAM $NAME"`
        "#
    );
}

#[test]
fn homes_that_a_service_can_not_enter() {
    assert_snapshot!(
        service(
            "    command: /root/app/run --x
    working_dir: /run/user/1000
    files: { /root/x: { content: y } }
"
        ),
        @"
        error 10:14 services.web.command «/root/app/run --x»
          `/root/app/run` can be entered by root alone, and the service does not run as root
          -> choose a folder below `/opt` or `/srv`, or `/var/lib/web`, which the service may write to
        error 11:18 services.web.working_dir «/run/user/1000»
          `/run/user/1000` is removed when a user logs out
          -> choose a folder below `/opt` or `/srv`, or `/var/lib/web`, which the service may write to
        error 12:14 services.web.files./root/x «/root/x»
          `/root/x` can be entered by root alone, and the service does not run as root
          -> choose a folder below `/opt` or `/srv`, or `/var/lib/web`, which the service may write to
        "
    );
    assert_eq!(service("    command: x\n    working_dir: /home/ubuntu/app\n"), "nothing");
    assert_eq!(service("    command: x\n    user: root\n    working_dir: /root/app\n"), "nothing");
}
