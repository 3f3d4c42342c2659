#include "stresshost.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/workload.h"

/** Part of the generated bindings' check that a component's type is linked in: here `stresshost plugin build` adds it. */
void __component_type_object_force_link_workload(void) {}

static char *failure_code;
static char *failure_message;
static char *problems;

/* === Texts === */

static char *copied(const char *text, size_t length) {
    char *copy = malloc(length + 1);
    if (!copy) abort();
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

static char *formatted(const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = malloc((size_t)length + 1);
    if (!text) abort();
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *sh_text(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = formatted(format, args);
    va_end(args);
    return text;
}

/** What the host reads during a call. */
static workload_string_t lent(const char *text) {
    return (workload_string_t){.ptr = (uint8_t *)(text ? text : ""), .len = text ? strlen(text) : 0};
}

/** What the host frees: a text that was allocated. */
static workload_string_t given(char *text) {
    return (workload_string_t){.ptr = (uint8_t *)text, .len = strlen(text)};
}

/** A text from the host, which then is the caller's. */
static char *taken(workload_string_t *text) {
    char *copy = copied((const char *)text->ptr, text->len);
    workload_string_free(text);
    return copy;
}

bool sh_fail(const char *code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *message = formatted(format, args);
    va_end(args);
    free(failure_code);
    free(failure_message);
    failure_code = copied(code, strlen(code));
    failure_message = message;
    return false;
}

/** A refusal of the host becomes the call's failure. */
static bool refused(const char *what, const char *name, workload_string_t *error) {
    char *reason = taken(error);
    sh_fail("setup", "%s `%s`: %s", what, name, reason);
    free(reason);
    return false;
}

/* === HTTP === */

static size_t list_length(const char *const *list) {
    size_t length = 0;
    while (list && list[length]) length++;
    return length;
}

static workload_list_tuple2_string_string_t pairs(const char *const *list) {
    size_t count = list_length(list) / 2;
    workload_tuple2_string_string_t *pairs = calloc(count ? count : 1, sizeof *pairs);
    if (!pairs) abort();
    for (size_t index = 0; index < count; index++) {
        pairs[index].f0 = lent(list[2 * index]);
        pairs[index].f1 = lent(list[2 * index + 1]);
    }
    return (workload_list_tuple2_string_string_t){.ptr = pairs, .len = count};
}

static workload_list_string_t strings(const char *const *list, size_t count) {
    workload_string_t *strings = calloc(count ? count : 1, sizeof *strings);
    if (!strings) abort();
    for (size_t index = 0; index < count; index++) strings[index] = lent(list[index]);
    return (workload_list_string_t){.ptr = strings, .len = count};
}

bool sh_prepare(const sh_request_t *from, sh_prepared_t *prepared) {
    stresshost_workload_http_request_t request = {
        .name = lent(from->name),
        .method = lent(from->method ? from->method : "GET"),
        .url = lent(from->url),
        .headers = pairs(from->headers),
        .body = {.is_some = from->body != NULL},
        .slots = strings(from->slots, list_length(from->slots)),
        .options = pairs(from->options),
    };
    if (from->body) {
        request.body.val.ptr = (uint8_t *)from->body;
        request.body.val.len = strlen(from->body);
    }
    workload_string_t error;
    bool is_prepared = stresshost_workload_http_prepare(&request, prepared, &error);
    free(request.headers.ptr);
    free(request.slots.ptr);
    free(request.options.ptr);
    return is_prepared || refused("request", from->name, &error);
}

sh_answer_t sh_fire(sh_prepared_t prepared) {
    return stresshost_workload_http_fire(prepared);
}

sh_answer_t sh_fire_with(sh_prepared_t prepared, const char *const *values, size_t count) {
    workload_list_string_t list = strings(values, count);
    sh_answer_t answer = stresshost_workload_http_fire_with(prepared, &list);
    free(list.ptr);
    return answer;
}

bool sh_ok(sh_answer_t answer) {
    return answer >> 48 == 0;
}

unsigned sh_status(sh_answer_t answer) {
    return (unsigned)(answer >> 32 & 0xffff);
}

char *sh_error(sh_answer_t answer) {
    workload_string_t name;
    stresshost_workload_http_error_name((uint32_t)(answer >> 48), &name);
    return taken(&name);
}

char *sh_header(sh_answer_t answer, const char *name) {
    workload_string_t wanted = lent(name), value;
    return stresshost_workload_http_header((uint32_t)answer, &wanted, &value) ? taken(&value) : NULL;
}

char *sh_json(sh_answer_t answer, const char *pointer) {
    workload_string_t wanted = lent(pointer), value;
    return stresshost_workload_http_json((uint32_t)answer, &wanted, &value) ? taken(&value) : NULL;
}

char *sh_body(sh_answer_t answer, size_t *length) {
    workload_list_u8_t body;
    workload_string_t error;
    if (!stresshost_workload_http_body((uint32_t)answer, &body, &error)) {
        workload_string_free(&error);
        return NULL;
    }
    char *copy = copied((const char *)body.ptr, body.len);
    *length = body.len;
    workload_list_u8_free(&body);
    return copy;
}

uint64_t sh_duration_us(sh_answer_t answer) {
    return stresshost_workload_http_duration_us((uint32_t)answer);
}

/* === Checks, metrics, findings === */

bool sh_check(const char *name, uint32_t *check) {
    workload_string_t wanted = lent(name), error;
    return stresshost_workload_checks_register(&wanted, check, &error) || refused("check", name, &error);
}

void sh_mark(uint32_t check, bool passed) {
    stresshost_workload_checks_mark(check, passed);
}

bool sh_metric(const char *name, const char *kind, const char *unit, uint32_t *metric) {
    workload_string_t wanted = lent(name), of = lent(kind), in = lent(unit), error;
    return stresshost_workload_metrics_register(&wanted, &of, &in, metric, &error) || refused("metric", name, &error);
}

void sh_add(uint32_t metric, double value) {
    stresshost_workload_metrics_add(metric, value);
}

bool sh_finding(const char *rule, const char *severity, const char *message, const char *location) {
    char *parts[] = {sh_quoted(rule), sh_quoted(severity), sh_quoted(message), sh_quoted(location ? location : "")};
    char *finding = sh_text("{\"rule\":%s,\"severity\":%s,\"message\":%s,\"location\":%s}", parts[0], parts[1], parts[2],
                            parts[3]);
    for (size_t index = 0; index < 4; index++) free(parts[index]);
    workload_string_t document = lent(finding), error;
    bool is_reported = stresshost_workload_findings_report(&document, &error);
    free(finding);
    return is_reported || refused("finding", rule, &error);
}

/* === Data, random numbers, waiting, messages, files === */

bool sh_feed(const char *name, uint32_t *feed) {
    workload_string_t wanted = lent(name), error;
    return stresshost_workload_data_open(&wanted, feed, &error) || refused("feed", name, &error);
}

char *sh_next(uint32_t feed, size_t column) {
    workload_list_string_t row;
    if (!stresshost_workload_data_next(feed, &row)) return NULL;
    char *cell = column < row.len ? copied((const char *)row.ptr[column].ptr, row.ptr[column].len) : NULL;
    workload_list_string_free(&row);
    return cell;
}

uint64_t sh_random(void) {
    return stresshost_workload_random_next();
}

uint64_t sh_below(uint64_t bound) {
    return stresshost_workload_random_below(bound);
}

void sh_sleep_us(uint64_t duration_us) {
    stresshost_workload_pacing_sleep_us(duration_us);
}

void sh_log(const char *level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = formatted(format, args);
    va_end(args);
    workload_string_t of = lent(level), message = lent(text);
    stresshost_workload_log_write(&of, &message);
    free(text);
}

bool sh_artifact(const char *name, const void *bytes, size_t length) {
    workload_string_t wanted = lent(name), error;
    workload_list_u8_t content = {.ptr = (uint8_t *)bytes, .len = length};
    return stresshost_workload_artifacts_write(&wanted, &content, &error) || refused("artifact", name, &error);
}

/* === The plan of the load flags === */

static char *flag_text(const char *name, const char *kind, const char *value_name, const char *help) {
    return sh_text("{\"name\":\"%s\",\"kind\":\"%s\",\"value_name\":\"%s\",\"help\":\"%s\"}", name, kind, value_name,
                   help);
}

static char *default_descriptor(void) {
    static const char *const flags[][4] = {
        {"vus", "users", "N|auto", "Virtual users; with --rate, the most iterations in flight [default: 10]"},
        {"rate", "rate", "RATE", "Iterations per second, whatever the target does"},
        {"duration", "duration", "DURATION", "Length of the load, ramp included [default: 30s]"},
        {"ramp-up", "duration", "DURATION", "Let users or rate grow over this time"},
        {"iterations", "integer", "N", "Do this many iterations, shared by the users"},
        {"per-user", "switch", "", "Let each user do the number of --iterations"},
        {"max-duration", "duration", "DURATION", "Drop what is left of --iterations after this time [default: 10m]"},
        {"warmup", "duration", "DURATION", "Report this much of the start apart and judge without it"},
        {"graceful-stop", "duration", "DURATION", "How long iterations in flight may go on at the end [default: 30s]"},
    };
    char *list = sh_text("%s", "");
    for (size_t index = 0; index < sizeof flags / sizeof *flags; index++) {
        char *flag = flag_text(flags[index][0], flags[index][1], flags[index][2], flags[index][3]);
        char *longer = sh_text("%s%s%s", list, index ? "," : "", flag);
        free(flag);
        free(list);
        list = longer;
    }
    char *summary = sh_quoted(sh_workload.summary ? sh_workload.summary : "");
    char *descriptor = sh_text(
        "{\"schema\":\"stresshost.descriptor/1\",\"name\":\"%s\",\"version\":\"%s\",\"summary\":%s,"
        "\"positionals\":[{\"name\":\"URL\",\"help\":\"Base URL of the target\",\"required\":true,\"target\":true}],"
        "\"flags\":[%s]}",
        sh_workload.name, sh_workload.version ? sh_workload.version : "0.1.0", summary, list);
    free(summary);
    free(list);
    return descriptor;
}

static bool has(const char *input, const char *flag) {
    char *pointer = sh_text("/flags/%s", flag);
    char *value = sh_get(input, pointer);
    bool is_there = value != NULL;
    free(pointer);
    free(value);
    return is_there;
}

static void refuse_contradictions(const char *input) {
    bool counted = has(input, "iterations");
    if (counted && has(input, "rate")) sh_problem("--rate", "cannot be given with --iterations");
    if (counted && has(input, "duration")) sh_problem("--duration", "cannot be given with --iterations");
    if (counted && has(input, "ramp-up")) sh_problem("--ramp-up", "cannot be given with --iterations");
    if (!counted && has(input, "per-user")) sh_problem("--per-user", "is about --iterations, which are not given");
    if (!counted && has(input, "max-duration")) sh_problem("--max-duration", "is about --iterations, which are not given");
}

/** The executor that the flags say. */
static char *executor(const char *input) {
    double vus = sh_number(input, "/flags/vus", 10);
    if (has(input, "iterations")) {
        return sh_text("{\"type\":\"%s\",\"vus\":%.0f,\"iterations\":%.0f,\"max_duration_ms\":%.0f}",
                       has(input, "per-user") ? "per-vu-iterations" : "shared-iterations", vus,
                       sh_number(input, "/flags/iterations", 0), sh_number(input, "/flags/max-duration", 600000));
    }
    char *rate = has(input, "rate") ? sh_text("\"rate_per_s\":%.17g,", sh_number(input, "/flags/rate", 0)) : sh_text("%s", "");
    char *text = sh_text("{\"type\":\"%s\",%s\"vus\":%.0f,\"duration_ms\":%.0f,\"ramp_up_ms\":%.0f}",
                         *rate ? "constant-arrival-rate" : "constant-vus", rate, vus,
                         sh_number(input, "/flags/duration", 30000), sh_number(input, "/flags/ramp-up", 0));
    free(rate);
    return text;
}

static char *default_plan(const char *input) {
    refuse_contradictions(input);
    if (problems) return NULL;
    char *url = sh_get(input, "/args/0");
    for (size_t length = url ? strlen(url) : 0; length > 0 && url[length - 1] == '/'; length--) url[length - 1] = 0;
    char *quoted = sh_quoted(url ? url : "");
    char *load = executor(input);
    char *plan = sh_text(
        "{\"schema\":\"stresshost.plan/1\",\"name\":\"%s\",\"scenarios\":[{\"name\":\"main\",\"executor\":%s}],"
        "\"workload\":{\"url\":%s},\"warmup_ms\":%.0f,\"graceful_stop_ms\":%.0f}",
        sh_workload.name, load, quoted, sh_number(input, "/flags/warmup", 0),
        sh_number(input, "/flags/graceful-stop", 30000));
    free(url);
    free(quoted);
    free(load);
    return plan;
}

void sh_problem(const char *path, const char *message) {
    char *where = sh_quoted(path), *what = sh_quoted(message);
    char *longer = sh_text("%s%s{\"path\":%s,\"message\":%s}", problems ? problems : "", problems ? "," : "", where, what);
    free(problems);
    free(where);
    free(what);
    problems = longer;
}

/* === What the host calls === */

static void give_failure(exports_stresshost_workload_guest_failure_t *failure) {
    failure->code = given(failure_code ? failure_code : copied("failed", 6));
    failure->message = given(failure_message ? failure_message : copied("the workload told no reason", 27));
    failure_code = failure_message = NULL;
}

void exports_stresshost_workload_guest_describe(workload_string_t *ret) {
    *ret = given(sh_workload.describe ? sh_workload.describe() : default_descriptor());
}

bool exports_stresshost_workload_guest_plan(workload_string_t *input, workload_string_t *ret, workload_string_t *err) {
    char *text = taken(input);
    char *plan = sh_workload.plan ? sh_workload.plan(text) : default_plan(text);
    free(text);
    if (plan) {
        *ret = given(plan);
        return true;
    }
    *err = given(sh_text("[%s]", problems ? problems : ""));
    return false;
}

bool exports_stresshost_workload_guest_setup(workload_string_t *context, workload_string_t *ret,
                                             exports_stresshost_workload_guest_failure_t *err) {
    char *text = taken(context);
    char *shared = sh_workload.setup ? sh_workload.setup(text) : sh_get(text, "/workload");
    free(text);
    if (shared) {
        *ret = given(shared);
        return true;
    }
    give_failure(err);
    return false;
}

bool exports_stresshost_workload_guest_setup_phase(workload_string_t *context, workload_string_t *ret,
                                                   exports_stresshost_workload_guest_failure_t *err) {
    (void)err;
    char *text = taken(context);
    char *shared = sh_get(text, "/shared");
    free(text);
    *ret = given(shared ? shared : copied("null", 4));
    return true;
}

bool exports_stresshost_workload_guest_start(exports_stresshost_workload_guest_vu_info_t *vu, workload_string_t *shared,
                                             exports_stresshost_workload_guest_failure_t *err) {
    char *text = taken(shared);
    bool has_begun = !sh_workload.start || sh_workload.start(vu->id, text);
    free(text);
    if (!has_begun) give_failure(err);
    return has_begun;
}

bool exports_stresshost_workload_guest_iterate(exports_stresshost_workload_guest_iteration_t *it) {
    if (sh_workload.iterate(it->scenario, it->number)) return true;
    workload_string_t code = lent(failure_code ? failure_code : "failed");
    workload_string_t message = lent(failure_message ? failure_message : "the workload told no reason");
    stresshost_workload_failures_tell(&code, &message);
    return false;
}

void exports_stresshost_workload_guest_finish(void) {
    if (sh_workload.finish) sh_workload.finish();
}

bool exports_stresshost_workload_guest_teardown_phase(workload_string_t *shared,
                                                      exports_stresshost_workload_guest_failure_t *err) {
    (void)err;
    workload_string_free(shared);
    return true;
}

bool exports_stresshost_workload_guest_teardown(workload_string_t *shared,
                                                exports_stresshost_workload_guest_failure_t *err) {
    char *text = taken(shared);
    bool is_done = !sh_workload.teardown || sh_workload.teardown(text);
    free(text);
    if (!is_done) give_failure(err);
    return is_done;
}

void exports_stresshost_workload_guest_analyze(workload_string_t *summary, workload_string_t *ret) {
    char *text = taken(summary);
    *ret = given(sh_workload.analyze ? sh_workload.analyze(text) : sh_text("{\"schema\":\"stresshost.analysis/1\"}"));
    free(text);
}
