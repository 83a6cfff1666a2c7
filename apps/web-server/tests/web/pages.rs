//! The pages, as a browser without JavaScript uses them.

use std::collections::BTreeMap;

use mongodb::bson::doc;
use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Method, Response};

use crate::service::{Service, System};

/// A browser: it keeps cookies, and sends what stands in hidden fields.
struct Browser<'a> {
    web: &'a Service,
    cookies: BTreeMap<String, String>,
}

/// A page that a browser got.
struct Page {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn csrf(&self) -> String {
        let begin = self.text.find("name=\"csrf\" value=\"").expect("a form") + 19;
        self.text[begin..].split('"').next().unwrap().to_owned()
    }

    fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }
}

impl<'a> Browser<'a> {
    fn new(web: &'a Service) -> Self {
        Self { web, cookies: BTreeMap::new() }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.web.request(method, path).header("cookie", cookies.join("; ")).header("accept", "text/html")
    }

    async fn keep(&mut self, response: Response) -> Page {
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly; SameSite=Strict") && cookie.contains("Path=/;"), "{cookie}");
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match cookie.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let page = Page { status, headers, text: response.text().await.unwrap() };
        page.is_safe();
        page
    }

    async fn open(&mut self, path: &str) -> Page {
        let response = self.request(Method::GET, path).send().await.unwrap();
        self.keep(response).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let response = self.request(Method::POST, path).form(fields).send().await.unwrap();
        self.keep(response).await
    }

