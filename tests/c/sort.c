/* Sorts, searches and queries in another process by functions of this one.
 *
 * Compiled with nothing but cosmos_vm.h and `pkg-config --cflags --libs libcosmos`. */
#include <cosmos_vm.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*compare_function)(const void *, const void *);
typedef void (*qsort_function)(void *, size_t, size_t, compare_function);
typedef int (*row_function)(void *, int, char **, char **);
typedef int (*open_function)(const char *, void **);
typedef int (*exec_function)(void *, const char *, row_function, void *, char **);
typedef int (*close_function)(void *);

static qsort_function sort_there;
static unsigned long compared;

static int fail(const char *what)
{
    const char *why = cosmos_dlerror();
    fprintf(stderr, "%s: %s\n", what, why ? why : "no reason given");
    return 1;
}

static int by_number(const void *a, const void *b)
{
    int first = *(const int *)a, second = *(const int *)b;
    compared++;
    return (first > second) - (first < second);
}

/* Sorts its two operands' copies there once more before it compares: a call inside of a call. */
static int by_sorting(const void *a, const void *b)
{
    int pair[2];
    pair[0] = *(const int *)a;
    pair[1] = *(const int *)b;
    sort_there(pair, 2, sizeof *pair, by_number);
    return pair[0] == pair[1] ? 0 : *(const int *)a == pair[0] ? -1 : 1;
}

static int row(void *cookie, int count, char **values, char **names)
{
    int *rows = cookie;
    int column;
    ++*rows;
    for (column = 0; column < count; column++)
        printf("%s%s=%s", column ? " " : "row: ", names[column],
               values[column] ? values[column] : "NULL");
    printf("\n");
    return 0;
}

static int query(void)
{
    cosmos_dl *sqlite = cosmos_dlopen("libsqlite3.so.0", NULL);
    open_function open_database;
    exec_function execute;
    close_function close_database;
    void *database = NULL;
    char *message = NULL;
    int rows = 0;
    if (!sqlite) return fail("cosmos_dlopen");
    open_database = (open_function)cosmos_dlfunc(
        sqlite, "int sqlite3_open(const char *filename, sqlite3 *__closed_by(sqlite3_close) *__out ppDb)");
    execute = (exec_function)cosmos_dlfunc(
        sqlite, "int sqlite3_exec(sqlite3 *__handle db, const char *sql,"
                " int (*callback)(void *__opaque arg, int n,"
                " char *__null_terminated *__in __counted_by(n) values,"
                " char *__null_terminated *__in __counted_by(n) names),"
                " void *__opaque arg, char *__null_terminated __owned(sqlite3_free) *__out errmsg)");
    close_database = (close_function)cosmos_dlfunc(
        sqlite, "int sqlite3_close(sqlite3 *__consume db)");
    if (!open_database || !execute || !close_database) return fail("cosmos_dlfunc");
    if (open_database(":memory:", &database) != 0) return fail("sqlite3_open");
    if (execute(database, "select 1 as one, null as none union select 2, 'two'", row, &rows,
                &message) != 0)
        return fail("sqlite3_exec");
    if (execute(database, "select from nowhere", row, &rows, &message) == 0 || !message)
        return fail("an error of sqlite3_exec");
    printf("sqlite says: %s\n", message);
    free(message);
    printf("%d rows\n", rows);
    return close_database(database) != 0 || cosmos_dlclose(sqlite) != 0;
}

int main(void)
{
    enum { COUNT = 500 };
    int numbers[COUNT], index;
    cosmos_dl *c = cosmos_dlopen("libc.so.6", NULL);
    cosmos_options *few = cosmos_options_new();
    if (!c || !few) return fail("cosmos_dlopen");
    sort_there = (qsort_function)cosmos_dlfunc(
        c, "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,"
           " int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))");
    if (!sort_there) return fail("cosmos_dlfunc");

    for (index = 0; index < COUNT; index++) numbers[index] = (index * 7919) % COUNT;
    sort_there(numbers, COUNT, sizeof *numbers, by_number);
    for (index = 0; index < COUNT; index++)
        if (numbers[index] != index) return fail("sorted");
    printf("sorted %d by %s\n", COUNT, compared > COUNT ? "many calls back" : "too few");

    for (index = 0; index < 20; index++) numbers[index] = (index * 7) % 20;
    sort_there(numbers, 20, sizeof *numbers, by_sorting);
    for (index = 0; index < 20; index++)
        if (numbers[index] != index) return fail("sorted by sorting");
    printf("sorted 20 by sorting\n");

    /* One call may be bounded: then it fails, and says so. */
    if (cosmos_options_set_callbacks(few, 3) != 0) return fail("cosmos_options_set_callbacks");
    {
        cosmos_dl *bounded = cosmos_dlopen("libc.so.6", few);
        qsort_function sort_little;
        if (!bounded) return fail("cosmos_dlopen");
        sort_little = (qsort_function)cosmos_dlfunc(
            bounded, "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb,"
                     " size_t size, int (*compar)(const void *__sized_by(size) a,"
                     " const void *__sized_by(size) b))");
        if (!sort_little) return fail("cosmos_dlfunc");
        cosmos_error_clear();
        sort_little(numbers, 20, sizeof *numbers, by_number);
        printf("bounded: %s\n", cosmos_error() == COSMOS_ERROR_LIMIT_REACHED && errno == EAGAIN
                                     ? "said so" : "nothing was said");
        cosmos_dlclose(bounded);
    }
    cosmos_options_free(few);
    if (cosmos_dlclose(c) != 0) return fail("cosmos_dlclose");
    return query();
}
