//! The products of all fragments, and which database has which.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::products::query::Asked;
use crate::products::{Counted, Products, Query as Sought};

use super::flash::Flash;
use super::form::price;
use super::layout::{Layout, Notice};
use super::session::{IntoHeaders, Session};
use super::{Problem, shown};

/// How many products a page shows.
const PAGE: u32 = 25;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Page {
    page: Layout,
    databases: Vec<Card>,
    rows: Vec<Row>,
    categories: Vec<String>,
    text: String,
    category: String,
    total: u64,
    next: Option<String>,
    is_first: bool,
}

/// One database, as the cards at the top show it.
struct Card {
    name: String,
    number: usize,
    fragments: String,
    count: Option<u64>,
}

/// One product, as the table shows it.
struct Row {
    id: String,
    name: String,
    description: String,
    price: String,
    stock: i64,
    category: String,
    database: String,
    number: usize,
}

impl Page {
    fn is_searching(&self) -> bool {
        !self.text.is_empty() || !self.category.is_empty()
    }

    /// How many databases the total is of.
    fn counted(&self) -> usize {
        self.databases.iter().filter(|card| card.count.is_some()).count()
    }
}

/// GET /dashboard
pub async fn show(
    State(app): State<Arc<App>>,
    session: Session,
    flash: Flash,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let page = session.layout("Productos", "/dashboard").with(flash.notice);
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let (query, page) = match asked.read() {
        Ok(query) => (Sought { limit: PAGE, ..query }, page),
        Err(malformed) => (Sought { limit: PAGE, ..Sought::all() }, page.with(Notice::error(malformed.to_string()))),
    };
    let products = &app.products;
    let (listed, counts, categories) =
        tokio::join!(products.select(&query), products.count(&query), products.categories());
    let listed = match listed {
        Ok(listed) => listed,
        Err(away) => {
            let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, away.to_string());
            problem.page = page.with(problem.page.notices.pop());
            return problem.into_response();
        }
    };
    let mut rows = Vec::new();
    let shown_page = listed.show(|home, product| {
        rows.push(Row {
            id: product.id.to_hex(),
            name: product.name.to_owned(),
            description: product.description.to_owned(),
            price: price(product.price),
            stock: product.stock,
            category: product.category.to_owned(),
            database: products.databases[home].name.clone(),
            number: home + 1,
        });
    });
    let view = Page {
        page: page.with(missing(&listed.missing)),
        total: counts.iter().filter_map(|counted| counted.count).sum(),
        databases: cards(products, counts),
        rows,
        categories,
        next: shown_page.next,
        is_first: query.after.is_none(),
        text: query.text.unwrap_or_default(),
        category: query.category.unwrap_or_default(),
    };
    ([flash.clear].into_headers(), shown(StatusCode::OK, &view)).into_response()
}

fn missing(databases: &[String]) -> Option<Notice> {
    let text = |what: String| Notice::warning(format!("{what}: se muestran solo los productos de las demás."));
    match databases {
        [] => None,
        [one] => Some(text(format!("La base de datos {one} no está disponible"))),
        more => Some(text(format!("Las bases de datos {} no están disponibles", more.join(", ")))),
    }
}

fn cards(products: &Products, counts: Vec<Counted>) -> Vec<Card> {
    let card = |(number, Counted { database, count }): (usize, Counted)| {
        let own = products.fragments().filter(|(name, ..)| *name == database);
        let described = own.map(|(_, range, default)| match (range.is_empty(), default) {
            (false, true) => format!("{range} y todo lo demás"),
            (false, false) => range,
            (true, _) => "todo lo demás".to_owned(),
        });
        Card { fragments: described.collect::<Vec<_>>().join(", "), name: database, number, count }
    };
    (1..).zip(counts).map(card).collect()
}
