//! What a person does with a page: opens it, reads, types, presses what it names. Everything is found by what is
//! written on it, and waited for.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::platform::PAGE;

use super::driver::{Driver, enter_lab};

/// How long something on a page is waited for: longer than an election with this platform's settings.
const PATIENCE: Duration = Duration::from_secs(20);

/// Names of elements in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as WebDriver writes them.
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";

/// Whether the browser runs the pages' scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

/// A person at a browser of their own, inside the lab.
pub struct Person {
    driver: Driver,
    session: String,
    _profile: TempDir,
}

/// Lets a person do something, on a thread that is in the lab's network; browser and driver end with it. The browser
/// must have found nothing to complain about.
pub fn browse(scripts: Scripts, story: impl FnOnce(&Person) + Send) {
    let told = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter_lab();
            let person = Person::at_a_browser(scripts);
            story(&person);
            person.heard_no_complaint();
        });
        thread.join()
    });
    if let Err(panic) = told {
        std::panic::resume_unwind(panic);
    }
}

impl Person {
    fn at_a_browser(scripts: Scripts) -> Self {
        let (driver, profile) = (Driver::start(), tempfile::tempdir().unwrap());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let scripts = if scripts == Scripts::On { 1 } else { 2 };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": { "profile.managed_default_content_settings.javascript": scripts },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let made = driver.call(Method::POST, "/session", Some(&wanted)).expect("Chromium does not start");
        let session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        Self { driver, session, _profile: profile }
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.driver.call(Method::POST, &format!("{}{path}", self.session), Some(body))
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        self.driver.call(Method::GET, &format!("{}{path}", self.session), None)
    }

    /// Opens a page of the platform.
    #[track_caller]
    pub fn opens(&self, path: &str) {
        self.post("/url", &json!({ "url": format!("{PAGE}{path}") })).unwrap();
    }

    /// The path of the page that is shown.
    #[track_caller]
    pub fn path(&self) -> String {
        let url = self.get("/url").unwrap();
        url.as_str().unwrap().trim_start_matches(PAGE).to_owned()
    }

    /// Waits for a text on the page.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        self.attempts(&format!("see '{text}'"), || match self.page()? {
            page if page.contains(text) => Ok(()),
            _ => Err("it is not there".into()),
        });
    }

    /// Fails if a text is on the page, which must have been waited for.
    #[track_caller]
    pub fn does_not_see(&self, text: &str) {
        let page = self.page().unwrap();
        assert!(!page.contains(text), "'{text}' is there:\n{page}");
    }

    /// Waits for an element that shows a text, and gives all that it shows.
    #[track_caller]
    pub fn reads(&self, css: &str, text: &str) -> String {
        self.attempts(&format!("read '{text}' in {css}"), || {
            let shown: Result<Vec<String>, String> =
                self.all("css selector", css)?.iter().map(|one| self.text(one)).collect();
            let shown = shown?;
            shown.iter().find(|one| one.contains(text)).cloned().ok_or_else(|| format!("there is {shown:?}"))
        })
    }

    /// Presses a link or a button by its name.
    #[track_caller]
    pub fn presses(&self, name: &str) {
        let xpath = format!("//*[self::a or self::button][normalize-space(.)=\"{name}\"]");
        self.attempts(&format!("press '{name}'"), || {
            self.post(&format!("/element/{}/click", self.shown(&xpath)?), &json!({}))
        });
    }

    /// Types into the field with a label, over what was there.
    #[track_caller]
    pub fn types(&self, label: &str, text: &str) {
        self.attempts(&format!("type into '{label}'"), || {
            let field = self.shown(&labelled(label))?;
            self.post(&format!("/element/{field}/clear"), &json!({}))?;
            self.post(&format!("/element/{field}/value"), &json!({ "text": text }))
        });
    }

    /// Chooses in the list with a label.
    #[track_caller]
    pub fn chooses(&self, label: &str, option: &str) {
        let xpath = format!("{}/option[normalize-space(.)=\"{option}\"]", labelled(label));
        self.attempts(&format!("choose '{option}'"), || {
            self.post(&format!("/element/{}/click", self.shown(&xpath)?), &json!({}))
        });
    }

    /// What stands in the field with a label.
    #[track_caller]
    pub fn value_of(&self, label: &str) -> String {
        let value = self.attempts(&format!("read the field '{label}'"), || {
            self.get(&format!("/element/{}/property/value", self.shown(&labelled(label))?))
        });
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Presses keys, whatever has the focus.
    #[track_caller]
    pub fn keys(&self, keys: &str) {
        let strokes =
            keys.chars().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })));
        let strokes: Vec<Value> = strokes.collect();
        let keyboard = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.post("/actions", &keyboard).unwrap();
    }

    /// The name that has the focus, as a screen reader says it, and whether it is seen to have it.
    #[track_caller]
    pub fn focus(&self) -> (String, bool) {
        let (name, outline) = self.attempts("look where the focus is", || {
            let element = id(&self.get("/element/active")?);
            let name = self.get(&format!("/element/{element}/computedlabel"))?;
            Ok((name, self.get(&format!("/element/{element}/css/outline-style"))?))
        });
        (name.as_str().unwrap_or_default().to_owned(), outline != "none")
    }

    fn page(&self) -> Result<String, String> {
        let body = self.all("css selector", "body")?;
        self.text(body.first().ok_or("there is no page")?)
    }

    fn text(&self, element: &str) -> Result<String, String> {
        Ok(self.get(&format!("/element/{element}/text"))?.as_str().unwrap_or_default().to_owned())
    }

    fn all(&self, kind: &str, what: &str) -> Result<Vec<String>, String> {
        let found = self.post("/elements", &json!({ "using": kind, "value": what }))?;
        Ok(found.as_array().unwrap().iter().map(id).collect())
    }

    /// The only element that an XPath finds and that is shown.
    fn shown(&self, xpath: &str) -> Result<String, String> {
        let mut shown = Vec::new();
        for element in self.all("xpath", xpath)? {
            if self.get(&format!("/element/{element}/displayed"))? == true {
                shown.push(element);
            }
        }
        match shown.pop() {
            Some(only) if shown.is_empty() => Ok(only),
            Some(_) => Err("more than one is shown".into()),
            None => Err("none is shown".into()),
        }
    }

    /// Tries until it works: a page may be on its way, and what was found on the one before is gone with it.
    #[track_caller]
    fn attempts<T>(&self, what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match attempt() {
                Ok(done) => return done,
                Err(error) if Instant::now() > deadline => {
                    let page = self.page().unwrap_or_else(|error| error);
                    panic!("can't {what} at {} within {PATIENCE:?}: {error}\n{page}", self.path());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // Chromium ends by itself, so that it is out of its folder when that goes.
        let _ = self.driver.call(Method::DELETE, &self.session, None);
    }
}

/// The XPath of the field that a label names.
fn labelled(label: &str) -> String {
    format!("//*[@id=//label[normalize-space(text())=\"{label}\"]/@for]")
}

fn id(element: &Value) -> String {
    element[ELEMENT].as_str().unwrap_or_default().to_owned()
}
