//! Email: hands one mail in at a mail server by SMTP.

use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::Extension;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::connection::{open, refused};
use super::failure::{Failure, explain};
use crate::model::{MailServer, Secret};

/// How long the server's goodbye is waited for; the mail is already accepted.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Delivers a mail; accepted means that the server answered 250 after the final dot.
pub(super) async fn send(
    server: &MailServer,
    credentials: Option<(&str, &Secret)>,
    tls: Arc<ClientConfig>,
    mail: &lettre::Message,
) -> Result<(), Failure> {
    let mut connection = open(server, tls).await?;
    if let Some((username, password)) = credentials {
        log_in(&mut connection, &server.host, username, password).await?;
    }
    if let Some(address) = beyond_ascii(mail.envelope())
        && !connection.server_info().supports_feature(Extension::SmtpUtfEight)
    {
        return Err(Failure::permanent(format!(
            "mail server {} takes no address with letters beyond ASCII (it does not offer SMTPUTF8), and {address} is one; write one \
             without them",
            server.host
        )));
    }
    connection
        .send(mail.envelope(), &mail.formatted())
        .await
        .map_err(|error| refused(&server.host, "mail", &error))?;
    let _ = timeout(QUIT_TIMEOUT, connection.quit()).await;
    Ok(())
}

/// The first address of which not only the domain has letters beyond ASCII: those of a domain are written otherwise.
fn beyond_ascii(envelope: &Envelope) -> Option<&Address> {
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    addresses.find(|address| !AsRef::<str>::as_ref(address).is_ascii())
}

async fn log_in(
    connection: &mut AsyncSmtpConnection,
    host: &str,
    username: &str,
    password: &Secret,
) -> Result<(), Failure> {
    let credentials = Credentials::new(username.to_owned(), password.reveal().to_owned());
    let Err(error) = connection
        .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
        .await
    else {
        return Ok(());
    };
    Err(match error.status() {
        Some(code) if error.is_permanent() => Failure::permanent(format!(
            "mail server {host} does not accept user {username} with this password; check username and password ({code} {})",
            explain(&error)
        )),
        None if error.is_client() => Failure::permanent(format!(
            "mail server {host} offers no login by AUTH PLAIN or LOGIN; remove username and password, or use its submission port"
        )),
        _ => refused(host, "login", &error),
    })
}
