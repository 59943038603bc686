/*
 * Public functions, all of them.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct area *const areas[] = { &faults_graph, &faults_plan, &faults_bind, &faults_backend, &faults_cache, &faults_pool,
                                     &faults_heap,  &faults_host, NULL };

static bool has_row(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; areas[i]; i++)
        for (size_t j = 0; j < areas[i]->n_rows; j++)
            for (const char *at = areas[i]->rows[j].functions; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
                if (strncmp(at, name, len) == 0 && (at[len] == 0 || at[len] == ' '))
                    return true;
    return false;
}

/* A new one fails this test until somebody says what it asks for, and how it is looked at. */
Test(faults, every_public_function_has_a_row)
{
    char path[4096], name[128];
    struct test_text missing = { 0 };
    struct ga_sink sink = test_sink(&missing);
    cr_assert_not_null(getenv("GGML_ALLOC_TESTS"));
    snprintf(path, sizeof path, "%s/data/symbols.txt", getenv("GGML_ALLOC_TESTS"));
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    unsigned n = 0;
    for (; fscanf(file, "%127s", name) == 1; n++)
        if (!has_row(name))
            cr_assert(sink.write(sink.user, name, strlen(name)) && sink.write(sink.user, " ", 1));
    fclose(file);
    cr_assert_gt(n, 250);
    cr_assert_eq(missing.len, 0, "without a row: %s", missing.text);
    printf("# %u public functions, each in a row\n", n);
    fflush(stdout);
}
