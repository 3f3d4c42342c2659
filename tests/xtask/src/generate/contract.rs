//! The contract's reference, from the documentation comments of its WIT.

use std::fmt::Write;

use anyhow::anyhow;
use wit_bindgen_core::wit_parser::{
    Docs, Function, Interface, Resolve, Type, TypeDef, TypeDefKind, WorldItem, WorldKey,
};

use crate::tools::root;

/// A page: each interface with its types and functions.
pub(super) fn reference() -> anyhow::Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) =
        resolve.push_dir(root().join("wit")).map_err(|error| anyhow!("cannot read `wit/`: {error:#}"))?;
    let world = &resolve.worlds[resolve.select_world(&[package], Some("workload"))?];
    let mut page = String::from(
        "# Reference of the contract\n\nGenerated from the documentation in `*.wit` by `cargo xtask generate`. Errors of \
         hot calls are codes: the names and meanings are in [error_kind.rs](../host/metrics/src/error_kind.rs).\n",
    );
    for (direction, items) in [("exported by the plugin", &world.exports), ("imported", &world.imports)] {
        for (key, item) in items {
            if let (WorldKey::Interface(_), WorldItem::Interface { id, .. }) = (key, item) {
                interface(&mut page, &resolve, &resolve.interfaces[*id], direction)?;
            }
        }
    }
    Ok(page)
}

fn interface(
    page: &mut String,
    resolve: &Resolve,
    interface: &Interface,
    direction: &str,
) -> anyhow::Result<()> {
    let name = interface.name.as_deref().unwrap_or_default();
    write!(page, "\n## `{name}` ({direction})\n\n{}", text(&interface.docs))?;
    for (name, id) in &interface.types {
        type_definition(page, resolve, name, &resolve.types[*id])?;
    }
    for function in interface.functions.values() {
        write!(page, "\n### `{}`\n\n{}", signature(resolve, function), text(&function.docs))?;
    }
    Ok(())
}

fn type_definition(
    page: &mut String,
    resolve: &Resolve,
    name: &str,
    definition: &TypeDef,
) -> anyhow::Result<()> {
    let docs = text(&definition.docs);
    match &definition.kind {
        TypeDefKind::Record(record) => {
            write!(page, "\n### record `{name}`\n\n{docs}\n| field | type | |\n|---|---|---|\n")?;
            for field in &record.fields {
                let shown = type_name(resolve, &field.ty);
                writeln!(page, "| `{}` | `{shown}` | {} |", field.name, line(&field.docs))?;
            }
        }
        TypeDefKind::Variant(variant) => {
            write!(page, "\n### variant `{name}`\n\n{docs}\n| case | holds | |\n|---|---|---|\n")?;
            for case in &variant.cases {
                let shown =
                    case.ty.as_ref().map_or_else(String::new, |ty| format!("`{}`", type_name(resolve, ty)));
                writeln!(page, "| `{}` | {shown} | {} |", case.name, line(&case.docs))?;
            }
        }
        TypeDefKind::Type(alias) => {
            write!(page, "\n### type `{name}` = `{}`\n\n{docs}", type_name(resolve, alias))?;
        }
        kind => write!(page, "\n### {} `{name}`\n\n{docs}", kind.as_str())?,
    }
    Ok(())
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<String> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, type_name(resolve, &parameter.ty)))
        .collect();
    let result =
        function.result.as_ref().map_or_else(String::new, |ty| format!(" -> {}", type_name(resolve, ty)));
    format!("{}({}){result}", function.name, parameters.join(", "))
}

fn type_name(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return primitive(ty).to_owned() };
    let definition = &resolve.types[*id];
    if let Some(name) = &definition.name {
        return name.clone();
    }
    let inner = |ty: &Type| type_name(resolve, ty);
    let or_none = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), inner);
    match &definition.kind {
        TypeDefKind::List(ty) => format!("list<{}>", inner(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", inner(ty)),
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", tuple.types.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (None, None) => "result".to_owned(),
            (ok, None) => format!("result<{}>", or_none(ok)),
            (ok, err) => format!("result<{}, {}>", or_none(ok), or_none(err)),
        },
        kind => kind.as_str().to_owned(),
    }
}

const fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "",
    }
}

fn text(docs: &Docs) -> String {
    docs.contents.as_ref().map_or_else(String::new, |text| format!("{}\n", text.trim_end()))
}

/// Documentation in a table's cell.
fn line(docs: &Docs) -> String {
    docs.contents
        .as_deref()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
