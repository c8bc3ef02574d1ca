/* Preloaded: the time of day is by so many seconds fast as the file named in FAST_BY says.
 *
 * Only what tells the time of day is changed. Clocks that measure how long something takes, and everything that sleeps,
 * stay as they are, as on a host whose clock is set; libfaketime 0.9.10 makes short sleeps fail with EINVAL.
 * Build: cc -shared -fPIC -o other_clock.so other_clock.c
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long fast(void)
{
    static __thread struct timespec looked;
    static __thread long seconds;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    if (looked.tv_sec != now.tv_sec) {
        const char *name = getenv("FAST_BY");
        FILE *file = name ? fopen(name, "re") : NULL;
        long read;
        looked = now;
        if (file) {
            if (fscanf(file, "%ld", &read) == 1)
                seconds = read;
            fclose(file);
        }
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += fast();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
