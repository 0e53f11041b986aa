/* A small archive in a database: fetches a file by its URL, keeps it compressed, and reads it back.
   usage: archive URL DATABASE FILE.gz

   Written for zlib, SQLite and libcurl and for nothing else: the tests link it with these, and once
   more with the functions that `cosmos gen c` makes of their packs. */
#include <curl/curl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct buffer {
    unsigned char *bytes;
    size_t size;
    int calls;
};

static void fail(const char *where, const char *why)
{
    fprintf(stderr, "%s: %s\n", where, why);
    exit(1);
}

static size_t received(char *data, size_t size, size_t count, void *cookie)
{
    struct buffer *into = cookie;
    size_t more = size * count;

    into->bytes = realloc(into->bytes, into->size + more + 1);
    if (into->bytes == NULL)
        return 0;
    memcpy(into->bytes + into->size, data, more);
    into->size += more;
    into->calls++;
    return more;
}

/* Fetches with a callback for the data. */
static struct buffer fetch(const char *url)
{
    struct buffer fetched = { NULL, 0, 0 };
    CURL *curl = curl_easy_init();
    CURLcode code;
    curl_off_t size = -1;
    char *effective = NULL;
    char *escaped;

    if (curl == NULL)
        fail("curl_easy_init", "no handle");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, received);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)&fetched);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        fail("curl_easy_perform", curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &size);
    curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &effective);
    printf("fetched %ld bytes, the URL is %s, in pieces: %d\n", (long)size,
        effective != NULL && strcmp(effective, url) == 0 ? "the same" : "another", fetched.calls > 0);
    escaped = curl_easy_escape(curl, "a b&c", 0);
    printf("escaped: %s\n", escaped);
    curl_free(escaped);
    curl_easy_setopt(curl, CURLOPT_URL, "file:///no/such/file");
    code = curl_easy_perform(curl);
    printf("a file that is not there: %d, %s\n", (int)code, curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    return fetched;
}

/* Compresses through a small window, so that one stream takes many calls. */
static struct buffer squeeze(struct buffer from)
{
    struct buffer to = { malloc(from.size + 100), 0, 0 };
    unsigned char window[512];
    z_stream stream;
    int code;

    memset(&stream, 0, sizeof stream);
    if (deflateInit(&stream, Z_BEST_COMPRESSION) != Z_OK)
        fail("deflateInit", "failed");
    stream.next_in = from.bytes;
    stream.avail_in = (uInt)from.size;
    do {
        stream.next_out = window;
        stream.avail_out = sizeof window;
        code = deflate(&stream, Z_FINISH);
        memcpy(to.bytes + to.size, window, sizeof window - stream.avail_out);
        to.size += sizeof window - stream.avail_out;
        to.calls++;
    } while (code == Z_OK);
    if (code != Z_STREAM_END || deflateEnd(&stream) != Z_OK)
        fail("deflate", "failed");
    printf("compressed to %lu bytes in %d calls, crc %08lx\n", (unsigned long)to.size, to.calls,
        crc32(crc32(0L, Z_NULL, 0), to.bytes, (uInt)to.size));
    return to;
}

static struct buffer expand(const unsigned char *bytes, size_t size, size_t expected)
{
    struct buffer to = { malloc(expected + 1), 0, 0 };
    z_stream stream;
    int code;

    memset(&stream, 0, sizeof stream);
    if (inflateInit(&stream) != Z_OK)
        fail("inflateInit", "failed");
    stream.next_in = (Bytef *)bytes;
    stream.next_out = to.bytes;
    stream.avail_out = (uInt)expected;
    do {
        /* In small pieces. */
        stream.avail_in = size < 100 ? (uInt)size : 100;
        size -= stream.avail_in;
        code = inflate(&stream, Z_NO_FLUSH);
        to.calls++;
        size += stream.avail_in;
    } while (code == Z_OK && size > 0);
    to.size = stream.total_out;
    printf("expanded to %lu bytes in %d calls: %s\n", (unsigned long)to.size, to.calls,
        code == Z_STREAM_END ? "whole" : "broken");
    inflateEnd(&stream);
    return to;
}

static int shown(void *cookie, int columns, char **values, char **names)
{
    int *rows = cookie;
    int column;

    for (column = 0; column < columns; column++)
        printf("%s%s=%s", column > 0 ? ", " : "  ", names[column],
            values[column] != NULL ? values[column] : "NULL");
    puts("");
    ++*rows;
    return 0;
}

