/*
 * sqlite_session: a session with SQLite. Compiled as it is, the library runs in another process;
 * with -DDIRECT it is linked into this one. Both print the same.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQLite's functions as this program calls them: name, result, parameters, prototype string. */
#define FUNCTIONS(F) \
    F(sqlite3_open, int, (const char *, sqlite3 **), \
      "int sqlite3_open(const char *filename, sqlite3 *__closed_by(sqlite3_close) *__out ppDb)") \
    F(sqlite3_close, int, (sqlite3 *), "int sqlite3_close(sqlite3 *__handle __consume db)") \
    F(sqlite3_exec, int, \
      (sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **), \
      "int sqlite3_exec(sqlite3 *__handle db, const char *sql," \
      " int (*callback)(void *__opaque arg, int n," \
      " char *__null_terminated *__in __counted_by(n) values," \
      " char *__null_terminated *__in __counted_by(n) names)," \
      " void *__opaque arg, char *__null_terminated __owned(sqlite3_free) *__out errmsg)") \
    F(sqlite3_errmsg, const char *, (sqlite3 *), \
      "const char *__null_terminated __borrowed_from(db) sqlite3_errmsg(sqlite3 *__handle db)") \
    F(sqlite3_prepare_v2, int, (sqlite3 *, const char *, int, sqlite3_stmt **, const char **), \
      "int sqlite3_prepare_v2(sqlite3 *__handle db, const char *__null_terminated sql, int nbyte," \
      " sqlite3_stmt *__closed_by(sqlite3_finalize) *__out stmt," \
      " const char *__alias(sql) *__out tail)") \
    F(sqlite3_bind_text, int, \
      (sqlite3_stmt *, int, const char *, int, void (*)(void *)), \
      "int sqlite3_bind_text(sqlite3_stmt *__handle stmt, int i," \
      " const char *__sized_by(n) __retained(stmt) z, int n," \
      " void (*destroy)(void *__opaque) __or_const(0, -1))") \
    F(sqlite3_bind_blob, int, \
      (sqlite3_stmt *, int, const void *, int, void (*)(void *)), \
      "int sqlite3_bind_blob(sqlite3_stmt *__handle stmt, int i," \
      " const void *__sized_by(n) __retained(stmt) z, int n," \
      " void (*destroy)(void *__opaque) __or_const(0, -1))") \
    F(sqlite3_step, int, (sqlite3_stmt *), "int sqlite3_step(sqlite3_stmt *__handle stmt)") \
    F(sqlite3_reset, int, (sqlite3_stmt *), "int sqlite3_reset(sqlite3_stmt *__handle stmt)") \
    F(sqlite3_column_text, const unsigned char *, (sqlite3_stmt *, int), \
      "const unsigned char *__null_terminated __borrowed_from(stmt)" \
      " sqlite3_column_text(sqlite3_stmt *__handle stmt, int col)") \
    F(sqlite3_column_bytes, int, (sqlite3_stmt *, int), \
      "int sqlite3_column_bytes(sqlite3_stmt *__handle stmt, int col)") \
    F(sqlite3_column_blob, const void *, (sqlite3_stmt *, int), \
      "const void *__sized_by(sqlite3_column_bytes(stmt, col)) __borrowed_from(stmt)" \
      " sqlite3_column_blob(sqlite3_stmt *__handle stmt, int col)") \
    F(sqlite3_finalize, int, (sqlite3_stmt *), \
      "int sqlite3_finalize(sqlite3_stmt *__handle __consume stmt)")

#define POINTER(name, result, parameters, prototype) result(*name) parameters;
static struct {
    FUNCTIONS(POINTER)
} sqlite;

#ifdef DIRECT
#define FREE sqlite3_free
static void open_library(void)
{
#define LINKED(name, result, parameters, prototype) sqlite.name = name;
    FUNCTIONS(LINKED)
}

static void close_library(void) {}
#else
#include <cosmos_vm.h>
/* What `__owned(sqlite3_free)` gave is a copy in this process, and sqlite3_free ran over there. */
#define FREE free

static cosmos_dl *library;

static void *function(const char *prototype)
{
    void *pointer = cosmos_dlsym(library, prototype);

    if (!pointer) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        exit(1);
    }
    return pointer;
}

