/* Reading and writing of the JSON documents that the host hands over: one value at a time, nothing is kept. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stresshost.h"

char *sh_quoted(const char *text) {
    char *quoted = malloc(strlen(text) * 6 + 3);
    if (!quoted) abort();
    char *to = quoted;
    *to++ = '"';
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            *to++ = '\\';
            *to++ = (char)byte;
        } else if (byte < 0x20) {
            to += sprintf(to, "\\u%04x", byte);
        } else {
            *to++ = (char)byte;
        }
    }
    *to++ = '"';
    *to = 0;
    return quoted;
}

static const char *after_space(const char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++;
    return at;
}

/** Past a string that begins at its quote. */
static const char *after_string(const char *at) {
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) at++;
    }
    return *at ? at + 1 : at;
}

/** Past any value: brackets are counted, strings are passed over. */
static const char *after_value(const char *at) {
    size_t depth = 0;
    for (at = after_space(at); *at;) {
        if (*at == '"') {
            at = after_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0) return at;
            depth--;
            at++;
        } else if (depth == 0 && *at == ',') {
            return at;
        } else {
            at++;
            continue;
        }
        if (depth == 0) return at;
    }
    return at;
}

static bool is_key(const char *string, const char *key, size_t length) {
    return strncmp(string + 1, key, length) == 0 && string[1 + length] == '"';
}

/** The member or element that one step of a pointer names. NULL: none. */
static const char *step_into(const char *at, const char *step, size_t length) {
    at = after_space(at);
    if (*at != '{' && *at != '[') return NULL;
    bool is_object = *at == '{';
    unsigned long wanted = is_object ? 0 : strtoul(step, NULL, 10);
    at = after_space(at + 1);
    for (unsigned long index = 0; *at && *at != '}' && *at != ']'; index++) {
        bool found = index == wanted && !is_object;
        if (is_object) {
            found = is_key(at, step, length);
            at = after_space(after_string(at));
            if (*at == ':') at = after_space(at + 1);
        }
        if (found) return at;
        at = after_space(after_value(at));
        if (*at == ',') at = after_space(at + 1);
    }
    return NULL;
}

static const char *found(const char *json, const char *pointer) {
    const char *at = after_space(json);
    while (at && *pointer == '/') {
        const char *step = pointer + 1;
        size_t length = strcspn(step, "/");
        at = step_into(at, step, length);
        pointer = step + length;
    }
    return at && *at ? at : NULL;
}

/** A string's characters; escapes of code points past ASCII become `?`. */
static char *unquoted(const char *at) {
    const char *end = after_string(at);
    char *text = malloc((size_t)(end - at) + 1);
    if (!text) abort();
    char *to = text;
    for (at++; at < end - 1; at++) {
        if (*at != '\\') {
            *to++ = *at;
            continue;
        }
        at++;
        if (*at == 'u') {
            char digits[5] = {0};
            strncpy(digits, at + 1, 4);
            unsigned long code = strtoul(digits, NULL, 16);
            *to++ = code < 0x80 ? (char)code : '?';
            at += strlen(digits);
        } else {
            const char *escapes = "n\nt\tr\rb\bf\f";
            const char *escape = strchr("ntrbf", *at);
            *to++ = escape ? strchr(escapes, *at)[1] : *at;
        }
    }
    *to = 0;
    return text;
}

char *sh_get(const char *json, const char *pointer) {
    const char *at = found(json, pointer);
    if (!at) return NULL;
    return *at == '"' ? unquoted(at) : sh_text("%.*s", (int)(after_value(at) - at), at);
}

double sh_number(const char *json, const char *pointer, double otherwise) {
    const char *at = found(json, pointer);
    return at && strchr("-0123456789", *at) ? strtod(at, NULL) : otherwise;
}
