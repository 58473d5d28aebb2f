/* Files written whole or not at all: a temporary neighbour, then a rename. */
#define _XOPEN_SOURCE 700
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(struct cli_failure *failure, const char *path, const char *what, int reason)
{
    return cli_fail(failure, CLI_USAGE, "%s: %s: %s", path, what, strerror(reason));
}

int cli_file_open(const char *path, FILE **stream, size_t *size, struct cli_failure *failure)
{
    struct stat status;
    /* Asked before opening: to open a pipe would wait for its writer. */
    if (stat(path, &status) != 0)
        return refuse(failure, path, "cannot be read", errno);
    if (!S_ISREG(status.st_mode))
        return cli_fail(failure, CLI_USAGE, "%s: cannot be read: must be an ordinary file", path);
    *stream = fopen(path, "rb");
    if (*stream == NULL)
        return refuse(failure, path, "cannot be read", errno);
    *size = (size_t)status.st_size;
    return CLI_DONE;
}

/* Whether an existing target can be replaced, and whether by a rename. */
static int inspect_target(const char *path, const char *target, int *ordinary,
                          struct cli_failure *failure)
{
    struct stat status;
    *ordinary = 1;
    if (stat(target, &status) != 0)
        return CLI_DONE; /* not there yet: creating the neighbour tells the rest */
    if (S_ISDIR(status.st_mode))
        return refuse(failure, path, "cannot be written", EISDIR);
    if (access(target, W_OK) != 0)
        return refuse(failure, path, "cannot be written", errno);
    *ordinary = S_ISREG(status.st_mode);
    return CLI_DONE;
}

static FILE *open_neighbour(const struct cli_file *file)
{
    const int descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (descriptor < 0)
        return NULL;
    FILE *stream = fdopen(descriptor, "wb");
    if (stream == NULL) {
        const int reason = errno;
        close(descriptor);
        unlink(file->temporary);
        errno = reason;
    }
    return stream;
}

static void release(struct cli_file *file)
{
    free(file->target);
    free(file->temporary);
    memset(file, 0, sizeof *file);
}

int cli_file_create(struct cli_file *file, const char *path, struct cli_failure *failure)
{
    int ordinary = 1, code = CLI_DONE;
    memset(file, 0, sizeof *file);
    file->path = path;
    if (path[0] == '\0')
        return cli_fail(failure, CLI_USAGE, "'': cannot be written: must name a file");

    file->target = realpath(path, NULL);
    if (file->target == NULL)
        file->target = strdup(path);
    const size_t room = file->target == NULL ? 0 : strlen(file->target) + 32;
    if (file->target == NULL || (file->temporary = malloc(room)) == NULL) {
        code = cli_fail_memory(failure, path, room);
        goto failed;
    }
    code = inspect_target(path, file->target, &ordinary, failure);
    if (code != CLI_DONE)
        goto failed;
    if (ordinary) {
        snprintf(file->temporary, room, "%s.%ld.part", file->target, (long)getpid());
        file->stream = open_neighbour(file);
    } else {
        free(file->temporary);
        file->temporary = NULL;
        file->stream = fopen(file->target, "wb");
    }
    if (file->stream == NULL) {
        code = refuse(failure, path, "cannot be written", errno);
        goto failed;
    }
    return CLI_DONE;

failed:
    release(file);
    return code;
}

int cli_file_commit(struct cli_file *file, struct cli_failure *failure)
{
    errno = 0;
    const int wrote = !ferror(file->stream) && fflush(file->stream) == 0;
    int reason = wrote ? 0 : errno;
    if (fclose(file->stream) != 0 && wrote)
        reason = errno;
    else if (!wrote && reason == 0)
        reason = EIO;
    file->stream = NULL;
    if (reason == 0 && file->temporary != NULL && rename(file->temporary, file->target) != 0)
        reason = errno;
    const int code =
        reason == 0 ? CLI_DONE : refuse(failure, file->path, "cannot be written", reason);
    if (code != CLI_DONE)
        cli_file_discard(file);
    else
        release(file);
    return code;
}

void cli_file_discard(struct cli_file *file)
{
    if (file->stream != NULL)
        fclose(file->stream);
    if (file->temporary != NULL)
        unlink(file->temporary);
    release(file);
}

int cli_file_probe(const char *path, struct cli_failure *failure)
{
    struct stat status;
    /* A pipe is left alone: opening it would already speak to its reader. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return CLI_DONE;
    struct cli_file file;
    const int code = cli_file_create(&file, path, failure);
    if (code == CLI_DONE)
        cli_file_discard(&file);
    return code;
}

/* Where a file is or would be: its folder without links, then its name. Freed by the caller. */
static char *place_of(const char *path)
{
    char *whole = realpath(path, NULL);
    if (whole != NULL)
        return whole;
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char *folder = slash == NULL   ? strdup(".")
                   : slash == path ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    char *real = folder == NULL ? NULL : realpath(folder, NULL);
    const size_t room = real == NULL ? 0 : strlen(real) + strlen(name) + 2;
    if (room > 0 && (whole = malloc(room)) != NULL)
        snprintf(whole, room, "%s/%s", real, name);
    free(folder);
    free(real);
    return whole;
}

bool cli_file_same(const char *a, const char *b)
{
    char *place_a = place_of(a), *place_b = place_of(b);
    const bool same = place_a != NULL && place_b != NULL && strcmp(place_a, place_b) == 0;
    free(place_a);
    free(place_b);
    return same;
}
