//! Just enough of the Chrome DevTools Protocol, over the pipe that Chromium reads from its third
//! descriptor: messages are JSON, each ended by a zero byte.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use data_encoding::BASE64;
use serde_json::{Value, json};

/// A browser with one tab.
pub(super) struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last: u64,
    session: Option<String>,
    /// What the open page has asked for since it was opened.
    pub(super) requests: Vec<String>,
    /// What went wrong in it: exceptions, errors and warnings on the console, breaches of its policy.
    pub(super) errors: Vec<String>,
}

impl Browser {
    pub(super) fn start(chromium: &Path, profile: &Path) -> Browser {
        // A shell moves the pipes to where Chromium looks for them. The pages are our own, so that
        // the sandbox, which needs privileges that build machines lack, may stay off.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh"])
            .arg(chromium)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars"])
            .arg([OsStr::new("--user-data-dir="), profile.as_os_str()].join(OsStr::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("no shell");
        let to = child.stdin.take().expect("no pipe");
        let from = BufReader::new(child.stdout.take().expect("no pipe"));
        let (requests, errors) = (vec![], vec![]);
        let mut browser = Browser { child, to, from, last: 0, session: None, requests, errors };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// The next message; events are noted on the way.
    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        let read = self.from.read_until(0, &mut bytes).expect("Chromium cannot be heard");
        assert!(read > 0, "Chromium has ended");
        bytes.pop();
        let message: Value = serde_json::from_slice(&bytes).expect("no JSON");
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                self.requests.push(url.to_owned());
            }
            Some("Runtime.exceptionThrown") => self.errors.push(params.to_string()),
            Some("Runtime.consoleAPICalled") if params["type"] != "log" => {
                self.errors.push(params.to_string());
            }
            Some("Log.entryAdded") => self.errors.push(params["entry"].to_string()),
            _ => {}
        }
        message
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("Chromium does not listen");
        loop {
            let answer = self.read();
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    pub(super) fn screen(&mut self, width: u32, height: u32, scheme: &str) {
        let mobile = width < 600;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Opens a page and waits until it is loaded.
    pub(super) fn open(&mut self, url: &str) {
        self.requests.clear();
        self.errors.clear();
        self.call("Page.navigate", json!({ "url": url }));
        while self.read()["method"] != "Page.loadEventFired" {}
        // Whatever it does next, it has done when this has been answered.
        self.eval("new Promise((done) => setTimeout(done, 50))");
    }

    pub(super) fn eval(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Types as a reader does, and waits until the page has followed.
    pub(super) fn type_into(&mut self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.eval(&format!(
            "(async () => {{ const box = document.querySelector({selector}); box.value = {text}; \
             box.dispatchEvent(new Event('input')); \
             await new Promise((done) => setTimeout(done, 400)); }})()"
        ));
    }

    /// The whole page as PNG, up to a height that Chromium can draw.
    pub(super) fn shot(&mut self) -> Vec<u8> {
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let height = size["height"].as_f64().unwrap_or(0.0).min(12_000.0);
        let clip = json!({
            "x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1,
        });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.call("Page.captureScreenshot", params);
        bytes(&shot["data"])
    }

    pub(super) fn pdf(&mut self) -> Vec<u8> {
        let pdf = self.call("Page.printToPDF", json!({ "printBackground": true }));
        bytes(&pdf["data"])
    }
}

fn bytes(data: &Value) -> Vec<u8> {
    BASE64.decode(data.as_str().unwrap_or_default().as_bytes()).expect("no base64")
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
