/* Lists devices and queries what solvers decide by. */
#include "device/device.h"

#include <CL/cl_ext.h>

#include <stdlib.h>
#include <string.h>

/* The loader's way of saying that no ICD is installed (cl_khr_icd). */
enum { NO_PLATFORM = -1001 };

static bool usable(cl_device_id id)
{
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    return clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL) ==
               CL_SUCCESS &&
           clGetDeviceInfo(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL) ==
               CL_SUCCESS &&
           available && compiler;
}

/* Appends the usable devices of one platform; one that answers with an error has none. */
static atrous_status append(cl_platform_id platform, cl_device_id **ids, size_t *count,
                            atrous_error *error)
{
    cl_uint found = 0;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &found) != CL_SUCCESS || found == 0)
        return ATROUS_OK;
    cl_device_id *more = realloc(*ids, (*count + found) * sizeof **ids);
    if (more == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a list of %zu devices",
                            *count + found);
    *ids = more;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, found, more + *count, NULL) != CL_SUCCESS)
        return ATROUS_OK;
    size_t kept = *count;
    for (size_t i = *count; i < *count + found; ++i)
        if (usable(more[i]))
            more[kept++] = more[i];
    *count = kept;
    return ATROUS_OK;
}

atrous_status atrous__devices_list(cl_device_id **ids, size_t *count, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    cl_platform_id *platforms = NULL;
    cl_device_id *list = NULL;
    size_t length = 0;
    cl_uint platform_count = 0;

    *ids = NULL;
    *count = 0;
    const cl_int code = clGetPlatformIDs(0, NULL, &platform_count);
    if (code == NO_PLATFORM || platform_count == 0)
        return ATROUS_OK;
    ATROUS__TRY_CL(code);
    platforms = calloc(platform_count, sizeof *platforms);
    if (platforms == NULL) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a list of platforms");
        goto done;
    }
    ATROUS__TRY_CL(clGetPlatformIDs(platform_count, platforms, NULL));
    for (cl_uint i = 0; i < platform_count; ++i)
        ATROUS__TRY(append(platforms[i], &list, &length, error));
    *ids = list;
    *count = length;
    list = NULL;

done:
    free(list);
    free(platforms);
    return status;
}

static void query_text(cl_device_id id, cl_device_info what, char *text, size_t size)
{
    /* A text longer than its room is left empty rather than failing the device. */
    if (clGetDeviceInfo(id, what, size - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    text[size - 1] = '\0';
}

/* Whether the device names the extension. */
static bool has_extension(cl_device_id id, const char *name)
{
    size_t size = 0;
    bool found = false;
    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &size) != CL_SUCCESS || size == 0)
        return false;
    char *text = calloc(size + 1, 1);
    if (text != NULL && clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, size, text, NULL) == CL_SUCCESS) {
        const size_t length = strlen(name);
        for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name))
            found = found ||
                    ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'));
    }
    free(text);
    return found;
}

/* What the bound of half sums rests on: a device may have halves that it truncates or flushes. */
static bool has_half(cl_device_id id)
{
    const cl_device_fp_config needed = CL_FP_ROUND_TO_NEAREST | CL_FP_INF_NAN | CL_FP_DENORM;
    cl_device_fp_config config = 0;
    return has_extension(id, "cl_khr_fp16") &&
           clGetDeviceInfo(id, CL_DEVICE_HALF_FP_CONFIG, sizeof config, &config, NULL) ==
               CL_SUCCESS &&
           (config & needed) == needed;
}

static void query_platform(cl_device_id id, char *text, size_t size)
{
    cl_platform_id platform = NULL;
    text[0] = '\0';
    if (clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL) == CL_SUCCESS &&
        clGetPlatformInfo(platform, CL_PLATFORM_NAME, size - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    text[size - 1] = '\0';
}

/* A device may claim several kinds at once: the most specific one counts. */
static atrous_device_type type_of(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU)
        return ATROUS_DEVICE_TYPE_GPU;
    if (type & CL_DEVICE_TYPE_ACCELERATOR)
        return ATROUS_DEVICE_TYPE_ACCELERATOR;
    return type & CL_DEVICE_TYPE_CPU ? ATROUS_DEVICE_TYPE_CPU : ATROUS_DEVICE_TYPE_OTHER;
}

/* The largest power of two that is at most `lanes` and at most 16, OpenCL's widest vector, or
 * fewer in a build that tries a narrower device. */
static size_t vector_width(cl_uint lanes)
{
    size_t width = 1;
    while (width * 2 <= lanes && width < ATROUS__MOST_LANES)
        width *= 2;
    return width;
}

static void describe(cl_device_id id, atrous_device_info *info)
{
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    query_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    query_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    query_text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    query_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    query_platform(id, info->platform, sizeof info->platform);
}

atrous_status atrous__device_query(cl_device_id id, struct atrous__device *device,
                                   atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    cl_device_type type = 0;
    cl_device_local_mem_type local_type = CL_GLOBAL;
    cl_ulong local = 0, global = 0, allocation = 0, cache = 0;
    cl_uint units = 0, lanes = 0;
    struct atrous__device d = {.vector = 1};

    ATROUS__TRY_CL(clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL));
    ATROUS__TRY_CL(
        clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_TYPE, sizeof local_type, &local_type, NULL));
    ATROUS__TRY_CL(clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL));
    ATROUS__TRY_CL(clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof global, &global, NULL));
    ATROUS__TRY_CL(
        clGetDeviceInfo(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof allocation, &allocation, NULL));
    ATROUS__TRY_CL(
        clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof cache, &cache, NULL));
    ATROUS__TRY_CL(clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL));
    ATROUS__TRY_CL(
        clGetDeviceInfo(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof lanes, &lanes, NULL));
    ATROUS__TRY_CL(clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof d.max_work_group,
                                   &d.max_work_group, NULL));
    ATROUS__TRY_CL(
        clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof d.max_items, d.max_items, NULL));
    describe(id, &d.info);
    d.vector = vector_width(lanes);
    d.local_memory = (size_t)local;
    d.max_allocation = (size_t)allocation;
    d.cache = (size_t)cache;
    d.compute_units = units;
    d.has_half = has_half(id);
    d.has_dot_product = has_extension(id, "cl_khr_integer_dot_product");
    d.is_cpu_class = local_type != CL_LOCAL && (type & CL_DEVICE_TYPE_GPU) == 0;
    d.info.type = type_of(type);
    d.info.compute_units = units;
    d.info.max_work_group = d.max_work_group;
    d.info.local_memory = (size_t)local;
    d.info.global_memory = (size_t)global;
    d.info.max_allocation = (size_t)allocation;
    d.info.native_vector_floats = d.vector;
    d.info.local_is_dedicated = local_type == CL_LOCAL;
    *device = d;

done:
    return status;
}
