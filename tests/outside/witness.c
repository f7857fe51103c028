/* witness EVIDENCE PLAN CODE EVERY MILLISECONDS [INPUT]: the job of the outside checker. It appends what it does to
   EVIDENCE, each line with one write, which O_APPEND makes whole beside a hundred others. freshd never reads that file.

   Lines: KIND JOB DUE RUN ATTEMPT PID NANOSECONDS VALUE, where KIND is `start`, `alive` (while it waits), `wrote` (a whole
   or a bad candidate) and `end` with the code it exits with. It fails with CODE, or writes a bad candidate, when EVERY
   divides RUN + ATTEMPT. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TOLD_TO_END = 143, TORN = 90, BROKEN = 99, SLICE_MS = 200 };

static int evidence;

static const char *word(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : "-";
}

static void say(const char *kind, const char *value) {
  struct timespec now;
  char line[256];
  clock_gettime(CLOCK_MONOTONIC, &now);
  int length = snprintf(line, sizeof line, "%s %s %s %s %s %d %lld%09ld %s\n", kind, word("FRESHD_JOB"), word("FRESHD_DUE"),
                        word("FRESHD_RUN_ID"), word("FRESHD_ATTEMPT"), getpid(), (long long)now.tv_sec, now.tv_nsec, value);
  if (write(evidence, line, length) != length) _exit(BROKEN);
}

static void end(int code) {
  char text[8];
  snprintf(text, sizeof text, "%d", code);
  say("end", text);
  _exit(code);
}

static void told_to_end(int number) {
  (void)number;
  end(TOLD_TO_END);
}

static void pause_ms(long milliseconds) {
  struct timespec slice = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&slice, NULL);
}

static void wait_ms(long milliseconds) {
  for (; milliseconds > SLICE_MS; milliseconds -= SLICE_MS) {
    pause_ms(SLICE_MS);
    say("alive", "-");
  }
  if (milliseconds > 0) pause_ms(milliseconds);
}

static void print_much(void) {
  char line[1024];
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  for (int count = 0; count < 96; count++)
    if (write(1, line, sizeof line) < 0) return;
}

/* Rows that each say how many there are and who wrote them: half a file, or one of two writers, cannot look whole. */
static void write_candidate(int is_bad, long milliseconds) {
  long run = atol(word("FRESHD_RUN_ID"));
  long rows = 100 + run % 400;
  int file = open(word("FRESHD_OUTPUT"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) end(BROKEN);
  dprintf(file, "row,of,run,attempt\n");
  for (long row = 1; row <= rows; row++) {
    if (is_bad && row == rows / 2) {
      dprintf(file, "%ld,%ld,", row, rows);
      break;
    }
    dprintf(file, "%ld,%ld,%ld,%s\n", row, rows, run, word("FRESHD_ATTEMPT"));
    if (row % 50 == 0) pause_ms(milliseconds / 8);
  }
  close(file);
  say("wrote", is_bad ? "bad" : "whole");
}

/* Whether an input is a whole candidate of one writer. */
static int is_whole(const char *path) {
  FILE *file = fopen(path, "r");
  char line[256];
  long row, of = -1, run, first_run = -1, seen = 0;
  if (!file || !fgets(line, sizeof line, file)) return 0;
  while (fgets(line, sizeof line, file)) {
    if (!strchr(line, '\n') || sscanf(line, "%ld,%ld,%ld,", &row, &of, &run) != 3) return 0;
    if (row != ++seen || (first_run >= 0 && run != first_run)) return 0;
    first_run = run;
  }
  return seen == of;
}

int main(int count, char **words) {
  if (count < 6) return 2;
  evidence = open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (evidence < 0) return 3;
  const char *plan = words[2];
  int is_stubborn = !strcmp(plan, "stubborn");
  signal(SIGTERM, is_stubborn ? SIG_IGN : told_to_end);
  say("start", plan);
  int code = atoi(words[3]);
  long every = atol(words[4]), milliseconds = atol(words[5]);
  int is_bad = every > 0 && (atol(word("FRESHD_RUN_ID")) + atol(word("FRESHD_ATTEMPT"))) % every == 0;
  if (!strcmp(plan, "writes")) {
    write_candidate(is_bad, milliseconds);
    end(0);
  }
  wait_ms(milliseconds);
  if (!strcmp(plan, "kills-itself")) raise(SIGKILL);
  if (!strcmp(plan, "prints")) print_much();
  if (!strcmp(plan, "reads") && (count < 7 || !is_whole(word(words[6])))) end(TORN);
  end(is_bad ? code : 0);
}
