/* Programs that do not want to end. Built by tests/hostile.rs; called with what to do and a mark that all of its
   processes carry in their arguments. Each ends by itself after a minute, should everything else fail. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void stay(void)
{
    alarm(60);
    for (;;)
        pause();
}

/* A child that does this and stays. */
static void child(void (*what)(void))
{
    if (fork() == 0) {
        what();
        stay();
    }
}

static void nothing(void) {}
static void leave_session(void) { setsid(); }
static void leave_group(void) { setpgid(0, 0); }

/* Away from its parent, its session and, as far as /proc shows it, its environment. */
static void leave_everything(void)
{
    setsid();
    if (fork() != 0)
        _exit(0);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGTERM, SIG_IGN);
}

static void multiply(void)
{
    for (int i = 0; i < 5; i++)
        fork();
    signal(SIGTERM, SIG_IGN);
}

static void deafen(void)
{
    for (int i = 1; i < 32; i++)
        signal(i, SIG_IGN);
    alarm(0);
}

static void print_without_end(int line)
{
    static char text[1 << 16];
    memset(text, line ? 'x' : '\n', sizeof text);
    signal(SIGPIPE, SIG_IGN);
    alarm(60);
    for (;;)
        if (write(1, text, sizeof text) < 0)
            pause();
}

/* No process of it lives long enough to be looked at. */
static void run_away(void)
{
    setsid();
    signal(SIGTERM, SIG_IGN);
    for (time_t until = time(NULL) + 60; time(NULL) < until;) {
        if (fork() != 0)
            _exit(0);
        setsid();
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "session") == 0)
        child(leave_session);
    else if (strcmp(what, "double-fork") == 0)
        child(leave_everything);
    else if (strcmp(what, "bomb") == 0)
        multiply();
    else if (strcmp(what, "deaf") == 0)
        deafen();
    else if (strcmp(what, "stopped") == 0)
        raise(SIGSTOP);
    else if (strcmp(what, "holder") == 0) {
        child(nothing);
        return 0;
    } else if (strcmp(what, "silent") == 0) {
        close(0);
        close(1);
        close(2);
    } else if (strcmp(what, "flood") == 0)
        print_without_end(0);
    else if (strcmp(what, "line") == 0)
        print_without_end(1);
    else if (strcmp(what, "bytes") == 0) {
        write(1, "\0\377\376\0\303(", 6);
        return 0;
    } else if (strcmp(what, "writers") == 0) {
        for (int i = 0; i < 4; i++)
            if (fork() == 0)
                print_without_end(0);
        return 0;
    } else if (strcmp(what, "group") == 0)
        child(leave_group);
    else if (strcmp(what, "storm") == 0) {
        for (int i = 0; i < 4; i++)
            child(run_away);
        usleep(50000);
        return 0;
    } else
        return 64;
    stay();
}
