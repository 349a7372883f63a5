/* The limit: the statements of one action, alone. No HTTP, no token, no rules, no JSON: each connection prepares the
 * two statements that the responder was seen to send, and runs them for one appointment after another.
 *
 *   limit SOCKET USER PASSWORD DATABASE CONNECTIONS SECONDS COUNT PROFESSIONALS CLIENTS DIRECTORY
 *
 * DIRECTORY holds session.sql (statements, one a line), lock.sql, write.sql and write.values: one parameter a line,
 * `n` for NULL, `i NUMBER`, `s TEXT`, or what differs from one appointment to the next: `A` its id, `P` its
 * professional's id, `p` the professional's and `c` the client's user id, `U` a new message's id, `M` a marker, `S` its
 * start, `E` its end and `T` the database's clock, all three as the first statement read them. Prints one JSON object. */

#include <mysql.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VALUES_MAX 128
#define TEXT_MAX 1024
#define COLUMNS_MAX 32

/* The columns of lock.sql that the write takes up again. */
enum { START_COLUMN = 3, END_COLUMN = 4, NOW_COLUMN = 5 };

struct value { char kind; long long number; char text[TEXT_MAX]; unsigned long length; };

static char session_sql[16384], lock_sql[16384], write_sql[32768];
static struct value values[VALUES_MAX];
static int value_count;
static const char *server_socket, *user, *password, *database;
static long count, professionals, clients;
static double seconds, deadline;
static atomic_long next_appointment;
static atomic_int failed;

struct worker { pthread_t thread; int number; long done; float *milliseconds; long room; };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "limit: %s: %s\n", what, why);
    failed = 1;
}

static void read_file(const char *directory, const char *name, char *into, size_t room) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(1); }
    into[fread(into, 1, room - 1, file)] = 0;
    fclose(file);
}

static void read_values(const char *directory) {
    static char text[65536];
    read_file(directory, "write.values", text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        struct value *value = &values[value_count++];
        value->kind = line[0];
        if (line[0] == 'i') value->number = atoll(line + 2);
        if (line[0] == 's') snprintf(value->text, sizeof value->text, "%s", line + 2);
        value->length = strlen(value->text);
    }
}

static uint64_t random_bits(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A UUID of version 7, as the responder makes them: 48 bits of time, then random ones. */
static void make_uuid(uint64_t *state, unsigned char bytes[16]) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    uint64_t ms = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
    uint64_t high = ms << 16 | 0x7000 | (random_bits(state) & 0xFFF);
    uint64_t low = random_bits(state) >> 2 | 0x8000000000000000u;
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(high >> (56 - 8 * i));
        bytes[i + 8] = (unsigned char)(low >> (56 - 8 * i));
    }
}

static MYSQL_STMT *prepare(MYSQL *connection, const char *sql) {
    MYSQL_STMT *statement = mysql_stmt_init(connection);
    if (mysql_stmt_prepare(statement, sql, strlen(sql))) fail("prepare", mysql_stmt_error(statement));
    return statement;
}

static void set_up(MYSQL *connection) {
    char *copy = strdup(session_sql), *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (mysql_query(connection, line)) fail("session", mysql_error(connection));
    free(copy);
}

struct columns { char buffer[COLUMNS_MAX][512]; unsigned long length[COLUMNS_MAX]; my_bool null[COLUMNS_MAX]; };

/* What the responder binds: the values by their kind, and the columns of the first statement as text. */
static void bind_columns(MYSQL_STMT *lock, struct columns *columns, MYSQL_BIND *results) {
    for (unsigned i = 0; i < mysql_stmt_field_count(lock); i++)
        results[i] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_STRING, .buffer = columns->buffer[i],
            .buffer_length = 512, .length = &columns->length[i], .is_null = &columns->null[i] };
}

static void make_values(long k, const char *id, struct columns *columns, uint64_t *state,
                        struct value *mine) {
    for (int i = 0; i < value_count; i++) {
        struct value *value = &mine[i];
        unsigned char bytes[16];
        switch (value->kind) {
        case 'A': strcpy(value->text, id); break;
        case 'P': sprintf(value->text, "0d5a1c00-0000-4000-8000-1000%08lx", k % professionals); break;
        case 'p': sprintf(value->text, "professional-%ld", k % professionals); break;
        case 'c': sprintf(value->text, "client-%ld", k % clients); break;
        case 'S': strcpy(value->text, columns->buffer[START_COLUMN]); break;
        case 'E': strcpy(value->text, columns->buffer[END_COLUMN]); break;
        case 'T': strcpy(value->text, columns->buffer[NOW_COLUMN]); break;
        case 'M': make_uuid(state, (unsigned char *)value->text); value->length = 16; continue;
        case 'U':
            make_uuid(state, bytes);
            for (int at = 0, out = 0; at < 16; at++) {
                if (at == 4 || at == 6 || at == 8 || at == 10) value->text[out++] = '-';
                out += sprintf(value->text + out, "%02x", bytes[at]);
            }
            break;
        default: continue;
        }
        value->length = strlen(value->text);
    }
}

