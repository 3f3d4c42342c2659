//! What databases say when a statement cannot be read.

/// Texts by system. Those about values of the wrong type are left out: a prepared statement gives them, too.
const SIGNATURES: &[(&str, &[&str])] = &[
    (
        "SQLite",
        &[
            "\": syntax error",
            "unrecognized token: \"",
            "sqlite_error",
            "sqlite3.operationalerror",
            "sqlite3::sqlexception",
            "sqlite error 1",
            "org.sqlite.sqliteexception",
        ],
    ),
    (
        "PostgreSQL",
        &[
            "unterminated quoted string at or near",
            "unterminated quoted identifier at or near",
            "syntax error at or near",
            "syntax error at end of input",
            "psycopg2.errors.syntaxerror",
            "org.postgresql.util.psqlexception",
            "pg_query():",
            "sqlstate[42601]",
        ],
    ),
    (
        "MySQL or MariaDB",
        &[
            "you have an error in your sql syntax",
            "check the manual that corresponds to your mysql",
            "check the manual that corresponds to your mariadb",
            "er_parse_error",
            "sqlstate[42000]: syntax error",
            "mysqlsyntaxerrorexception",
            "sqlsyntaxerrorexception",
        ],
    ),
    (
        "Microsoft SQL Server",
        &[
            "unclosed quotation mark after the character string",
            "incorrect syntax near",
            "quoted string not properly terminated.",
            "system.data.sqlclient.sqlexception",
            "microsoft.data.sqlclient.sqlexception",
            "odbc sql server driver",
        ],
    ),
    (
        "Oracle",
        &[
            "ora-00933",
            "ora-00936",
            "ora-01756",
            "ora-00907",
            "ora-00921",
            "ora-01740",
            "quoted string not properly terminated",
        ],
    ),
];

/// The system whose words stand in a text, and the words.
pub(super) fn found(text: &str) -> Option<(&'static str, &'static str)> {
    // JSON writes a quote with a backslash before it.
    let text = text.to_ascii_lowercase().replace("\\\"", "\"");
    SIGNATURES
        .iter()
        .find_map(|(system, signs)| Some((*system, *signs.iter().find(|sign| text.contains(*sign))?)))
}

/// Whether words of a system stand in a text.
pub(super) fn has(text: &str, system: &str) -> bool {
    found(text).is_some_and(|(found, _)| found == system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_by_their_words() {
        for (text, system) in [
            (r#"{"error":"near \"'\": syntax error"}"#, Some("SQLite")),
            (r#"unrecognized token: "'""#, Some("SQLite")),
            (r#"ERROR: unterminated quoted string at or near "'""#, Some("PostgreSQL")),
            ("You have an error in your SQL syntax; check the manual", Some("MySQL or MariaDB")),
            ("Unclosed quotation mark after the character string ''.", Some("Microsoft SQL Server")),
            ("ORA-01756: quoted string not properly terminated", Some("Oracle")),
            ("invalid input syntax for type integer: \"7'\"", None),
            ("syntax error in query", None),
            ("[]", None),
        ] {
            assert_eq!(found(text).map(|(system, _)| system), system, "{text}");
        }
    }
}
