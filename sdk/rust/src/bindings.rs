//! The contract's functions and records, generated from `wit/`.

wit_bindgen::generate!({
    path: "../../wit",
    world: "workload",
    ownership: Borrowing { duplicate_if_necessary: false },
    additional_derives: [PartialEq],
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "stresshost_sdk::bindings",
});
