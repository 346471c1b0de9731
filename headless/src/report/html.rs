//! The report as one HTML page that needs nothing beside itself: the pictures are in it, no script
//! and no address.

use super::Report;
use super::chart::Picture;
use super::text::{Section, sections, title};
use std::fmt::Write as _;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1b1f24;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}ul{margin:0;padding-left:1.2rem}\
figure{margin:1rem 0}figure svg{width:100%;height:auto;border:1px solid #d8dde3;border-radius:6px}";

/// The page.
pub fn page(report: &Report, pictures: &[Picture]) -> String {
    let title = escaped(&title(report));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
    );
    for Picture { name, svg } in pictures {
        // Writing to a string cannot fail.
        writeln!(page, "<figure role=\"img\" aria-label=\"{name}\">{svg}</figure>").ok();
    }
    for Section { title, lines } in sections(report) {
        writeln!(page, "<h2>{}</h2>\n<ul>", escaped(title)).ok();
        for line in lines {
            writeln!(page, "<li>{}</li>", escaped(&line)).ok();
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</body></html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
