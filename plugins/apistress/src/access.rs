//! How callers are let in: what is given, and what a session gets.

use base64::prelude::{BASE64_STANDARD, Engine};
use stresshost_openapi::{self as openapi, Scheme, Spec};
use stresshost_sdk::config::{Found, short};
use stresshost_sdk::serde_json::{Map, Value, json};

use crate::catalogue::{FORM, of_account, same_path, token_endpoint};
use crate::command::Command;
use crate::config::Config;
use crate::config::auth::Kind;
use crate::document::{Credential, Operation, Place, Session};
use crate::words::{Purpose, purpose};

/// What lets callers in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// Where tokens are given.
    token_path: Option<String>,
    /// Body of the request for a token, when it is not an account's name and password.
    token_body: Option<Value>,
    register_path: Option<String>,
    users: Vec<(String, String)>,
    /// What operations of a config carry that do not say otherwise.
    pub(crate) credential: Option<Credential>,
    /// Credentials by scheme of the document.
    schemes: Vec<(String, Credential)>,
    /// Variables of one caller, and of another one.
    pub(crate) callers: Vec<Vec<(String, String)>>,
}

/// The header that carries a token.
fn bearer(value: &str) -> Credential {
    Credential { place: Place::Header, name: "Authorization".to_owned(), value: format!("Bearer {value}") }
}

/// Reads what the flags, the config and the document say.
pub(crate) fn access(
    command: &Command,
    config: Option<&Config>,
    spec: Option<&Spec>,
    found: &mut Found,
) -> Access {
    let mut access = Access {
        token_path: command.token_endpoint.clone(),
        register_path: command.register_endpoint.clone(),
        users: command.accounts.clone(),
        ..Access::default()
    };
    if let Some(auth) = config.and_then(|config| config.auth.as_ref()) {
        access.token_path = access.token_path.or_else(|| auth.token_endpoint.clone());
        access.register_path = access.register_path.or_else(|| auth.register_endpoint.clone());
        if access.users.is_empty() {
            access.users.clone_from(&auth.users);
        }
        let fixed =
            |name: &str| auth.fixed.iter().map(|value| vec![(name.to_owned(), value.clone())]).collect();
        match &auth.kind {
            Kind::None => {}
            Kind::Bearer if auth.fixed.is_empty() => access.credential = Some(bearer("{{token}}")),
            Kind::Bearer => {
                access.token_path = None;
                access.credential = Some(bearer("{{key}}"));
                access.callers = fixed("key");
            }
            Kind::ApiKey(place, name) => {
                access.credential =
                    Some(Credential { place: *place, name: name.clone(), value: "{{key}}".to_owned() });
                access.callers = fixed("key");
            }
            Kind::Basic => {
                access.token_path = None;
                let value = "Basic {{basic}}".to_owned();
                access.credential =
                    Some(Credential { place: Place::Header, name: "Authorization".to_owned(), value });
                let users = std::mem::take(&mut access.users);
                access.callers = users
                    .iter()
                    .map(|(name, password)| {
                        vec![("basic".to_owned(), BASE64_STANDARD.encode(format!("{name}:{password}")))]
                    })
                    .collect();
            }
            Kind::ClientCredentials => {
                if let Some((id, secret)) = &auth.client {
                    access.token_body = Some(client_credentials(id, secret, auth.scope.as_deref()));
                }
                access.credential = Some(bearer("{{token}}"));
            }
        }
    }
    if let Some(spec) = spec {
        access.given(command, spec, found);
    }
    if access.token_path.is_some() && access.credential.is_none() {
        access.credential = Some(bearer("{{token}}"));
    }
    access
}

/// The form of the client credentials flow (RFC 6749, 4.4.2, with the credentials in the body, 2.3.1).
fn client_credentials(id: &str, secret: &str, scope: Option<&str>) -> Value {
    let mut form = Map::new();
    form.insert("grant_type".to_owned(), json!("client_credentials"));
    form.insert("client_id".to_owned(), json!(id));
    form.insert("client_secret".to_owned(), json!(secret));
    if let Some(scope) = scope {
        form.insert("scope".to_owned(), json!(scope));
    }
    Value::Object(form)
}

