//! The product platform's users: registers them, logs them in, verifies their tokens.
//!
//! `auth-server` serves; `auth-server create-user` makes a user from the command line, for the first administrator.

mod app;
mod attempts;
mod calls;
mod client;
mod create_user;
mod indexes;
mod known;
mod passwords;
mod rules;
mod serve;
mod settings;
mod store;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Registers the product platform's users, logs them in, verifies their tokens.
#[derive(Parser)]
#[command(name = "auth-server", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves, configured by the environment: DB3_URL, SECRET_KEY, PORT, BIND, TRUSTED_PROXIES, LOG_LEVEL. The default.
    Serve,
    /// Makes a user. The password is read from standard input, one line. A user who exists is left as it is.
    CreateUser(create_user::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serving::run(passwords::AT_ONCE, serve::serve()),
        Command::CreateUser(arguments) => create_user::main(&arguments),
    }
}
