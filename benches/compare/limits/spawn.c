/* spawn TICK FILE RUNS WORKERS: the limit of runs per second when nothing is recorded.

   WORKERS processes, each on a core of its own, start a tick and wait for it, over and over, until RUNS were run.
   Prints "RUNS_PER_SECOND CPU_MS_PER_RUN". */
#define _GNU_SOURCE
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void stay_on(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

static void run_over_and_over(char *tick, char *stamps, int runs) {
  for (int run = 0; run < runs; run++) {
    char name[16];
    snprintf(name, sizeof name, "j%05d", run);
    char *argv[] = {tick, stamps, name, NULL};
    pid_t pid;
    if (posix_spawn(&pid, tick, NULL, NULL, argv, environ) != 0) _exit(1);
    waitpid(pid, NULL, 0);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int runs = atoi(argv[3]);
  int workers = atoi(argv[4]);
  if (runs < 1 || workers < 1) return 2;
  double begun_s = now_s();
  for (int worker = 0; worker < workers; worker++) {
    if (fork() == 0) {
      stay_on(worker);
      run_over_and_over(argv[1], argv[2], runs / workers);
      _exit(0);
    }
  }
  while (wait(NULL) > 0) {
  }
  double took_s = now_s() - begun_s;
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  int done = runs / workers * workers;
  printf("%.1f %.4f\n", done / took_s, cpu_s * 1e3 / done);
  return 0;
}
