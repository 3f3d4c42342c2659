//! The macro that turns a [`Workload`](crate::Workload) into a component.

/// Exports a workload from this component. Call it once, in the root of a `cdylib` crate.
///
/// In a native build it only checks that the type is a [`Workload`](crate::Workload).
///
/// ```
/// use stresshost_sdk::prelude::*;
///
/// #[derive(Default)]
/// struct Idle;
///
/// impl Workload for Idle {
///     type Shared = ();
///
///     fn plan(_: PlanInput) -> Result<Plan, Problems> {
///         Err(vec![Problem::new("", "there is nothing to do")])
///     }
///
///     fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
///         Ok(())
///     }
/// }
///
/// stresshost_sdk::export!(Idle);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($workload:ty) => {
        const _: () = {
            const fn is_workload<W: $crate::Workload>() {}
            is_workload::<$workload>()
        };

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "exporting symbols and sections is unsafe in the 2024 edition")]
        const _: () = {
            use $crate::bindings::exports::stresshost::workload::guest as contract;

            $crate::export_api_section!();

            thread_local! {
                static USER: $crate::guest::Slot<$workload> = const { $crate::guest::Slot::new(None) };
            }

            struct Component;

            impl contract::Guest for Component {
                fn describe() -> ::std::string::String {
                    $crate::guest::describe::<$workload>($crate::guest::Package {
                        name: env!("CARGO_PKG_NAME"),
                        version: env!("CARGO_PKG_VERSION"),
                        summary: env!("CARGO_PKG_DESCRIPTION"),
                    })
                }

                fn plan(
                    input: ::std::string::String,
                ) -> ::std::result::Result<::std::string::String, ::std::string::String> {
                    $crate::guest::plan::<$workload>(&input)
                }

                fn setup(
                    context: ::std::string::String,
                ) -> ::std::result::Result<::std::string::String, contract::Failure> {
                    $crate::guest::setup::<$workload>(&context).map_err(::std::convert::Into::into)
                }

                fn setup_phase(
                    context: ::std::string::String,
                ) -> ::std::result::Result<::std::string::String, contract::Failure> {
                    $crate::guest::setup_phase::<$workload>(&context).map_err(::std::convert::Into::into)
                }

                fn start(
                    vu: contract::VuInfo,
                    shared: ::std::string::String,
                ) -> ::std::result::Result<(), contract::Failure> {
                    USER.with(|user| $crate::guest::start(user, vu.into(), &shared))
                        .map_err(::std::convert::Into::into)
                }

                fn iterate(it: contract::Iteration) -> ::std::result::Result<(), ()> {
                    USER.with(|user| $crate::guest::iterate(user, it.into()))
                }

                fn finish() {
                    USER.with($crate::guest::finish);
                }

                fn teardown_phase(
                    shared: ::std::string::String,
                ) -> ::std::result::Result<(), contract::Failure> {
                    $crate::guest::teardown_phase::<$workload>(&shared).map_err(::std::convert::Into::into)
                }

                fn teardown(shared: ::std::string::String) -> ::std::result::Result<(), contract::Failure> {
                    $crate::guest::teardown::<$workload>(&shared).map_err(::std::convert::Into::into)
                }

                fn analyze(summary: ::std::string::String) -> ::std::string::String {
                    $crate::guest::analyze::<$workload>(&summary)
                }
            }

    $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        };
    };
}

/// Embeds the custom section by which a host recognises the contract's version before it compiles the component.
#[doc(hidden)]
#[macro_export]
macro_rules! export_api_section {
    () => {
        #[unsafe(link_section = "stresshost:api")]
        #[used]
        static API: [u8; $crate::api::SECTION.len()] = $crate::api::SECTION;
    };
}
