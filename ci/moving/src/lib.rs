//! Includes every item that the page names, as links that rustdoc resolves, and the page's code.
#![cfg_attr(doc, doc = include_str!(env!("LINKS")))]
#![cfg_attr(doctest, doc = include_str!("../../../docs/moving-from-io-uring.md"))]
