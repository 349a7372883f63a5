/* The limit: the statements of one action, alone. No HTTP, no token, no rules, no JSON: each connection prepares the
 * two statements that the responder was seen to send, and runs them for one appointment after another.
 *
 *   limit SOCKET USER PASSWORD DATABASE CONNECTIONS SECONDS COUNT PROFESSIONALS CLIENTS DIRECTORY
 *   limit SOCKET USER PASSWORD DATABASE CONNECTIONS PATH COUNT PROFESSIONALS CLIENTS DIRECTORY
 *
 * With a path, it is what the least of all responders would be: behind nginx it reads nothing of a request but the
 * appointment's id, runs the two statements for it and answers always the same. Until it is ended.
 *
 * DIRECTORY holds session.sql (statements, one a line), lock.sql, write.sql and write.values: one parameter a line,
 * `n` for NULL, `i NUMBER`, `s TEXT`, or what differs from one appointment to the next: `A` its id, `P` its
 * professional's id, `p` the professional's and `c` the client's user id, `U` a new message's id, `M` a marker, `S` its
 * start, `E` its end and `T` the database's clock, all three as the first statement read them. Prints one JSON object. */

#define _GNU_SOURCE /* memmem */
#include <mysql.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define VALUES_MAX 128
#define TEXT_MAX 1024
#define COLUMNS_MAX 32
/* rows.py scatters the ids by it. */
#define MULTIPLIER 668265263u

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

struct session {
    MYSQL *connection;
    MYSQL_STMT *lock, *block;
    struct columns columns;
    struct value mine[VALUES_MAX];
    MYSQL_BIND binds[VALUES_MAX];
    uint64_t state;
};

static struct session *begin(int number) {
    struct session *session = calloc(1, sizeof *session);
    session->connection = mysql_init(NULL);
    mysql_options(session->connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(session->connection, NULL, user, password, database, 0, server_socket, 0)) {
        fail("connect", mysql_error(session->connection));
        return NULL;
    }
    set_up(session->connection);
    session->lock = prepare(session->connection, lock_sql);
    session->block = prepare(session->connection, write_sql);
    if (!failed && (int)mysql_stmt_param_count(session->block) != value_count)
        fail("write.values", "another number of values");
    memcpy(session->mine, values, sizeof values);
    bind_values(session->mine, session->binds);
    session->state = 0x9E3779B97F4A7C15u * (uint64_t)(number + 1) ^ (uint64_t)time(NULL);
    return session;
}

static void end(struct session *session) {
    mysql_stmt_close(session->lock);
    mysql_stmt_close(session->block);
    mysql_close(session->connection);
    free(session);
}

static int act(struct session *session, long k) {
    MYSQL_STMT *lock = session->lock, *block = session->block;
    struct columns *columns = &session->columns;
    char id[37];
    uint32_t h = (uint32_t)k * MULTIPLIER;
    unsigned long id_length = (unsigned long)sprintf(id, "%08x-0000-4000-8000-0000%08x", h, h);
    MYSQL_BIND parameter = { .buffer_type = MYSQL_TYPE_STRING, .buffer = id, .length = &id_length };
    MYSQL_BIND results[COLUMNS_MAX] = { 0 };
    bind_columns(lock, columns, results);
    if (mysql_stmt_bind_param(lock, &parameter) || mysql_stmt_execute(lock) || mysql_stmt_bind_result(lock, results)
        || mysql_stmt_fetch(lock) != 0) { fail("lock", mysql_stmt_error(lock)); return 0; }
    for (int i = START_COLUMN; i <= NOW_COLUMN; i++) columns->buffer[i][columns->length[i]] = 0;
    while (mysql_stmt_fetch(lock) == 0) { }
    mysql_stmt_free_result(lock);
    make_values(k, id, columns, &session->state, session->mine);
    if (mysql_stmt_bind_param(block, session->binds) == 0 && mysql_stmt_execute(block) == 0) return 1;
    fail("write", mysql_stmt_error(block));
    return 0;
}

static void *run(void *argument) {
    struct worker *worker = argument;
    struct session *session = begin(worker->number);
    if (!session) return NULL;
    while (!failed) {
        double begun = now();
        if (begun >= deadline) break;
        long k = atomic_fetch_add(&next_appointment, 1);
        if (k >= count || !act(session, k)) break;
        if (worker->done == worker->room) {
            worker->room = worker->room ? worker->room * 2 : 4096;
            worker->milliseconds = realloc(worker->milliseconds, (size_t)worker->room * sizeof(float));
        }
        worker->milliseconds[worker->done++] = (float)((now() - begun) * 1000);
    }
    end(session);
    return NULL;
}

