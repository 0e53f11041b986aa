/* Forty real functions in the prototype language.
 *
 * Each declaration is compatible with its library's own header once the annotations are defined
 * away. Rows 01 to 15 are called through a VM by the tests and compared with the function itself;
 * the verdict on every row is recorded in verdicts.txt.
 */

/* Scalars, text, counted buffers. */
/*01*/ double cos(double x);
/*02*/ div_t div(int numer, int denom);
/*03*/ double strtod(const char *nptr, char *__alias(nptr) *__out endptr);
/*04*/ time_t time(time_t *__out tloc);
/*05*/ struct tm *__alias(result) localtime_r(const time_t *timep, struct tm *__out result);
/*06*/ struct tm *__borrowed localtime(const time_t *timep);
/*07*/ ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf, size_t count);
/*08*/ char *__owned(free) strdup(const char *s);
/*09*/ void *__alias(dst) memcpy(void *__out __sized_by(n) dst, const void *__sized_by(n) src, size_t n);
/*10*/ size_t mbstowcs(wchar_t *__inout __counted_by(n) dst, const char *src, size_t n);
/*11*/ int compress2(Bytef *__out __sized_by(*destLen) dest, uLongf *__inout destLen,
                     const Bytef *__sized_by(sourceLen) source, uLong sourceLen, int level);
/*12*/ uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len);
/*13*/ int EVP_Digest(const void *__sized_by(count) data, size_t count,
                      unsigned char *__out __sized_by(64) __filled(*size) md, unsigned int *__out size,
                      const EVP_MD *__handle type, ENGINE *__handle impl);
/*14*/ int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds, int timeout);
/*15*/ double complex cexp(double complex z);

/* Handles, ownership, callbacks, structs. */
/*16*/ gzFile __closed_by(gzclose) gzopen(const char *path, const char *mode);
/*17*/ int gzread(gzFile __handle file, voidp __out __sized_by(len) __filled(return) buf, unsigned len);
/*18*/ int gzclose(gzFile __handle __consume file);
/*19*/ void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,
                  int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b));
/*20*/ void *__alias(base) bsearch(const void *__sized_by(size) key,
                  const void *__sized_by(nmemb * size) base, size_t nmemb, size_t size,
                  int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b));
/*21*/ int regcomp(regex_t *__closed_by(regfree) preg, const char *pattern, int cflags);
/*22*/ int regexec(const regex_t *__handle preg, const char *string, size_t nmatch,
                   regmatch_t __out pmatch[nmatch], int eflags) __success(return == 0);
/*23*/ int sqlite3_open(const char *filename, sqlite3 *__closed_by(sqlite3_close) *__out ppDb);
/*24*/ int sqlite3_exec(sqlite3 *__handle db, const char *sql,
                   int (*callback)(void *__opaque arg, int n,
                                   char *__null_terminated *__in __counted_by(n) values,
                                   char *__null_terminated *__in __counted_by(n) names),
                   void *__opaque arg, char *__null_terminated __owned(sqlite3_free) *__out errmsg);
/*25*/ int sqlite3_prepare_v2(sqlite3 *__handle db, const char *__null_terminated sql, int nbyte,
                   sqlite3_stmt *__closed_by(sqlite3_finalize) *__out stmt,
                   const char *__alias(sql) *__out tail);
/*26*/ const unsigned char *__null_terminated __borrowed_from(stmt) sqlite3_column_text(sqlite3_stmt *__handle stmt, int col);
/*27*/ const void *__sized_by(sqlite3_column_bytes(stmt, col)) __borrowed_from(stmt)
           sqlite3_column_blob(sqlite3_stmt *__handle stmt, int col);
/*28*/ int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                   struct addrinfo *__owned(freeaddrinfo) *__out res) __success(return == 0);
/*29*/ int png_image_begin_read_from_memory(png_image *__inout image,
                   png_const_voidp __sized_by(size) __retained(image) memory, size_t size);
/*30*/ CURL *__closed_by(curl_easy_cleanup) curl_easy_init(void);
/*31*/ FILE *__closed_by(fclose) fopen(const char *path, const char *mode);

/* Cursors, nested and variadic calls, unions. */
/*32*/ int snprintf(char *__out __sized_by(n) __null_terminated s, size_t n, const char *fmt, ...) __printf(3, 4);
/*33*/ CURLcode curl_easy_setopt(CURL *__handle h, CURLoption option, ...) __variadic_by(option);
/*34*/ int execl(const char *path, const char *arg, ...) __sentinel;
/*35*/ size_t iconv(iconv_t __handle cd,
                    char *__in  __sized_by(*inleft)  *__inout in,  size_t *__inout inleft,
                    char *__out __sized_by(*outleft) *__inout out, size_t *__inout outleft);
/*36*/ ssize_t readv(int __fd fd, const struct iovec *__counted_by(iovcnt) iov, int iovcnt)
           __field(iov->iov_base, __out __sized_by(iov_len));
/*37*/ ssize_t getline(char *__owned(free) __sized_by(*n) __filled(return + 1) *__inout lineptr,
                    size_t *__inout n, FILE *__handle stream);
/*38*/ int sigqueue(pid_t pid, int sig, const union sigval value);
/*39*/ int sqlite3_bind_text(sqlite3_stmt *__handle stmt, int i,
                    const char *__sized_by(n) __retained(stmt) z, int n,
                    void (*destroy)(void *__opaque) __or_const(0, -1));
/*40*/ int inflate(z_streamp __handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int flush);