static void must(sqlite3 *db, int code, const char *where)
{
    if (code != SQLITE_OK)
        fail(where, sqlite3_errmsg(db));
}

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    int rows = 0;

    if (sqlite3_exec(db, sql, shown, &rows, &message) != SQLITE_OK) {
        printf("refused: %s\n", message);
        sqlite3_free(message);
    }
    printf("%d rows\n", rows);
}

static void keep(sqlite3 *db, const char *name, struct buffer squeezed, size_t size)
{
    sqlite3_stmt *insert = NULL;
    const char *tail = NULL;
    const char *sql = "INSERT INTO file(name, size, bytes) VALUES (?1, ?2, ?3); SELECT 1";

    must(db, sqlite3_prepare_v2(db, sql, -1, &insert, &tail), "prepare");
    printf("after the first statement:%s\n", tail);
    must(db, sqlite3_bind_text(insert, 1, name, (int)strlen(name), SQLITE_TRANSIENT), "bind_text");
    must(db, sqlite3_bind_int64(insert, 2, (sqlite3_int64)size), "bind_int64");
    must(db, sqlite3_bind_blob(insert, 3, squeezed.bytes, (int)squeezed.size, SQLITE_STATIC), "bind_blob");
    if (sqlite3_step(insert) != SQLITE_DONE)
        fail("step", sqlite3_errmsg(db));
    printf("kept as row %ld\n", (long)sqlite3_last_insert_rowid(db));
    must(db, sqlite3_finalize(insert), "finalize");
}

/* Reads the blob back; the pointer is good until the statement goes on. */
static int restore(sqlite3 *db, struct buffer original)
{
    sqlite3_stmt *select = NULL;
    int same = 1;

    must(db, sqlite3_prepare_v2(db, "SELECT name, size, bytes, NULL FROM file ORDER BY name", -1, &select, NULL),
        "prepare");
    while (sqlite3_step(select) == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(select, 2);
        int bytes = sqlite3_column_bytes(select, 2);
        size_t size = (size_t)sqlite3_column_int64(select, 1);
        unsigned char *copy = malloc((size_t)bytes);
        struct buffer back;

        memcpy(copy, blob, (size_t)bytes);
        printf("%s: %s of %d bytes, type %d\n", (const char *)sqlite3_column_text(select, 0),
            sqlite3_column_name(select, 2), bytes, sqlite3_column_type(select, 3));
        back = expand(copy, (size_t)bytes, size);
        same = same && back.size == original.size && memcmp(back.bytes, original.bytes, back.size) == 0;
        free(back.bytes);
        free(copy);
    }
    must(db, sqlite3_finalize(select), "finalize");
    return same;
}

/* Writes and reads a file of zlib's own format. */
static void write_gz(const char *path, struct buffer from)
{
    gzFile file = gzopen(path, "wb9");
    char line[64];
    int error = 0;

    if (file == NULL)
        fail("gzopen", path);
    gzprintf(file, "%d bytes, %s\n", (int)from.size, "as text");
    gzwrite(file, from.bytes, (unsigned)from.size);
    if (gzclose(file) != Z_OK)
        fail("gzclose", path);
    file = gzopen(path, "rb");
    if (file == NULL || gzgets(file, line, sizeof line) == NULL)
        fail("gzgets", path);
    printf("first line: %s", line);
    printf("then %d, at %ld, error \"%s\"\n", gzgetc(file), (long)gztell(file), gzerror(file, &error));
    gzclose(file);
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    struct buffer fetched, squeezed;
    char *message;
    int same;

    if (argc != 4)
        fail(argv[0], "usage: archive URL DATABASE FILE.gz");
    fetched = fetch(argv[1]);
    squeezed = squeeze(fetched);
    must(db, sqlite3_open(argv[2], &db), "open");
    run(db, "CREATE TABLE file(name TEXT PRIMARY KEY, size INTEGER, bytes BLOB)");
    keep(db, "one", squeezed, fetched.size);
    keep(db, "two", squeezed, fetched.size);
    run(db, "SELECT name, size, length(bytes) AS kept, NULL AS missing FROM file ORDER BY name");
    run(db, "SELECT * FROM absent");
    same = restore(db, fetched);
    message = sqlite3_mprintf("%s: %d of %.1f", "formatted", 7, 2.5);
    puts(message);
    sqlite3_free(message);
    must(db, sqlite3_close(db), "close");
    write_gz(argv[3], fetched);
    free(fetched.bytes);
    free(squeezed.bytes);
    puts(same ? "the same again" : "another");
    return !same;
}
