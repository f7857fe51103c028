/* supervisor TICK FILE RUNS AT_ONCE DATABASE: the limit of runs per second when each is recorded.

   What any supervisor with a durable history has to do, and nothing else: one loop that keeps AT_ONCE runs going, reads
   their stdout and stderr by pipe, sees their ends by pidfd, and writes two rows a run into SQLite (WAL,
   synchronous=FULL): one before it starts, one after it ended. Rows are committed together, and those of starts before
   the programs are started, since a start that is not on the disk could be repeated after a crash.
   Prints "RUNS_PER_SECOND CPU_MS_PER_RUN". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* What a run is waited for by: the ends of its two pipes, and its process. */
enum { OUTPUT, ERRORS, PROCESS, WATCHED };

struct run {
  long number;
  pid_t pid;
  int fds[WATCHED];
  int open;
  int status;
};

static sqlite3 *database;
static sqlite3_stmt *insert;
static sqlite3_stmt *update;
static int epoll;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void execute(const char *sql) {
  char *message = NULL;
  if (sqlite3_exec(database, sql, NULL, NULL, &message) == SQLITE_OK) return;
  fprintf(stderr, "%s: %s\n", sql, message);
  exit(1);
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static double used_s(int whose) {
  struct rusage used;
  getrusage(whose, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void open_database(const char *path) {
  if (sqlite3_open(path, &database) != SQLITE_OK) fail(path);
  execute("PRAGMA journal_mode = WAL");
  execute("PRAGMA synchronous = FULL");
  execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, job INTEGER, started INTEGER, ended INTEGER, status INTEGER)");
  execute("CREATE INDEX runs_by_job ON runs (job, started)");
  sqlite3_prepare_v2(database, "INSERT INTO runs (id, job, started) VALUES (?, ?, ?)", -1, &insert, NULL);
  sqlite3_prepare_v2(database, "UPDATE runs SET ended = ?, status = ? WHERE id = ?", -1, &update, NULL);
}

static void step(sqlite3_stmt *statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) fail("sqlite3_step");
  sqlite3_reset(statement);
}

static void record_start(const struct run *run) {
  sqlite3_bind_int64(insert, 1, run->number);
  sqlite3_bind_int64(insert, 2, run->number % 1000);
  sqlite3_bind_int64(insert, 3, clock_ns(CLOCK_REALTIME));
  step(insert);
}

static void record_end(const struct run *run) {
  sqlite3_bind_int64(update, 1, clock_ns(CLOCK_REALTIME));
  sqlite3_bind_int(update, 2, run->status);
  sqlite3_bind_int64(update, 3, run->number);
  step(update);
}

static void start(struct run *run, int slot, char *tick, char *stamps) {
  int output[2];
  int errors[2];
  if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) fail("pipe2");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  char name[24];
  snprintf(name, sizeof name, "j%05ld", run->number);
  char *argv[] = {tick, stamps, name, NULL};
  if (posix_spawn(&run->pid, tick, &actions, &attributes, argv, environ) != 0) fail(tick);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(output[1]);
  close(errors[1]);
  run->fds[OUTPUT] = output[0];
  run->fds[ERRORS] = errors[0];
  run->fds[PROCESS] = (int)syscall(SYS_pidfd_open, run->pid, 0);
  run->open = WATCHED;
  for (int which = 0; which < WATCHED; which++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)slot * WATCHED + (uint64_t)which};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, run->fds[which], &event) != 0) fail("epoll_ctl");
  }
}

/* Whether this was the last thing that the run was waited for by. */
static bool hear(struct run *run, int which) {
  char buffer[65536];
  if (which == PROCESS) {
    if (waitpid(run->pid, &run->status, WNOHANG) != run->pid) return false;
  } else {
    ssize_t got = read(run->fds[which], buffer, sizeof buffer);
    if (got > 0 || (got < 0 && errno == EAGAIN)) return false;
  }
  close(run->fds[which]);
  return --run->open == 0;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  long runs = atol(argv[3]);
  int at_once = atoi(argv[4]);
  if (runs < 1 || at_once < 1) return 2;
  open_database(argv[5]);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct run *slots = calloc((size_t)at_once, sizeof *slots);
  int *idle = calloc((size_t)at_once, sizeof *idle);
  if (slots == NULL || idle == NULL) fail("calloc");
  int idle_count = at_once;
  for (int slot = 0; slot < at_once; slot++) idle[slot] = slot;

  int64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
  long begun = 0;
  long ended = 0;
  while (ended < runs) {
    /* Half of the runs share a sync, ends with the starts that they make room for; meanwhile the other half goes on. */
    if (begun < runs && idle_count * 2 >= at_once) {
      int idle_before = idle_count;
      execute("BEGIN");
      while (idle_count > 0 && begun < runs) {
        struct run *run = &slots[idle[--idle_count]];
        if (run->pid != 0) record_end(run);
        run->number = begun++;
        record_start(run);
      }
      execute("COMMIT");
      for (int index = idle_count; index < idle_before; index++) {
        start(&slots[idle[index]], idle[index], argv[1], argv[2]);
      }
    }

    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, 256, -1);
    for (int index = 0; index < count; index++) {
      int slot = (int)(events[index].data.u64 / WATCHED);
      if (!hear(&slots[slot], (int)(events[index].data.u64 % WATCHED))) continue;
      idle[idle_count++] = slot;
      ended++;
    }
  }
  /* The ends that made room for nothing. */
  execute("BEGIN");
  for (int index = 0; index < idle_count; index++) {
    if (slots[idle[index]].pid != 0) record_end(&slots[idle[index]]);
  }
  execute("COMMIT");
  double took_s = (double)(clock_ns(CLOCK_MONOTONIC) - begun_ns) / 1e9;

  double cpu_s = used_s(RUSAGE_SELF) + used_s(RUSAGE_CHILDREN);
  printf("%.1f %.4f\n", (double)runs / took_s, cpu_s * 1e3 / (double)runs);
  return 0;
}
