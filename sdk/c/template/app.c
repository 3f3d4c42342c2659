/* Loads one URL. */

#include <stdlib.h>

#include "stresshost.h"

static sh_prepared_t request;
static uint32_t answered;

static bool start(uint64_t vu, const char *shared) {
    (void)vu;
    char *url = sh_get(shared, "/url");
    bool is_ready = sh_prepare(&(sh_request_t){.name = "GET", .url = url}, &request) &&
                    sh_check("the target answered", &answered);
    free(url);
    return is_ready;
}

static bool iterate(uint32_t scenario, uint64_t number) {
    (void)scenario;
    (void)number;
    sh_answer_t answer = sh_fire(request);
    sh_mark(answered, sh_ok(answer));
    return true;
}

const sh_workload_t sh_workload = {
    .name = "__NAME__",
    .version = "0.1.0",
    .summary = "Loads one URL",
    .start = start,
    .iterate = iterate,
};