    /// Opens a page with a form, and sends that.
    async fn fill(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.open(path).await.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    async fn log_in(&mut self) {
        let page = self.fill("/login", &[("username", "root"), ("password", "right-password")]).await;
        assert_eq!((page.status, page.location()), (303, "/dashboard"));
    }
}

impl Page {
    /// Holds what must hold for every page.
    fn is_safe(&self) {
        let policy = self.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert_eq!(self.headers["x-content-type-options"], "nosniff");
        if self.text.starts_with("<!doctype html>") {
            assert_eq!(self.headers["cache-control"], "no-store");
            for forbidden in [" style=", "<style", " onclick=", " onsubmit=", "javascript:", "http://", "https://"] {
                assert!(!self.text.contains(forbidden), "{forbidden} in {}", self.text);
            }
            assert_eq!(self.text.matches("<script").count(), 1, "{}", self.text);
            assert!(self.text.contains("<html lang=\"es\">") && self.text.contains("<main id=\"content\""));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_works_without_javascript() {
    let system = System::start().await;
    let mut browser = Browser::new(&system.web);
    assert_eq!(browser.open("/").await.location(), "/login");
    for path in ["/dashboard", "/add-product", "/users-page", "/register-user"] {
        assert_eq!(browser.open(path).await.location(), "/login", "{path}");
    }
    let wrong = browser.fill("/login", &[("username", "root\"><b>"), ("password", "wrong")]).await;
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.text.contains("role=\"alert\"") && wrong.text.contains("value=\"root&#34;&#62;&#60;b&#62;\""),
        "{}",
        wrong.text
    );
    browser.log_in().await;
    assert_eq!(browser.open("/login").await.location(), "/dashboard");
    let empty = browser.open("/dashboard").await;
    assert!(empty.text.contains("Todavía no hay productos"), "{}", empty.text);

    let fields =
        |name| [("name", name), ("price", "12,50"), ("stock", "4"), ("description", ""), ("category", "Varios")];
    for (name, label) in [("Azúcar", "DB1 (A-M)"), ("Sal", "DB2 (N-Z)"), ("<script>alert(1)</script>", "DB1 (default)")]
    {
        let saved = browser.fill("/add-product", &fields(name)).await;
        assert_eq!((saved.status, saved.location()), (303, "/dashboard"));
        let page = browser.open("/dashboard").await;
        assert!(page.text.contains(&format!("Producto creado exitosamente en {label}")), "{}", page.text);
        let again = browser.open("/dashboard").await;
        assert!(!again.text.contains("Producto creado exitosamente"), "it is told once");
    }
    let page = browser.open("/dashboard").await;
    assert!(page.text.contains("&#60;script&#62;alert(1)") && !page.text.contains("<script>alert"), "{}", page.text);
    assert!(page.text.contains("12.50") && page.text.contains("DB2</span>"), "{}", page.text);
    let found = browser.open("/dashboard?q=azucar&category=Varios").await;
    assert!(found.text.contains("Azúcar") && !found.text.contains(">Sal<"), "{}", found.text);

    let bad = browser.fill("/add-product", &[("name", " "), ("price", "doce<i>"), ("stock", "-1")]).await;
    assert_eq!(bad.status, 400);
    for text in [
        "El nombre no puede estar vacío",
        "El precio debe ser un número",
        "El stock no puede ser negativo",
        "doce&#60;i&#62;",
    ] {
        assert!(bad.text.contains(text), "{text}: {}", bad.text);
    }

    let azucar = system.a.products().find_one(doc! { "name": "Azúcar" }).await.unwrap().unwrap();
    let id = azucar.get_object_id("_id").unwrap().to_hex();
    let edit = format!("/edit-product/{id}");
    assert!(browser.open(&edit).await.text.contains("value=\"12.50\""));
    let saved = browser.fill(&edit, &[("name", "Zumo"), ("price", "9.75"), ("stock", "4"), ("category", "")]).await;
    assert_eq!(saved.location(), "/dashboard");
    assert!(browser.open("/dashboard").await.text.contains("Producto actualizado exitosamente: ahora está en DB2"));
    let delete = format!("/delete-product/{id}");
    assert!(browser.open(&delete).await.text.contains("¿Eliminar «Zumo» de DB2?"));
    assert_eq!(browser.fill(&delete, &[]).await.location(), "/dashboard");
    assert!(browser.open("/dashboard").await.text.contains("Producto eliminado exitosamente de DB2"));
    assert_eq!(browser.open(&edit).await.status, 404);
    users(&system, &mut browser).await;
}

async fn users(system: &System, browser: &mut Browser<'_>) {
    let page = browser.open("/users-page").await;
    assert!(page.text.contains("ana&#60;b&#62;") && page.text.contains("/delete-user/ana%3Cb%3E"), "{}", page.text);
    let fields = [("username", "demo"), ("email", "d@e.f"), ("password", "long-enough")];
    assert_eq!(browser.fill("/register-user", &fields).await.location(), "/users-page");
    assert!(browser.open("/users-page").await.text.contains("Usuario demo registrado exitosamente"));
    let taken =
        browser.fill("/register-user", &[("username", "taken"), ("email", "d@e.f"), ("password", "typed-it")]).await;
    assert!(
        taken.status == 400 && taken.text.contains("El usuario ya existe") && taken.text.contains("value=\"taken\"")
    );
    assert!(!taken.text.contains("typed-it"), "a password is never sent back");
    assert_eq!(browser.fill("/delete-user/ana%3Cb%3E", &[]).await.location(), "/users-page");
    assert_eq!(*system.auth.known.deleted.lock().unwrap(), ["ana<b>"]);
    for path in ["/docs", "/nowhere"] {
        browser.open(path).await;
    }
    let mut user = Browser::new(&system.web);
    user.cookies.insert("session".into(), system.auth.token("eva", "user", 3600));
    assert!(user.open("/users-page").await.text.contains("Solo los administradores"));

    let csrf = browser.open("/dashboard").await.csrf();
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.location(), "/login");
    assert_eq!(browser.open("/dashboard").await.location(), "/login");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_sites_do_nothing() {
    let system = System::start().await;
    let mut browser = Browser::new(&system.web);
    let csrf = browser.open("/login").await.csrf();
    let (user, password) = (("username", "root"), ("password", "right-password"));
    assert_eq!(browser.post("/login", &[user, password]).await.status, 403);
    assert_eq!(browser.post("/login", &[user, password, ("csrf", "00")]).await.status, 403);
    let mut other = Browser::new(&system.web);
    assert_eq!(other.post("/login", &[user, password, ("csrf", &csrf)]).await.status, 403, "bound to the browser");
    browser.log_in().await;
    let csrf = browser.open("/add-product").await.csrf();
    let fields = [("name", "Ajo"), ("price", "1"), ("stock", "1")];
    for wrong in ["", "00", &csrf[1..], &"0".repeat(64)] {
        let mut all = vec![("csrf", wrong)];
        all.extend_from_slice(&fields);
        assert_eq!(browser.post("/add-product", &all).await.status, 403, "{wrong}");
    }
    let mut all = vec![("csrf", csrf.as_str())];
    all.extend_from_slice(&fields);
    for origin in ["http://evil.test", "null"] {
        let request = browser.request(Method::POST, "/add-product").header("origin", origin).form(&all);
        assert_eq!(request.send().await.unwrap().status(), 403, "{origin}");
    }
    for path in ["/logout", "/delete-product/0123456789abcdef01234567", "/delete-user/x", "/register-user"] {
        assert_eq!(browser.post(path, &[]).await.status, 403, "{path}");
    }
    assert_eq!(system.a.products().count_documents(doc! {}).await.unwrap(), 0);
    let huge =
        browser.request(Method::POST, "/add-product").form(&[("name", "x".repeat(1 << 20))]).send().await.unwrap();
    assert_eq!(huge.status(), 400);
    let own = browser.request(Method::POST, "/add-product").header("origin", &system.web.url).form(&all);
    assert_eq!(own.send().await.unwrap().status(), 303);

    browser.cookies.insert("flash".into(), "b2s6aG9sYQ.00".into());
    assert!(!browser.open("/dashboard").await.text.contains("hola"), "a message must be signed");
    let fresh = system.web.request(Method::GET, "/login").header("x-forwarded-proto", "https").send().await.unwrap();
    assert!(fresh.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn static_files_are_those_of_the_program() {
    let system = System::start().await;
    let mut browser = Browser::new(&system.web);
    let page = browser.open("/login").await;
    let addresses = page.text.split('"').filter(|part| part.starts_with("/static/")).collect::<Vec<_>>();
    assert_eq!(addresses.len(), 3, "{addresses:?}");
    for address in addresses {
        let file = system.web.request(Method::GET, address).send().await.unwrap();
        assert_eq!(file.status(), 200, "{address}");
        assert!(file.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    }
    for path in
        ["..%2F..%2Fetc%2Fpasswd", "..%5C..%5Cetc", "%2Fetc%2Fpasswd", "style.css", "..%00", "a%2F..%2Fstyle.css"]
    {
        let answer = system.web.request(Method::GET, &format!("/static/{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    assert_eq!(raw(&system.web, "/static/../../../../etc/passwd").await, 404);
    assert_eq!(raw(&system.web, "/static/a/../../../etc/passwd").await, 404);
}

/// Asks for a path as it is: an HTTP client would tidy it.
async fn raw(web: &Service, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = web.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer[9..12].parse().unwrap()
}