impl Access {
    /// Credentials by `--auth` and `--second-auth`.
    fn given(&mut self, command: &Command, spec: &Spec, found: &mut Found) {
        for (place, (given, flag)) in command.auth.iter().zip(["--auth", "--second-auth"]).enumerate() {
            for (name, value) in given {
                let scheme = spec.schemes.iter().find(|(known, _)| known == name).map(|(_, scheme)| scheme);
                let Some(scheme) = scheme else {
                    let known: Vec<&str> = spec.schemes.iter().map(|(name, _)| name.as_str()).collect();
                    let hint = match known[..] {
                        [] => "it has none".to_owned(),
                        _ => format!("it has {}", known.join(", ")),
                    };
                    let message = format!("the document has no security scheme `{}`", short(name));
                    found.problem_with_hint(flag, message, hint);
                    continue;
                };
                let variable = format!("auth.{name}");
                let template = format!("{{{{{variable}}}}}");
                let (credential, value) = match scheme {
                    Scheme::Basic if value.contains("{{secret:") => {
                        let hint = "put the whole header into a secret and give it with --header";
                        found.problem_with_hint(
                            flag,
                            "a basic scheme encodes its value, and a secret is not seen",
                            hint,
                        );
                        continue;
                    }
                    Scheme::Basic => {
                        let header = "Authorization".to_owned();
                        let credential = Credential {
                            place: Place::Header,
                            name: header,
                            value: format!("Basic {template}"),
                        };
                        (credential, BASE64_STANDARD.encode(value))
                    }
                    Scheme::ApiKey { place, name } => {
                        let place = match place {
                            openapi::Place::Query => Place::Query,
                            openapi::Place::Cookie => Place::Cookie,
                            openapi::Place::Header | openapi::Place::Path => Place::Header,
                        };
                        (Credential { place, name: name.clone(), value: template }, value.clone())
                    }
                    Scheme::ClientCredentials { token_url } if client(value).is_some() => {
                        if let Some((id, secret)) = client(value) {
                            self.token_body = Some(client_credentials(id, secret, None));
                            self.token_path = Some(token_url.clone());
                        }
                        (bearer("{{token}}"), String::new())
                    }
                    _ => (bearer(&template), value.clone()),
                };
                if !self.schemes.iter().any(|(known, _)| known == name) {
                    self.schemes.push((name.clone(), credential));
                }
                while self.callers.len() <= place {
                    self.callers.push(Vec::new());
                }
                if let Some(caller) = self.callers.get_mut(place) {
                    caller.push((variable, value));
                }
            }
        }
    }

    /// The credential for a scheme of the document.
    pub(crate) fn scheme(&self, name: &str, scheme: Option<&Scheme>) -> Option<Credential> {
        if let Some((_, credential)) = self.schemes.iter().find(|(known, _)| known == name) {
            return Some(credential.clone());
        }
        let takes_tokens =
            matches!(scheme, Some(Scheme::Bearer | Scheme::ClientCredentials { .. } | Scheme::Other(_)));
        self.credential.clone().filter(|credential| takes_tokens || !credential.value.starts_with("Bearer"))
    }

    /// The session, whose operations are added to those that are known.
    pub(crate) fn session(
        &self,
        operations: &mut Vec<Operation>,
        spec: &[Operation],
        found: &mut Found,
    ) -> Option<Session> {
        let path = self.token_path.as_deref()?;
        let known = |path: &str, operations: &[Operation]| {
            let fits = |one: &&Operation| one.method == "POST" && same_path(&one.path, path);
            operations.iter().find(fits).or_else(|| spec.iter().find(fits)).cloned()
        };
        let token = match (&self.token_body, known(path, operations)) {
            (Some(form), _) => token_endpoint(path, Some((FORM.to_owned(), form.clone()))),
            (None, Some(operation)) => of_account(&operation),
            (None, None) => token_endpoint(path, None),
        };
        let needs_account = self.token_body.is_none() && self.users.is_empty();
        let register = match &self.register_path {
            Some(path) => {
                Some(known(path, operations).map_or_else(|| of_register(path), |one| of_account(&one)))
            }
            None => {
                let makes = |one: &&Operation| purpose(&one.method, &one.path) == Purpose::Register;
                operations.iter().find(makes).or_else(|| spec.iter().find(makes)).map(of_account)
            }
        };
        if needs_account && register.is_none() {
            let hint = "give accounts with --account or --accounts-file, or where they are made with --register-endpoint";
            found.problem_with_hint(
                "",
                format!("nobody could log in at {path}: there are no accounts"),
                hint,
            );
        }
        let mut add = |operation: Operation| {
            operations.push(operation);
            operations.len() - 1
        };
        let register = register.filter(|_| needs_account).map(&mut add);
        Some(Session { register, token: Some(add(token)), users: self.users.clone() })
    }
}

/// The request that makes an account at a path of which nothing else is known.
fn of_register(path: &str) -> Operation {
    let fields = json!({ "username": "{{username}}", "email": "{{email}}", "password": "{{password}}" });
    token_endpoint(path, Some(("application/json".to_owned(), fields)))
}

/// `ID:SECRET`, each of which may be the name of a secret.
fn client(value: &str) -> Option<(&str, &str)> {
    let end = if value.starts_with("{{") { value.find("}}")? + 2 } else { value.find(':')? };
    let (id, rest) = (value.get(..end)?, value.get(end..)?);
    Some((id, rest.strip_prefix(':')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_and_its_secret_are_told_apart() {
        for (value, expected) in [
            ("id:secret", Some(("id", "secret"))),
            ("{{secret:i}}:{{secret:s}}", Some(("{{secret:i}}", "{{secret:s}}"))),
            ("{{secret:token}}", None),
            ("token", None),
        ] {
            assert_eq!(client(value), expected, "{value}");
        }
    }
}
