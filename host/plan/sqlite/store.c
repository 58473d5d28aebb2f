/* The winners in an SQLite file, opened for each call: no state, no lock of ours. */
#define _POSIX_C_SOURCE 200809L
#include "plan/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "plan/sqlite/key.h"

/* How long one statement waits for another process; two at most wait in one call. */
enum { PATIENCE_MS = 40 };

static const char schema[] = "CREATE TABLE IF NOT EXISTS winners ("
                             "device TEXT NOT NULL, platform TEXT NOT NULL, driver TEXT NOT NULL, "
                             "library TEXT NOT NULL, problem TEXT NOT NULL, "
                             "solver TEXT NOT NULL, ms REAL NOT NULL, "
                             "PRIMARY KEY (device, platform, driver, library, problem)) "
                             "WITHOUT ROWID";
static const char find[] = "SELECT solver, ms FROM winners WHERE device = ?1 AND platform = ?2 "
                           "AND driver = ?3 AND library = ?4 AND problem = ?5";
static const char replace[] = "INSERT OR REPLACE INTO winners "
                              "(device, platform, driver, library, problem, solver, ms) "
                              "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/* Opens the store, for writing with its folders and table. NULL: there is none. */
static sqlite3 *open_store(bool is_written)
{
    char path[ATROUS__PATH_SIZE];
    struct stat facts;
    sqlite3 *store = NULL;
    if (!atrous__store_path(path) || (is_written && !atrous__store_folders(path)))
        return NULL;
    const bool is_there = stat(path, &facts) == 0;
    /* A pipe would make the open wait for its other end. */
    if (is_there ? !S_ISREG(facts.st_mode) : !is_written)
        return NULL;
    const int flags =
        is_written ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(path, &store, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        sqlite3_busy_timeout(store, PATIENCE_MS) == SQLITE_OK &&
        (!is_written || sqlite3_exec(store, schema, NULL, NULL, NULL) == SQLITE_OK))
        return store;
    sqlite3_close(store);
    return NULL;
}

static bool bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

/* A statement with its first five values bound, the key; NULL on failure. The texts, *problem
 * among them, must outlive it. */
static sqlite3_stmt *prepare(sqlite3 *store, const char *sql, const atrous_device_info *device,
                             const char *problem)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store, sql, -1, &statement, NULL) == SQLITE_OK &&
        bind_text(statement, 1, device->name) && bind_text(statement, 2, device->platform) &&
        bind_text(statement, 3, device->driver) && bind_text(statement, 4, atrous_version()) &&
        bind_text(statement, 5, problem))
        return statement;
    sqlite3_finalize(statement);
    return NULL;
}

bool atrous__store_recall(const atrous_device_info *device, const atrous_conv *conv,
                          struct atrous__winner *winner)
{
    char problem[ATROUS__PROBLEM_SIZE];
    bool is_found = false;
    if (!atrous__store_problem(conv, problem))
        return false;
    sqlite3 *store = open_store(false);
    sqlite3_stmt *statement = store == NULL ? NULL : prepare(store, find, device, problem);
    if (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) {
        const unsigned char *solver = sqlite3_column_text(statement, 0);
        snprintf(winner->solver, sizeof winner->solver, "%s",
                 solver == NULL ? "" : (const char *)solver);
        winner->ms = sqlite3_column_double(statement, 1);
        is_found = winner->ms > 0.0;
    }
    sqlite3_finalize(statement);
    sqlite3_close(store);
    return is_found;
}

bool atrous__store_keep(const atrous_device_info *device, const atrous_conv *conv,
                        const char *solver, double ms)
{
    char problem[ATROUS__PROBLEM_SIZE];
    if (!atrous__store_problem(conv, problem))
        return false;
    sqlite3 *store = open_store(true);
    sqlite3_stmt *statement = store == NULL ? NULL : prepare(store, replace, device, problem);
    const bool is_kept = statement != NULL && bind_text(statement, 6, solver) &&
                         sqlite3_bind_double(statement, 7, ms) == SQLITE_OK &&
                         sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    sqlite3_close(store);
    return is_kept;
}
