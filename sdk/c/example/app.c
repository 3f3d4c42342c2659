/* Looks at the shop's products, opens one of them and checks it. */

#include <stdlib.h>

#include "stresshost.h"

static sh_prepared_t list, detail, login;
static uint32_t named, prices;

static bool start(uint64_t vu, const char *shared) {
    (void)vu;
    char *url = sh_get(shared, "/url");
    char *list_url = sh_text("%s/products?per_page=20", url);
    char *detail_url = sh_text("%s/products/{{id}}", url);
    char *login_url = sh_text("%s/auth/token", url);
    bool is_ready =
        sh_prepare(&(sh_request_t){.name = "GET /products", .url = list_url}, &list) &&
        sh_prepare(&(sh_request_t){.name = "GET /products/{id}",
                                   .url = detail_url,
                                   .slots = (const char *const[]){"id", NULL}},
                   &detail) &&
        sh_prepare(&(sh_request_t){.name = "POST /auth/token",
                                   .method = "POST",
                                   .url = login_url,
                                   .headers = (const char *const[]){"content-type", "application/json", NULL},
                                   .body = "{\"username\":\"nobody\",\"password\":\"wrong\"}",
                                   .options = (const char *const[]){"expect-status", "401", NULL}},
                   &login) &&
        sh_check("the product has a name", &named) && sh_metric("price", "distribution", "cents", &prices);
    free(url);
    free(list_url);
    free(detail_url);
    free(login_url);
    return is_ready;
}

static bool iterate(uint32_t scenario, uint64_t number) {
    (void)scenario;
    (void)number;
    sh_answer_t products = sh_fire(list);
    if (!sh_ok(products)) return sh_fail("request", "the list was not answered");
    char *pointer = sh_text("/items/%u/id", (unsigned)sh_below(20));
    char *id = sh_json(products, pointer);
    free(pointer);
    if (!id) return sh_fail("extract", "the list holds no such product");
    sh_answer_t product = sh_fire_with(detail, (const char *const[]){id}, 1);
    free(id);
    char *name = sh_json(product, "/name");
    char *price = sh_json(product, "/price_cents");
    char *cached = sh_header(product, "x-cache");
    sh_mark(named, name && *name);
    sh_add(prices, price ? atof(price) : 0);
    bool is_reported = cached || sh_finding("uncached", "low", "products are not cached", "GET /products/{id}");
    free(name);
    free(price);
    free(cached);
    sh_fire(login);
    return is_reported;
}

const sh_workload_t sh_workload = {
    .name = "shopper",
    .summary = "Lists products, opens one, and tries to log in",
    .start = start,
    .iterate = iterate,
};