static void bind_values(struct value *mine, MYSQL_BIND *binds) {
    for (int i = 0; i < value_count; i++) {
        struct value *value = &mine[i];
        switch (value->kind) {
        case 'n': binds[i].buffer_type = MYSQL_TYPE_NULL; break;
        case 'i': binds[i].buffer_type = MYSQL_TYPE_LONGLONG; binds[i].buffer = &value->number; break;
        default:
            binds[i].buffer_type = value->kind == 'M' ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
            binds[i].buffer = value->text;
            binds[i].length = &value->length;
        }
    }
}

static int act(MYSQL_STMT *lock, MYSQL_STMT *block, struct columns *columns, struct value *mine, MYSQL_BIND *binds,
               long k, uint64_t *state) {
    char id[37];
    uint32_t h = (uint32_t)((uint64_t)k * 668265263u);
    unsigned long id_length = (unsigned long)sprintf(id, "%08x-0000-4000-8000-0000%08x", h, h);
    MYSQL_BIND parameter = { .buffer_type = MYSQL_TYPE_STRING, .buffer = id, .length = &id_length };
    MYSQL_BIND results[COLUMNS_MAX] = { 0 };
    bind_columns(lock, columns, results);
    if (mysql_stmt_bind_param(lock, &parameter) || mysql_stmt_execute(lock) || mysql_stmt_bind_result(lock, results)
        || mysql_stmt_fetch(lock) != 0) return 0;
    for (int i = START_COLUMN; i <= NOW_COLUMN; i++) columns->buffer[i][columns->length[i]] = 0;
    while (mysql_stmt_fetch(lock) == 0) { }
    mysql_stmt_free_result(lock);
    make_values(k, id, columns, state, mine);
    return mysql_stmt_bind_param(block, binds) == 0 && mysql_stmt_execute(block) == 0;
}

static void *run(void *argument) {
    struct worker *worker = argument;
    MYSQL *connection = mysql_init(NULL);
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(connection, NULL, user, password, database, 0, server_socket, 0)) {
        fail("connect", mysql_error(connection));
        return NULL;
    }
    set_up(connection);
    MYSQL_STMT *lock = prepare(connection, lock_sql), *block = prepare(connection, write_sql);
    if (!failed && (int)mysql_stmt_param_count(block) != value_count) fail("write.values", "another number of values");
    static _Thread_local struct columns columns;
    struct value *mine = malloc(sizeof values);
    memcpy(mine, values, sizeof values);
    MYSQL_BIND binds[VALUES_MAX] = { 0 };
    bind_values(mine, binds);
    uint64_t state = 0x9E3779B97F4A7C15u * (uint64_t)(worker->number + 1) ^ (uint64_t)time(NULL);
    while (!failed) {
        double begun = now();
        if (begun >= deadline) break;
        long k = atomic_fetch_add(&next_appointment, 1);
        if (k >= count) break;
        if (!act(lock, block, &columns, mine, binds, k, &state)) {
            fail("act", *mysql_stmt_error(block) ? mysql_stmt_error(block) : mysql_stmt_error(lock));
            break;
        }
        if (worker->done == worker->room) {
            worker->room = worker->room ? worker->room * 2 : 4096;
            worker->milliseconds = realloc(worker->milliseconds, (size_t)worker->room * sizeof(float));
        }
        worker->milliseconds[worker->done++] = (float)((now() - begun) * 1000);
    }
    mysql_stmt_close(lock);
    mysql_stmt_close(block);
    mysql_close(connection);
    free(mine);
    return NULL;
}

static int ascending(const void *left, const void *right) {
    float difference = *(const float *)left - *(const float *)right;
    return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv) {
    if (argc != 11) { fprintf(stderr, "limit: 10 arguments\n"); return 2; }
    server_socket = argv[1]; user = argv[2]; password = argv[3]; database = argv[4];
    int connections = atoi(argv[5]);
    seconds = atof(argv[6]);
    count = atol(argv[7]); professionals = atol(argv[8]); clients = atol(argv[9]);
    read_file(argv[10], "session.sql", session_sql, sizeof session_sql);
    read_file(argv[10], "lock.sql", lock_sql, sizeof lock_sql);
    read_file(argv[10], "write.sql", write_sql, sizeof write_sql);
    read_values(argv[10]);
    mysql_library_init(0, NULL, NULL);
    struct worker *workers = calloc((size_t)connections, sizeof *workers);
    double begun = now();
    deadline = begun + seconds;
    for (int i = 0; i < connections; i++) {
        workers[i].number = i;
        pthread_create(&workers[i].thread, NULL, run, &workers[i]);
    }
    long done = 0;
    for (int i = 0; i < connections; i++) {
        pthread_join(workers[i].thread, NULL);
        done += workers[i].done;
    }
    double took = now() - begun;
    float *all = malloc((size_t)(done + 1) * sizeof(float));
    long at = 0;
    for (int i = 0; i < connections; i++) {
        memcpy(all + at, workers[i].milliseconds, (size_t)workers[i].done * sizeof(float));
        at += workers[i].done;
    }
    qsort(all, (size_t)done, sizeof(float), ascending);
    if (failed || done == 0) return 1;
    printf("{\"issued\": %ld, \"answered\": %ld, \"refused\": 0, \"broken\": 0, \"seconds\": %.6f, \"p50\": %.3f,"
           " \"p99\": %.3f, \"max\": %.3f}\n", done, done, took, all[done / 2], all[done * 99 / 100], all[done - 1]);
    return 0;
}
