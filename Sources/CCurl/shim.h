#pragma once
#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo take variadic arguments, which Swift cannot pass. One typed function for each
// kind of value; everything else of libcurl is called as it is.

static inline CURLcode odys_setopt_long(CURL *_Nonnull handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode odys_setopt_size(CURL *_Nonnull handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode odys_setopt_text(CURL *_Nonnull handle, CURLoption option, const char *_Nullable value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode odys_setopt_pointer(CURL *_Nonnull handle, CURLoption option, const void *_Nullable value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode odys_setopt_write(CURL *_Nonnull handle, CURLoption option,
                                         size_t (*_Nullable value)(char *_Nullable, size_t, size_t, void *_Nullable)) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode odys_setopt_debug(CURL *_Nonnull handle, CURLoption option,
                                         int (*_Nullable value)(CURL *_Nullable, curl_infotype, char *_Nullable, size_t,
                                                                void *_Nullable)) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode odys_getinfo_long(CURL *_Nonnull handle, CURLINFO info, long *_Nonnull value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode odys_getinfo_size(CURL *_Nonnull handle, CURLINFO info, curl_off_t *_Nonnull value) {
    return curl_easy_getinfo(handle, info, value);
}
