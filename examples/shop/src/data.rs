//! The catalogue: products generated from the seed, with their JSON rendered once.

use axum::body::Bytes;
use serde::Serialize;

use crate::rng::{self, SplitMix64};

/// Stream of the draws that generate products.
const PRODUCT_STREAM: u64 = 100;

/// Every tenth product is scarce, so that a checkout can run out of stock within a test.
const SCARCE_EVERY: u32 = 10;
/// Most units of a scarce product.
const SCARCE_STOCK: u64 = 10;
/// Units of every other product: hours of checkouts at thousands a second do not exhaust it.
const AMPLE_STOCK: u32 = 100_000_000;

const CATEGORIES: [(&str, &[&str]); 6] = [
    ("books", &["Atlas", "Novel", "Dictionary", "Cookbook", "Almanac"]),
    ("clothing", &["Jacket", "Scarf", "Shirt", "Trousers", "Hat"]),
    ("electronics", &["Camera", "Headphones", "Keyboard", "Monitor", "Radio"]),
    ("garden", &["Bench", "Lantern", "Planter", "Rake", "Watering Can"]),
    ("kitchen", &["Bowl", "Kettle", "Knife", "Pan", "Teapot"]),
    ("toys", &["Kite", "Puzzle", "Robot", "Train", "Yo-yo"]),
];
const ADJECTIVES: [&str; 10] =
    ["Compact", "Elegant", "Classic", "Durable", "Gentle", "Handmade", "Modern", "Quiet", "Robust", "Tiny"];
const MATERIALS: [&str; 10] =
    ["Bamboo", "Brass", "Copper", "Cotton", "Glass", "Granite", "Leather", "Linen", "Oak", "Steel"];

/// A product as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Product {
    pub(crate) id: u32,
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) category: &'static str,
    pub(crate) price_cents: u32,
    pub(crate) currency: &'static str,
    /// Average rating from 1.0 to 5.0.
    pub(crate) rating: f64,
}

/// All products. Nothing in it changes after the start, so reads take no lock.
pub(crate) struct Catalogue {
    entries: Vec<Entry>,
}

struct Entry {
    product: Product,
    json: Bytes,
    /// What a search looks in: name and category in lower case.
    searched: String,
}

