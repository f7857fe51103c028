//! The style, the script and the sign in the browser's tab: compiled in, and named after their content.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use super::answer::Trouble;

/// What a name of these has changed its content never has: browsers keep it for a year.
const KEEP: &str = "public, max-age=31536000, immutable";

struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("assets/freshd.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("assets/freshd.js")));
static SIGN: LazyLock<Asset> = LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("assets/freshd.svg")));

impl Asset {
    fn new(ending: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let mut name = "freshd-".to_owned();
        for byte in digest.iter().take(6) {
            let _ = write!(name, "{byte:02x}");
        }
        Self {
            name: format!("{name}.{ending}"),
            kind,
            text,
        }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Where the style is.
pub(super) fn style() -> String {
    STYLE.path()
}

/// Where the script is.
pub(super) fn script() -> String {
    SCRIPT.path()
}

/// Where the sign is.
pub(super) fn sign() -> String {
    SIGN.path()
}

pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Trouble> {
    let known = [&STYLE, &SCRIPT, &SIGN];
    let asset = known.into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Trouble::unknown("asset", &name, std::iter::empty()))?;
    let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, KEEP)];
    Ok((headers, asset.text).into_response())
}

/// The sign where a browser looks for it when what it shows is no page, as a raw log is none.
pub(super) async fn favicon() -> Response {
    ([(header::CONTENT_TYPE, SIGN.kind)], SIGN.text).into_response()
}