static void open_library(void)
{
    cosmos_options *options = cosmos_options_new();

    /* The data base is a file of the current directory, beside which SQLite keeps a journal. */
    if (cosmos_options_grant_write(options, "."))
        exit(1);
    library = cosmos_dlopen("libsqlite3.so.0", options);
    cosmos_options_free(options);
    if (!library) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        exit(1);
    }
#define RESOLVED(name, result, parameters, prototype) \
    *(void **)&sqlite.name = function(prototype);
    FUNCTIONS(RESOLVED)
}

static void close_library(void)
{
    cosmos_dlclose(library);
}
#endif

static void check(sqlite3 *db, const char *what, int code)
{
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
        printf("%s: %d: %s\n", what, code, sqlite.sqlite3_errmsg(db));
        exit(1);
    }
}

/* A row of sqlite3_exec: called in this process, for a query that runs in the other one. */
static int print_row(void *rows, int count, char **values, char **names)
{
    int column;

    for (column = 0; column < count; column++)
        printf("%s%s=%s", column ? ", " : "  ", names[column],
               values[column] ? values[column] : "NULL");
    printf("\n");
    ++*(int *)rows;
    return 0;
}

static void insert(sqlite3 *db)
{
    static const struct {
        const char *name;
        unsigned char picture[6];
        int size;
    } planets[] = {
        {"Mercury", {0, 1, 2}, 3}, {"Venus", {255, 0, 254, 0, 253, 0}, 6}, {"Earth", {0}, 0}};
    const char *sql = "insert into planets(name, picture) values(?, ?); -- and no more";
    const char *rest = NULL;
    sqlite3_stmt *statement = NULL;
    size_t index;

    check(db, "prepare", sqlite.sqlite3_prepare_v2(db, sql, -1, &statement, &rest));
    printf("what is left of the text:%s\n", rest);
    for (index = 0; index < sizeof planets / sizeof planets[0]; index++) {
        check(db, "bind", sqlite.sqlite3_bind_text(statement, 1, planets[index].name,
                                                   (int)strlen(planets[index].name),
                                                   SQLITE_TRANSIENT));
        check(db, "bind", sqlite.sqlite3_bind_blob(statement, 2, planets[index].picture,
                                                   planets[index].size, SQLITE_STATIC));
        check(db, "step", sqlite.sqlite3_step(statement));
        check(db, "reset", sqlite.sqlite3_reset(statement));
    }
    check(db, "finalize", sqlite.sqlite3_finalize(statement));
}

static void read_back(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int code;

    check(db, "prepare",
          sqlite.sqlite3_prepare_v2(db, "select name, picture from planets order by name", -1,
                                    &statement, NULL));
    while ((code = sqlite.sqlite3_step(statement)) == SQLITE_ROW) {
        const unsigned char *name = sqlite.sqlite3_column_text(statement, 0);
        const unsigned char *picture = sqlite.sqlite3_column_blob(statement, 1);
        int size = sqlite.sqlite3_column_bytes(statement, 1), byte;

        printf("  %s:", (const char *)name);
        for (byte = 0; byte < size; byte++)
            printf(" %02x", picture[byte]);
        printf("\n");
    }
    check(db, "step", code);
    check(db, "finalize", sqlite.sqlite3_finalize(statement));
}

int main(int count, char **arguments)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    int rows = 0;

    open_library();
    check(db, "open", sqlite.sqlite3_open(count > 1 ? arguments[1] : ":memory:", &db));
    check(db, "exec", sqlite.sqlite3_exec(db, "create table planets(name text, picture blob)", NULL,
                                          NULL, NULL));
    insert(db);
    check(db, "exec",
          sqlite.sqlite3_exec(db,
                              "select name, length(picture) as bytes, null as moon from planets;"
                              "select count(*) from planets",
                              print_row, &rows, NULL));
    printf("%d rows\n", rows);
    read_back(db);
    if (sqlite.sqlite3_exec(db, "select * from comets", print_row, &rows, &message) != SQLITE_OK) {
        printf("error: %s\n", message);
        FREE(message);
    }
    check(db, "close", sqlite.sqlite3_close(db));
    close_library();
    return 0;
}