impl Catalogue {
    pub(crate) fn generate(seed: u64, products: usize) -> Self {
        let ids = 1..=u32::try_from(products).unwrap_or(u32::MAX);
        Self { entries: ids.map(|id| Entry::new(product(seed, id))).collect() }
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Product> {
        self.entry(id).map(|entry| &entry.product)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Product> {
        self.entries.iter().map(|entry| &entry.product)
    }

    /// The rendered JSON of a product.
    pub(crate) fn json(&self, id: u64) -> Option<Bytes> {
        self.entry(id).map(|entry| entry.json.clone())
    }

    fn entry(&self, id: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(id.checked_sub(1)?).ok()?)
    }

    /// Page `page`, counted from 1, of the products whose name or category contains `search`, as JSON.
    pub(crate) fn page_json(&self, search: &str, page: u64, per_page: u64) -> Vec<u8> {
        let skip = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
        let take = usize::try_from(per_page).unwrap_or(usize::MAX);
        let mut items = Vec::new();
        let total = if search.is_empty() {
            items.extend(self.entries.iter().skip(skip).take(take).map(|entry| &entry.json));
            self.entries.len()
        } else {
            let search = search.to_lowercase();
            let found = self.entries.iter().filter(|entry| entry.searched.contains(&search));
            let mut total = 0;
            for entry in found {
                if total >= skip && items.len() < take {
                    items.push(&entry.json);
                }
                total += 1;
            }
            total
        };
        let mut json = Vec::with_capacity(items.iter().map(|item| item.len() + 1).sum::<usize>() + 80);
        json.extend_from_slice(b"{\"items\":[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(item);
        }
        json.extend_from_slice(
            format!("],\"page\":{page},\"per_page\":{per_page},\"total\":{total}}}").as_bytes(),
        );
        json
    }

    /// Units of each product at the start, in the order of ids.
    pub(crate) fn initial_stock(seed: u64, products: usize) -> impl Iterator<Item = u32> {
        (1..=u32::try_from(products).unwrap_or(u32::MAX)).map(move |id| {
            if id % SCARCE_EVERY == 0 {
                rng::at(seed, PRODUCT_STREAM + 1, u64::from(id)).below(SCARCE_STOCK) as u32 + 1
            } else {
                AMPLE_STOCK
            }
        })
    }
}

impl Entry {
    fn new(product: Product) -> Self {
        // A struct of strings and finite numbers always renders.
        let json = serde_json::to_vec(&product).unwrap_or_default().into();
        let searched = format!("{} {}", product.name, product.category).to_lowercase();
        Self { product, json, searched }
    }
}

fn product(seed: u64, id: u32) -> Product {
    let mut rng: SplitMix64 = rng::at(seed, PRODUCT_STREAM, u64::from(id));
    let (category, nouns) = CATEGORIES[rng.below(CATEGORIES.len() as u64) as usize];
    let (adjective, material, noun) = (rng.pick(&ADJECTIVES), rng.pick(&MATERIALS), rng.pick(nouns));
    Product {
        id,
        sku: format!("{}-{:06X}", &category[..3].to_uppercase(), rng.below(1 << 24)),
        name: format!("{adjective} {material} {noun}"),
        description: format!(
            "A {} {} made of {}, from our {category} range.",
            adjective.to_lowercase(),
            noun.to_lowercase(),
            material.to_lowercase()
        ),
        category,
        price_cents: rng.below(49_901) as u32 + 99,
        currency: "EUR",
        rating: (rng.below(41) + 10) as f64 / 10.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn page(catalogue: &Catalogue, search: &str, page: u64, per_page: u64) -> (Vec<u64>, u64) {
        let json: Value = serde_json::from_slice(&catalogue.page_json(search, page, per_page)).unwrap();
        assert_eq!((json["page"].as_u64(), json["per_page"].as_u64()), (Some(page), Some(per_page)));
        let ids = json["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap());
        (ids.collect(), json["total"].as_u64().unwrap())
    }

    #[test]
    fn the_seed_decides_every_product() {
        let (first, again) = (Catalogue::generate(7, 200), Catalogue::generate(7, 200));
        let other = Catalogue::generate(8, 200);
        // A larger catalogue begins with the smaller one.
        let larger = Catalogue::generate(7, 300);
        for id in 1..=200 {
            assert_eq!(first.get(id), again.get(id));
            assert_eq!(first.get(id), larger.get(id));
        }
        assert!((1..=200).any(|id| first.get(id) != other.get(id)));
        assert!(first.get(0).is_none() && first.get(201).is_none());
    }

    #[test]
    fn rendered_json_is_the_product() {
        let catalogue = Catalogue::generate(1, 20);
        for id in 1..=20 {
            let json: Value = serde_json::from_slice(&catalogue.json(id).unwrap()).unwrap();
            assert_eq!(json, serde_json::to_value(catalogue.get(id).unwrap()).unwrap());
        }
    }

    #[test]
    fn pages_cut_the_whole_list_without_gap_or_overlap() {
        let catalogue = Catalogue::generate(1, 25);
        let pages: Vec<u64> = (1..=3).flat_map(|number| page(&catalogue, "", number, 10).0).collect();
        assert_eq!(pages, (1..=25).collect::<Vec<_>>());
        assert_eq!(page(&catalogue, "", 4, 10), (vec![], 25));
        assert_eq!(page(&catalogue, "", u64::MAX, 100), (vec![], 25));
    }

    #[test]
    fn search_finds_names_and_categories_in_any_case() {
        let catalogue = Catalogue::generate(1, 500);
        for search in ["KITCHEN", "oak", "Quiet Brass", "yo-yo", "nothing like it"] {
            let expected: Vec<u64> = (1..=500)
                .filter(|id| {
                    let product = catalogue.get(*id).unwrap();
                    let text = format!("{} {}", product.name, product.category).to_lowercase();
                    text.contains(&search.to_lowercase())
                })
                .collect();
            let mut found = Vec::new();
            for number in 1..=5 {
                let (ids, total) = page(&catalogue, search, number, 100);
                assert_eq!(total, expected.len() as u64);
                found.extend(ids);
            }
            assert_eq!(found, expected, "{search}");
        }
    }

    #[test]
    fn some_products_are_scarce() {
        let stock: Vec<u32> = Catalogue::initial_stock(1, 100).collect();
        assert_eq!(stock.len(), 100);
        let scarce = stock.iter().filter(|units| (1..=10).contains(*units)).count();
        assert_eq!(scarce, 10);
        assert!(stock.iter().all(|units| *units <= 10 || *units == AMPLE_STOCK));
    }
}
