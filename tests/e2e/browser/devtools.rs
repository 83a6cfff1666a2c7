//! What a person can't do to a browser: run scripts, take pictures, be at another device, read the console.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::person::Person;

impl Person {
    /// What a script in the page gives back.
    #[track_caller]
    pub fn runs(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] })).unwrap()
    }

    /// What a script in the page gives back at last: to the function `done`.
    #[track_caller]
    pub fn awaits(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.post("/execute/async", &json!({ "script": script, "args": [] })).unwrap()
    }

    /// The page as a picture, PNG: all of it, or what the window shows while a question covers the window.
    #[track_caller]
    pub fn picture(&self) -> Vec<u8> {
        let whole = self.runs("return !document.querySelector('dialog[open]')");
        let picture = self.sets("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": whole }));
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// Takes a device of some width in pixels, whose owner likes `light` or `dark` colours.
    #[track_caller]
    pub fn is_at(&self, width: u32, scheme: &str) {
        let device = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.sets("Emulation.setDeviceMetricsOverride", &device);
        let likes = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.sets("Emulation.setEmulatedMedia", &likes);
    }

    /// Fails if the browser's console has anything: an error of a script, a breach of the content policy, a file that
    /// is not there. Pages that tell by their status what went wrong are the exception.
    #[track_caller]
    pub fn heard_no_complaint(&self) {
        let log = self.post("/se/log", &json!({ "type": "browser" })).unwrap();
        let is_status_of_a_page = |entry: &&Value| {
            let said = entry["message"].as_str().unwrap_or_default();
            entry["source"] == "network" && said.contains("responded with a status") && !said.contains("/static/")
        };
        let complaints: Vec<&Value> =
            log.as_array().unwrap().iter().filter(|entry| !is_status_of_a_page(entry)).collect();
        assert!(complaints.is_empty(), "the browser complains: {complaints:#?}");
    }

    fn sets(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).unwrap()
    }
}
