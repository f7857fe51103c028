/* flood BYTES GO REPORT: a job that prints BYTES in lines of 64 bytes, as fast as they are taken.

   Only the run that can remove the file GO prints; all others end at once. When everything was printed, nobody reads any
   more, or SIGTERM came, it writes "BYTES_PRINTED SECONDS" into REPORT. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 64, PIECE_BYTES = 65536 };

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Does nothing: a write that it interrupts is the last one. */
static void stop(int number) { (void)number; }

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  long long left = atoll(argv[1]);
  long long printed = 0;
  if (unlink(argv[2]) != 0) return 0;
  signal(SIGPIPE, SIG_IGN);
  struct sigaction on_stop = {.sa_handler = stop};
  sigaction(SIGTERM, &on_stop, NULL);
  static char piece[PIECE_BYTES];
  for (int at = 0; at < PIECE_BYTES; at++) piece[at] = at % LINE_BYTES == LINE_BYTES - 1 ? '\n' : (char)('a' + at % 26);
  double begun_s = now_s();
  while (left > 0) {
    ssize_t written = write(STDOUT_FILENO, piece, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES);
    if (written <= 0) break;
    left -= written;
    printed += written;
  }
  int report = open(argv[3], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (report < 0) return 3;
  dprintf(report, "%lld %.3f\n", printed, now_s() - begun_s);
  return 0;
}
