/**
 * Write StressHost workloads in C.
 *
 * Define `sh_workload` and the functions it names; `stresshost.c`, `json.c` and `bindings/workload.c` do the rest. One instance of
 * the component is one virtual user, so its globals are that user's state.
 *
 * Functions that return `bool` return false when the host refuses; the reason then stands as the call's failure (see
 * `sh_fail`), so `return false` passes it on. Texts that are returned belong to the caller: `free` them.
 *
 * What is not here, such as `sql`, `redis` and `tcp`, is called through `bindings/workload.h`.
 */
#ifndef STRESSHOST_H
#define STRESSHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SH_SDK "stresshost-c/0.1.0"

/** A workload. Only `iterate` must be there; absent functions have the defaults said. */
typedef struct {
    /** Lower-case letters, digits and hyphens. */
    const char *name;
    /** Semantic version; "0.1.0" when absent. */
    const char *version;
    /** One line for listings and `--help`. */
    const char *summary;
    /** The whole descriptor as JSON. Default: a URL and the load flags. */
    char *(*describe)(void);
    /** A plan as JSON (schema `stresshost.plan/1`) of the plan input, or NULL after `sh_problem`. Default: one scenario,
     *  `main`, with the load of the flags and the workload `{"url": URL}`. */
    char *(*plan)(const char *input);
    /** Runs once before the load; what it returns, as JSON, goes to every virtual user; NULL after `sh_fail`.
     *  Default: the plan's workload. */
    char *(*setup)(const char *context);
    /** Begins a virtual user: the place to prepare requests and register checks. */
    bool (*start)(uint64_t vu, const char *shared);
    /** Does one iteration. false after `sh_fail`: it did not reach its aim. */
    bool (*iterate)(uint32_t scenario, uint64_t number);
    /** Runs after the virtual user's last iteration. */
    void (*finish)(void);
    /** Runs once after the load, with what `setup` returned. */
    bool (*teardown)(const char *shared);
    /** An analysis as JSON (schema `stresshost.analysis/1`) of the summary. Default: nothing to say. */
    char *(*analyze)(const char *summary);
} sh_workload_t;

/** The workload of this component. */
extern const sh_workload_t sh_workload;

/** Says why the call at hand fails, for people; `code` is short and stable, for grouping. Returns false. */
bool sh_fail(const char *code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Adds a problem of the user's input, within `plan`. `path` is a flag or a JSON pointer into the config. */
void sh_problem(const char *path, const char *message);

/** A text made as by `printf`. */
char *sh_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* === JSON === */

/** The value at a JSON pointer in a document: a string's characters, any other value as JSON. NULL: no such value. */
char *sh_get(const char *json, const char *pointer);

/** The number at a JSON pointer, or `otherwise`. */
double sh_number(const char *json, const char *pointer, double otherwise);

/** A text as a JSON string, quotes included. */
char *sh_quoted(const char *text);

/* === HTTP === */

/** A request to prepare. Lists end with NULL. `{{slot}}` in URL, header values and body is replaced on each fire. */
typedef struct {
    /** What reports call the operation, such as `GET /products/{id}`. Keep what varies out of it. */
    const char *name;
    /** `GET` when absent. */
    const char *method;
    const char *url;
    /** Names and values in turn. */
    const char *const *headers;
    const char *body;
    /** Names of the slots, in the order `sh_fire_with` gives their values. */
    const char *const *slots;
    /** Names and values in turn: `expect-status`, `timeout-ms`, `follow-redirects`, ... */
    const char *const *options;
} sh_request_t;

/** A request the host has compiled; good for the virtual user's life. */
typedef uint32_t sh_prepared_t;

/** What came of a request. Its body and headers are gone with the next fire or at the iteration's end. */
typedef uint64_t sh_answer_t;

/** Has the host compile a request. */
bool sh_prepare(const sh_request_t *request, sh_prepared_t *prepared);
/** Sends a request without slots and waits for the whole response. */
sh_answer_t sh_fire(sh_prepared_t prepared);
/** Sends a request with the values of its slots. */
sh_answer_t sh_fire_with(sh_prepared_t prepared, const char *const *values, size_t count);
/** Whether the whole response arrived with an expected status. */
bool sh_ok(sh_answer_t answer);
/** HTTP status; 0 when none was received. */
unsigned sh_status(sh_answer_t answer);
/** Name of the error, such as `timeout`; empty when the request succeeded. */
char *sh_error(sh_answer_t answer);
/** First value of a header, by its name in any case. NULL: none. */
char *sh_header(sh_answer_t answer, const char *name);
/** The value at a JSON pointer in the body. NULL: none. */
char *sh_json(sh_answer_t answer, const char *pointer);
/** The body and its length; a 0 byte follows it. NULL: the host did not keep it. */
char *sh_body(sh_answer_t answer, size_t *length);
/** Service time in microseconds. */
uint64_t sh_duration_us(sh_answer_t answer);

/* === Checks, metrics, findings === */

/** Registers a check, or finds it. */
bool sh_check(const char *name, uint32_t *check);
/** Counts one outcome. */
void sh_mark(uint32_t check, bool passed);
/** Registers a metric, or finds it. Kinds: `counter`, `gauge`, `rate`, `distribution`. */
bool sh_metric(const char *name, const char *kind, const char *unit, uint32_t *metric);
/** Records a value. */
void sh_add(uint32_t metric, double value);
/** Reports a finding; `severity` is `info`, `low`, `medium`, `high` or `critical`. */
bool sh_finding(const char *rule, const char *severity, const char *message, const char *location);

/* === Data, random numbers, waiting, messages, files === */

/** Opens a feed of the plan. */
bool sh_feed(const char *name, uint32_t *feed);
/** The cell of the next row for this virtual user at a column's index. NULL: the feed is used up. */
char *sh_next(uint32_t feed, size_t column);
/** A uniform 64-bit number of this virtual user's own stream, which the run's seed reproduces. */
uint64_t sh_random(void);
/** A uniform number from 0 up to but not including `bound`. */
uint64_t sh_below(uint64_t bound);
/** Waits. The next request is intended for the end of the wait. */
void sh_sleep_us(uint64_t duration_us);
/** Writes a message. Levels: `error`, `warn`, `info`, `debug`. */
void sh_log(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Writes a file into the run directory. */
bool sh_artifact(const char *name, const void *bytes, size_t length);

#endif
