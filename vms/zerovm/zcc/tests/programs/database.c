/* SQLite over channels: a file system of its own has each channel with random access as a file, and
   files in memory for journals. The same statements natively, over files of the host. */
#include "sqlite3.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __ZVM__
#include <fcntl.h>
#include <unistd.h>

typedef struct {
  sqlite3_file base;
  int descriptor, removed;
  char name[64];
} channel_file;

static int f_close(sqlite3_file *f) {
  channel_file *file = (channel_file *)f;
  if (file->removed)
    unlink(file->name);
  return close(file->descriptor) ? SQLITE_IOERR_CLOSE : SQLITE_OK;
}
static int f_read(sqlite3_file *f, void *to, int size, sqlite3_int64 offset) {
  ssize_t got = pread(((channel_file *)f)->descriptor, to, size, offset);
  if (got < 0)
    return SQLITE_IOERR_READ;
  memset((char *)to + got, 0, size - got);
  return got == size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}
static int f_write(sqlite3_file *f, const void *from, int size, sqlite3_int64 offset) {
  return pwrite(((channel_file *)f)->descriptor, from, size, offset) == size ? SQLITE_OK : SQLITE_IOERR_WRITE;
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 size) {
  ftruncate(((channel_file *)f)->descriptor, size); /* a channel keeps its size */
  return SQLITE_OK;
}
static int f_sync(sqlite3_file *f, int flags) { return SQLITE_OK; }
static int f_size(sqlite3_file *f, sqlite3_int64 *size) {
  *size = lseek(((channel_file *)f)->descriptor, 0, SEEK_END);
  return SQLITE_OK;
}
static int f_lock(sqlite3_file *f, int level) { return SQLITE_OK; }
static int f_reserved(sqlite3_file *f, int *result) { *result = 0; return SQLITE_OK; }
static int f_control(sqlite3_file *f, int op, void *arg) { return SQLITE_NOTFOUND; }
static int f_sector(sqlite3_file *f) { return 512; }
static int f_traits(sqlite3_file *f) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
static const sqlite3_io_methods methods = {1, f_close, f_read, f_write, f_truncate, f_sync, f_size, f_lock, f_lock, f_reserved, f_control, f_sector, f_traits};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out) {
  static int count;
  channel_file *file = (channel_file *)f;
  file->base.pMethods = NULL;
  if (name)
    snprintf(file->name, sizeof file->name, "%s", name);
  else
    snprintf(file->name, sizeof file->name, "/temporary-%d", count++);
  file->removed = !name || flags & SQLITE_OPEN_DELETEONCLOSE;
  file->descriptor = open(file->name, flags & SQLITE_OPEN_READONLY ? O_RDONLY : flags & SQLITE_OPEN_CREATE ? O_RDWR | O_CREAT : O_RDWR);
  if (file->descriptor < 0)
    return SQLITE_CANTOPEN;
  file->base.pMethods = &methods;
  if (out)
    *out = flags;
  return SQLITE_OK;
}
static int v_delete(sqlite3_vfs *vfs, const char *name, int sync) { unlink(name); return SQLITE_OK; }
static int v_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) { *result = access(name, 0) == 0; return SQLITE_OK; }
static int v_path(sqlite3_vfs *vfs, const char *name, int size, char *to) { snprintf(to, size, "%s", name); return SQLITE_OK; }
static int v_random(sqlite3_vfs *vfs, int size, char *to) { memset(to, 7, size); return size; }
static int v_sleep(sqlite3_vfs *vfs, int microseconds) { return 0; }
static int v_time(sqlite3_vfs *vfs, double *now) { *now = 2460000.5; return SQLITE_OK; }
static int v_error(sqlite3_vfs *vfs, int size, char *to) { return 0; }
static sqlite3_vfs channels = {1, sizeof(channel_file), 64, NULL, "channels", NULL, v_open, v_delete, v_access, v_path, NULL, NULL, NULL, NULL, v_random, v_sleep, v_time, v_error};
int sqlite3_os_init(void) { return sqlite3_vfs_register(&channels, 1); }
int sqlite3_os_end(void) { return SQLITE_OK; }
#endif

static int print_row(void *unused, int count, char **values, char **names) {
  for (int each = 0; each < count; each++)
    printf("%s%s", each ? "|" : "", values[each] ? values[each] : "NULL");
  printf("\n");
  return 0;
}

static void run(sqlite3 *database, const char *statements) {
  char *error = NULL;
  if (sqlite3_exec(database, statements, print_row, NULL, &error) != SQLITE_OK)
    printf("error: %s\n", error);
  sqlite3_free(error);
}

static const char *const work[] = {
    "PRAGMA page_size = 4096; CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value REAL)",
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000) INSERT INTO t SELECT x, 'name ' || (x * 7919 % 5000), x / 7.0 FROM c",
    "CREATE INDEX by_name ON t(name)",
    "SELECT count(*), sum(value), min(name), max(name) FROM t",
    "SELECT id, name, value FROM t WHERE name LIKE 'name 12%' ORDER BY value DESC LIMIT 5",
    "BEGIN; UPDATE t SET value = value * 2 WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0; COMMIT",
    "BEGIN; DELETE FROM t; ROLLBACK",
    "SELECT a.name, count(*), round(avg(b.value), 6) FROM t a JOIN t b ON a.id = b.id / 10 GROUP BY a.id % 7 ORDER BY 2, 1",
    "SELECT printf('%.10g %5d %-8s|', 1.0 / 3, 42, 'left'), hex('bytes'), upper('text'), substr('substring', 3, 4)",
    "SELECT date('2020-02-28', '+2 days'), strftime('%j %W', '2021-06-15'), julianday('2000-01-01')",
    "SELECT sin(1) > 0",
    "PRAGMA integrity_check",
    "SELECT group_concat(x, ',') FROM (SELECT id AS x FROM t ORDER BY name LIMIT 10)",
    "SELECT nothing FROM nowhere",
};

int main(int argc, char **argv) {
  for (int each = 1; each < argc; each++) {
    sqlite3 *database;
    if (sqlite3_open(argv[each], &database) != SQLITE_OK) {
      printf("%s: %s\n", argv[each], sqlite3_errmsg(database));
      return 1;
    }
    for (size_t statement = 0; statement < sizeof work / sizeof *work; statement++)
      run(database, work[statement]);
    sqlite3_close(database);
  }
  return 0;
}
