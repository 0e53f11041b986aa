//! What several tests share: the corpus of real functions, and changes of stored inputs.

#![allow(dead_code)] // each test uses its own part

/// Runs every input that differs from this one by a byte, and every one that ends within it.
pub fn changed_by_a_byte(input: &[u8], run: impl Fn(&[u8])) {
    for place in 0..input.len() {
        for byte in [0, 1, 0x10, 0x7f, 0x80, 0xff, input[place] ^ 1] {
            let mut changed = input.to_vec();
            changed[place] = byte;
            run(&changed);
        }
        run(&input[..place]);
    }
}

/// Functions of real libraries, each type-compatible with its library's own header: the text that a
/// user writes, and its canonical print.
pub const ROWS: &[(&str, &str)] = &[
    ("double cos(double x);", "double cos(double x)"),
    (
        "div_t div(int numer, int denom);",
        "div_t div(int numer, int denom)",
    ),
    (
        "double strtod(const char *nptr, char *__alias(nptr) *__out endptr);",
        "double strtod(const char *__in __null_terminated nptr, \
             char *__alias(nptr) *__out __single endptr)",
    ),
    (
        "time_t time(time_t *__out tloc);",
        "time_t time(time_t *__out __single tloc)",
    ),
    (
        "struct tm *__alias(result) localtime_r(const time_t *timep, struct tm *__out result);",
        "struct tm *__alias(result) localtime_r(const time_t *__in __single timep, \
             struct tm *__out __single result)",
    ),
    (
        "struct tm *__borrowed localtime(const time_t *timep);",
        "struct tm *__borrowed __single localtime(const time_t *__in __single timep)",
    ),
    (
        "ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf, size_t count);",
        "ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf, \
             size_t count)",
    ),
    (
        "char *__owned(free) strdup(const char *s);",
        "char *__owned(free) __null_terminated strdup(const char *__in __null_terminated s)",
    ),
    (
        "void *__alias(dst) memcpy(void *__out __sized_by(n) dst, const void *__sized_by(n) src, size_t n);",
        "void *__alias(dst) memcpy(void *__out __sized_by(n) dst, \
             const void *__in __sized_by(n) src, size_t n)",
    ),
    (
        "size_t mbstowcs(wchar_t *__inout __counted_by(n) dst, const char *src, size_t n);",
        "size_t mbstowcs(wchar_t *__inout __counted_by(n) dst, \
             const char *__in __null_terminated src, size_t n)",
    ),
    (
        "int compress2(Bytef *__out __sized_by(*destLen) dest, uLongf *__inout destLen,
                       const Bytef *__sized_by(sourceLen) source, uLong sourceLen, int level);",
        "int compress2(unsigned char *__out __sized_by(*destLen) dest, \
             unsigned long *__inout __single destLen, \
             const unsigned char *__in __sized_by(sourceLen) source, unsigned long sourceLen, \
             int level)",
    ),
    (
        "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len);",
        "unsigned long crc32(unsigned long crc, const unsigned char *__in __sized_by(len) buf, \
             unsigned int len)",
    ),
    (
        "int EVP_Digest(const void *__sized_by(count) data, size_t count,
                        unsigned char *__out __sized_by(64) __filled(*size) md,
                        unsigned int *__out size, const EVP_MD *__handle type, ENGINE *__handle impl);",
        "int EVP_Digest(const void *__in __sized_by(count) data, size_t count, \
             unsigned char *__out __sized_by(64) __filled(*size) md, \
             unsigned int *__out __single size, const struct evp_md_st *__handle type, \
             struct engine_st *__handle impl)",
    ),
    (
        "int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds, int timeout);",
        "int poll(struct pollfd *__inout __counted_by(nfds) fds, unsigned long nfds, int timeout)",
    ),
    (
        "double complex cexp(double complex z);",
        "double _Complex cexp(double _Complex z)",
    ),
    (
        "gzFile __closed_by(gzclose) gzopen(const char *path, const char *mode);",
        "struct gzFile_s *__closed_by(gzclose) gzopen(const char *__in __null_terminated path, \
             const char *__in __null_terminated mode)",
    ),
    (
        "int gzread(gzFile __handle file, voidp __out __sized_by(len) __filled(return) buf, unsigned len);",
        "int gzread(struct gzFile_s *__handle file, \
             void *__out __sized_by(len) __filled(return) buf, unsigned int len)",
    ),
    (
        "int gzclose(gzFile __handle __consume file);",
        "int gzclose(struct gzFile_s *__handle __consume file)",
    ),
    (
        "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,
                    int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b));",
        "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size, \
             int (*compar)(const void *__in __sized_by(size) a, const void *__in __sized_by(size) b))",
    ),
    (
        "void *__alias(base) bsearch(const void *__sized_by(size) key,
                    const void *__sized_by(nmemb * size) base, size_t nmemb, size_t size,
                    int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b));",
        "void *__alias(base) bsearch(const void *__in __sized_by(size) key, \
             const void *__in __sized_by(nmemb * size) base, size_t nmemb, size_t size, \
             int (*compar)(const void *__in __sized_by(size) a, const void *__in __sized_by(size) b))",
    ),
    (
        "int regcomp(regex_t *__closed_by(regfree) preg, const char *pattern, int cflags);",
        "int regcomp(struct re_pattern_buffer *__closed_by(regfree) preg, \
             const char *__in __null_terminated pattern, int cflags)",
    ),
    (
        "int regexec(const regex_t *__handle preg, const char *string, size_t nmatch,
                     regmatch_t __out pmatch[nmatch], int eflags) __success(return == 0);",
        "int regexec(const struct re_pattern_buffer *__handle preg, \
             const char *__in __null_terminated string, size_t nmatch, \
             regmatch_t *__out __counted_by(nmatch) pmatch, int eflags) __success(return == 0)",
    ),
    (
        "int sqlite3_open(const char *filename, sqlite3 *__closed_by(sqlite3_close) *__out ppDb);",
        "int sqlite3_open(const char *__in __null_terminated filename, \
             struct sqlite3 *__closed_by(sqlite3_close) *__out __single ppDb)",
    ),
    (
        "int sqlite3_exec(sqlite3 *__handle db, const char *sql,
                     int (*callback)(void *__opaque arg, int n,
                                     char *__null_terminated *__in __counted_by(n) values,
                                     char *__null_terminated *__in __counted_by(n) names),
                     void *__opaque arg, char *__null_terminated __owned(sqlite3_free) *__out errmsg);",
        "int sqlite3_exec(struct sqlite3 *__handle db, const char *__in __null_terminated sql, \
             int (*callback)(void *__opaque arg, int n, \
             char *__in __null_terminated *__in __counted_by(n) values, \
             char *__in __null_terminated *__in __counted_by(n) names), void *__opaque arg, \
             char *__owned(sqlite3_free) __null_terminated *__out __single errmsg)",
    ),
    (
        "int sqlite3_prepare_v2(sqlite3 *__handle db, const char *__null_terminated sql, int nbyte,
                     sqlite3_stmt *__closed_by(sqlite3_finalize) *__out stmt,
                     const char *__alias(sql) *__out tail);",
        "int sqlite3_prepare_v2(struct sqlite3 *__handle db, \
             const char *__in __null_terminated sql, int nbyte, \
             struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, \
             const char *__alias(sql) *__out __single tail)",
    ),
    (
        "const unsigned char *__null_terminated __borrowed_from(stmt)
            sqlite3_column_text(sqlite3_stmt *__handle stmt, int col);",
        "const unsigned char *__borrowed_from(stmt) __null_terminated \
             sqlite3_column_text(struct sqlite3_stmt *__handle stmt, int col)",
    ),
    (
        "const void *__sized_by(sqlite3_column_bytes(stmt, col)) __borrowed_from(stmt)
             sqlite3_column_blob(sqlite3_stmt *__handle stmt, int col);",
        "const void *__borrowed_from(stmt) __sized_by(sqlite3_column_bytes(stmt, col)) \
             sqlite3_column_blob(struct sqlite3_stmt *__handle stmt, int col)",
    ),
    (
        "int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo *__owned(freeaddrinfo) *__out res) __success(return == 0);",
        "int getaddrinfo(const char *__in __null_terminated node, \
             const char *__in __null_terminated service, \
             const struct addrinfo *__in __single hints, \
             struct addrinfo *__owned(freeaddrinfo) __single *__out __single res) \
             __success(return == 0)",
    ),
    (
        "int png_image_begin_read_from_memory(png_image *__inout image,
                     png_const_voidp __sized_by(size) __retained(image) memory, size_t size);",
        "int png_image_begin_read_from_memory(png_image *__inout __single image, \
             const void *__retained(image) __in __sized_by(size) memory, size_t size)",
    ),
    (
        "CURL *__closed_by(curl_easy_cleanup) curl_easy_init(void);",
        "struct Curl_easy *__closed_by(curl_easy_cleanup) curl_easy_init(void)",
    ),
    (
        "FILE *__closed_by(fclose) fopen(const char *path, const char *mode);",
        "struct _IO_FILE *__closed_by(fclose) fopen(const char *__in __null_terminated path, \
             const char *__in __null_terminated mode)",
    ),
    (
        "int snprintf(char *__out __sized_by(n) __null_terminated s, size_t n, const char *fmt, ...) __printf(3, 4);",
        "int snprintf(char *__out __sized_by(n) __null_terminated s, size_t n, \
             const char *__in __null_terminated fmt, ...) __printf(3, 4)",
    ),
    (
        "CURLcode curl_easy_setopt(CURL *__handle h, CURLoption option, ...) __variadic_by(option);",
        "unsigned int curl_easy_setopt(struct Curl_easy *__handle h, unsigned int option, ...) \
             __variadic_by(option)",
    ),
    (
        "int execl(const char *path, const char *arg, ...) __sentinel;",
        "int execl(const char *__in __null_terminated path, const char *__in __null_terminated arg, \
             ...) __sentinel",
    ),
    (
        "size_t iconv(iconv_t __handle cd,
                      char *__in  __sized_by(*inleft)  *__inout in,  size_t *__inout inleft,
                      char *__out __sized_by(*outleft) *__inout out, size_t *__inout outleft);",
        "size_t iconv(void *__handle cd, char *__in __sized_by(*inleft) *__inout __single in, \
             size_t *__inout __single inleft, \
             char *__out __sized_by(*outleft) *__inout __single out, \
             size_t *__inout __single outleft)",
    ),
    (
        "ssize_t readv(int __fd fd, const struct iovec *__counted_by(iovcnt) iov, int iovcnt)
             __field(iov->iov_base, __out __sized_by(iov_len));",
        "ssize_t readv(int __fd fd, \
             const struct { void *__out __sized_by(iov_len) iov_base; size_t iov_len; } \
             *__in __counted_by(iovcnt) iov, int iovcnt)",
    ),
    (
        "ssize_t getline(char *__owned(free) __sized_by(*n) __filled(return + 1) *__inout lineptr,
                      size_t *__inout n, FILE *__handle stream);",
        "ssize_t getline(\
             char *__owned(free) __sized_by(*n) __filled(return + 1) *__inout __single lineptr, \
             size_t *__inout __single n, struct _IO_FILE *__handle stream)",
    ),
    (
        "int sigqueue(pid_t pid, int sig, const union sigval value);",
        "int sigqueue(int pid, int sig, union sigval value)",
    ),
    (
        "int sqlite3_bind_text(sqlite3_stmt *__handle stmt, int i,
                      const char *__sized_by(n) __retained(stmt) z, int n,
                      void (*destroy)(void *__opaque) __or_const(0, -1));",
        "int sqlite3_bind_text(struct sqlite3_stmt *__handle stmt, int i, \
             const char *__retained(stmt) __in __sized_by(n) z, int n, \
             void (*__or_const(0, -1) destroy)(void *__opaque arg1))",
    ),
    (
        "int inflate(z_streamp __handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm,
                     int flush);",
        "int inflate(struct z_stream_s *__handle __cursor(next_in, avail_in) \
             __cursor(next_out, avail_out) strm, int flush)",
    ),
];
