/* tick FILE ID: the job of the benchmark. It reads the clock first thing in main() and appends "ID NANOSECONDS\n" to
   FILE with one write, which O_APPEND makes safe beside a thousand others. Linked statically, so that starting it costs
   as little as starting a program can. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (argc != 3) return 2;
  char line[64];
  int length = snprintf(line, sizeof line, "%s %lld%09ld\n", argv[2], (long long)now.tv_sec, now.tv_nsec);
  int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return 3;
  return write(file, line, length) == length ? 0 : 4;
}
