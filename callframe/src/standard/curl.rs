//! libcurl's types, and what its two functions with `...` take for each option.
//!
//! curl tells an option's type by its ten-thousand: numbers, pointers, functions, large numbers. Among
//! the pointers some are text that curl copies, some are lists of curl's own, some are cookies for
//! the program's callbacks; what CURLOPT_POSTFIELDS leads to is kept with the handle. Options that lead curl into the program's memory after the call
//! (CURLOPT_ERRORBUFFER, CURLOPT_STDERR and others) are in no table: such a call is refused.

/// `<curl/curl.h>`
pub(super) const CURL: &str = "
    typedef struct Curl_easy CURL; typedef struct Curl_multi CURLM; typedef struct Curl_share CURLSH;
    typedef struct Curl_URL CURLU; typedef unsigned int CURLcode; typedef unsigned int CURLoption;
    typedef int CURLMcode; typedef unsigned int CURLINFO; typedef unsigned int CURLUcode;
    typedef unsigned int CURLUPart; typedef long long curl_off_t; typedef int curl_socket_t;
    struct curl_slist;
    union curl_easy_setopt_variadic {
        long number __case_range(0, 9999);
        const char *text __case(
            10002, 10004, 10005, 10006, 10007, 10016, 10017, 10018, 10022, 10025, 10026,
            10031, 10036, 10062, 10063, 10065, 10076, 10077, 10082, 10083, 10086, 10087,
            10088, 10089, 10097, 10102, 10118, 10134, 10135, 10147, 10152, 10153, 10162,
            10165, 10169, 10170, 10173, 10174, 10175, 10176, 10177, 10179, 10183, 10186,
            10190, 10191, 10192, 10204, 10205, 10206, 10211, 10217, 10220, 10221, 10222,
            10223, 10224, 10230, 10231, 10235, 10236, 10238, 10246, 10247, 10251, 10252,
            10253, 10254, 10255, 10256, 10257, 10258, 10259, 10260, 10262, 10263, 10264,
            10266, 10276, 10277, 10279, 10287, 10289, 10296, 10298, 10300, 10305, 10311,
            10318, 10319);
        const char *__retained(first_parameter) kept __case(10015);
        struct curl_slist *__handle list __case(
            10023, 10028, 10039, 10070, 10093, 10104, 10187, 10203, 10228, 10243);
        void *__opaque cookie __case(
            10001, 10009, 10029, 10057, 10095, 10103, 10109, 10131, 10149, 10164, 10168,
            10185, 10195, 10201, 10202, 10209, 10273, 10284, 10302, 10304, 10313, 10317);
        size_t (*__scope(first_parameter) write)(char *__in __sized_by(size * count) data, size_t size,
            size_t count, void *__opaque cookie) __case(20011, 20079, 20196);
        size_t (*__scope(first_parameter) read)(char *__out __sized_by(size * count) __filled(return) data,
            size_t size, size_t count, void *__opaque cookie) __case(20012);
        int (*__scope(first_parameter) progress)(void *__opaque cookie, curl_off_t download_total,
            curl_off_t downloaded, curl_off_t upload_total, curl_off_t uploaded) __case(20219);
        int (*__scope(first_parameter) debug)(CURL *__handle handle, int kind,
            char *__in __sized_by(size) data, size_t size, void *__opaque cookie) __case(20094);
        int (*__scope(first_parameter) seek)(void *__opaque cookie, curl_off_t offset, int origin)
            __case(20167);
        curl_off_t large __case_range(30000, 39999);
    };
    union curl_easy_getinfo_variadic {
        char *__borrowed_from(first_parameter) __null_terminated *__out text __case_range(0x100000, 0x1fffff);
        long *__out number __case_range(0x200000, 0x2fffff);
        double *__out real __case_range(0x300000, 0x3fffff);
        struct curl_slist *__handle *__out list __case(0x40001b, 0x40001c);
        curl_socket_t *__out socket __case_range(0x500000, 0x5fffff);
        curl_off_t *__out large __case_range(0x600000, 0x6fffff);
        void *__opaque *__out cookie __case(0x100015);
    };
";