/* The least of all responders. */

static int set, listener, answer_length;
static unsigned char answer[4096];

static void add_record(unsigned char type, const void *content, int length) {
    unsigned char head[8] = { 1, type, 0, 1, (unsigned char)(length >> 8), (unsigned char)length, 0, 0 };
    memcpy(answer + answer_length, head, sizeof head);
    memcpy(answer + answer_length + sizeof head, content, (size_t)length);
    answer_length += (int)sizeof head + length;
}

static void make_answer(void) {
    enum { BODY = 661, STDOUT = 6, END_REQUEST = 3 };
    char text[1024];
    int head = sprintf(text, "Status: 200\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", BODY);
    memset(text + head, ' ', BODY);
    add_record(STDOUT, text, head + BODY);
    add_record(END_REQUEST, (char[8]){ 0 }, 8);
}

static void watch(int how, int descriptor) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = descriptor };
    epoll_ctl(set, how, descriptor, &event);
}

/* k of the appointment whose id begins behind `path`: the id is k times MULTIPLIER, and so is turned back. */
static long appointment(const char *path) {
    char digits[9] = { 0 };
    memcpy(digits, path, 8);
    uint32_t inverse = 1;
    for (int i = 0; i < 5; i++) inverse *= 2 - MULTIPLIER * inverse;
    return (long)((uint32_t)strtoul(digits, NULL, 16) * inverse);
}

static void *serve(void *argument) {
    static const char route[] = "/api/appointments/";
    struct worker *worker = argument;
    struct session *session = begin(worker->number);
    while (session && !failed) {
        struct epoll_event event;
        if (epoll_wait(set, &event, 1, -1) != 1) continue;
        int descriptor = event.data.fd;
        if (descriptor == listener) {
            int accepted = accept(listener, NULL, NULL);
            watch(EPOLL_CTL_MOD, listener);
            if (accepted >= 0) watch(EPOLL_CTL_ADD, accepted);
            continue;
        }
        /* nginx writes a short request at once. */
        char request[16384];
        ssize_t got = recv(descriptor, request, sizeof request - 1, 0);
        if (got <= 0) { close(descriptor); continue; }
        request[got] = 0;
        char *path = memmem(request, (size_t)got, route, sizeof route - 1);
        if (!path) { fail("request", "no appointment"); break; }
        if (!act(session, appointment(path + sizeof route - 1))) break;
        if (send(descriptor, answer, (size_t)answer_length, MSG_NOSIGNAL) == answer_length)
            watch(EPOLL_CTL_MOD, descriptor);
        else
            close(descriptor);
    }
    exit(1);
}

static int listen_at(const char *path) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    set = epoll_create1(0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 511)) {
        perror(path);
        return 0;
    }
    watch(EPOLL_CTL_ADD, listener);
    return 1;
}

static int ascending(const void *left, const void *right) {
    float difference = *(const float *)left - *(const float *)right;
    return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv) {
    if (argc != 11) { fprintf(stderr, "limit: 10 arguments\n"); return 2; }
    server_socket = argv[1]; user = argv[2]; password = argv[3]; database = argv[4];
    int connections = atoi(argv[5]);
    const char *path = argv[6][0] == '/' ? argv[6] : NULL;
    seconds = atof(argv[6]);
    count = atol(argv[7]); professionals = atol(argv[8]); clients = atol(argv[9]);
    read_file(argv[10], "session.sql", session_sql, sizeof session_sql);
    read_file(argv[10], "lock.sql", lock_sql, sizeof lock_sql);
    read_file(argv[10], "write.sql", write_sql, sizeof write_sql);
    read_values(argv[10]);
    mysql_library_init(0, NULL, NULL);
    if (path) {
        make_answer();
        if (!listen_at(path)) return 1;
    }
    struct worker *workers = calloc((size_t)connections, sizeof *workers);
    double begun = now();
    deadline = begun + seconds;
    for (int i = 0; i < connections; i++) {
        workers[i].number = i;
        pthread_create(&workers[i].thread, NULL, path ? serve : run, &workers[i]);
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
