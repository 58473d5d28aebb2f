/**
 * @file status.h
 * What a call says of how it went, and the version. Part of atrous.h.
 *
 * Every call that can fail returns an atrous_status and takes an optional,
 * caller-owned atrous_error that is filled in words on failure and cleared on success.
 * Nothing here prints, aborts or exits.
 */
#ifndef ATROUS_STATUS_H
#define ATROUS_STATUS_H

#if defined(ATROUS_STATIC)
#define ATROUS_API
#elif defined(_WIN32)
#if defined(ATROUS_BUILDING)
#define ATROUS_API __declspec(dllexport)
#else
#define ATROUS_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define ATROUS_API __attribute__((visibility("default")))
#else
#define ATROUS_API
#endif

#define ATROUS_VERSION_MAJOR 0
#define ATROUS_VERSION_MINOR 1
#define ATROUS_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

#define ATROUS_STATUS_MAP(X)                                                \
    X(OK, 0, "success")                                                     \
    X(INVALID_ARGUMENT, 1, "an argument is NULL, out of range or unusable") \
    X(UNSUPPORTED, 2, "valid, but nothing here covers it")                  \
    X(OUT_OF_HOST_MEMORY, 3, "a host allocation failed")                    \
    X(OPENCL_ERROR, 4, "an OpenCL call failed")                             \
    X(NO_DEVICE, 5, "there is no such OpenCL device")

typedef enum atrous_status {
#define ATROUS_STATUS_ENUM(name, value, text) ATROUS_##name = (value),
    ATROUS_STATUS_MAP(ATROUS_STATUS_ENUM)
#undef ATROUS_STATUS_ENUM
} atrous_status;

/** A short English text for `status`; never NULL, never freed. */
ATROUS_API const char *atrous_status_string(atrous_status status);

/** The version of the library that is linked, "MAJOR.MINOR.PATCH". */
ATROUS_API const char *atrous_version(void);

/** What went wrong. Owned by the caller; every text is zero-terminated. */
typedef struct atrous_error {
    atrous_status status;
    int opencl_code;   /**< the cl_int behind OPENCL_ERROR and NO_DEVICE, else 0 */
    char field[48];    /**< the argument or field at fault, "dilation[1]", or "" */
    char message[464]; /**< one line: field, value and the rule it breaks */
} atrous_error;

#ifdef __cplusplus
}
#endif
#endif
