/* floor PERIOD_S JOBS TICK FILE THREADS: the floor of start lateness.

   Sleeps to each multiple of PERIOD_S on the wall clock; then THREADS threads start JOBS ticks as fast as they can,
   each in a session of its own, and one thread waits for them. There is no history, no pipe and no configuration:
   nothing that supervises can start programs sooner on this machine. */
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static char *tick;
static char *stamps;
static int jobs;
static int threads;
static pthread_barrier_t due;
static pthread_barrier_t started;

static void start_every(int first, int step) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  for (int job = first; job < jobs; job += step) {
    char name[16];
    snprintf(name, sizeof name, "j%05d", job);
    char *argv[] = {tick, stamps, name, NULL};
    pid_t pid;
    if (posix_spawn(&pid, tick, NULL, &attributes, argv, environ) != 0) exit(1);
  }
  posix_spawnattr_destroy(&attributes);
}

static void *starter(void *number) {
  for (;;) {
    pthread_barrier_wait(&due);
    start_every((int)(long)number, threads);
    pthread_barrier_wait(&started);
  }
  return NULL;
}

static void sleep_to_multiple_of(long period_s) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  time.tv_sec = (time.tv_sec / period_s + 1) * period_s;
  time.tv_nsec = 0;
  while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL) != 0) {
  }
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  long period_s = atol(argv[1]);
  jobs = atoi(argv[2]);
  tick = argv[3];
  stamps = argv[4];
  threads = atoi(argv[5]);
  if (period_s < 1 || threads < 1) return 2;
  prctl(PR_SET_TIMERSLACK, 1UL);
  pthread_barrier_init(&due, NULL, (unsigned)threads + 1);
  pthread_barrier_init(&started, NULL, (unsigned)threads + 1);
  for (long number = 0; number < threads; number++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, starter, (void *)number) != 0) return 1;
  }
  for (;;) {
    sleep_to_multiple_of(period_s);
    pthread_barrier_wait(&due);
    pthread_barrier_wait(&started);
    while (waitpid(-1, NULL, 0) > 0) {
    }
  }
}
